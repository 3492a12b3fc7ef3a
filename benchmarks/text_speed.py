"""Training tokens per second of `lstm` and `transformer` against the same models in PyTorch (eager, on the CPU).

The batches are the same: 60 of 64 IMDB reviews each, as `load_data` gives them, at most 256 tokens. Both handle padding: the
LSTM of PyTorch by packed sequences, its attention by a mask, its pooling over real tokens only. Both drop the same rates and
step with Adam. The transformer has two peers: one of PyTorch's own `TransformerEncoderLayer`, one written by hand round its
fused attention. Ours and PyTorch's run in turn in one process. Needs IMDB in ZOO_SHARED, and torch
(`pip install -c constraints.txt -e '.[bench]'`).
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # else threads of the one that rests keep the other from the two cores

import numpy as np
import tensorflow as tf
import torch
from rows import add_row, shared_data
from torch import nn

import zoo

BATCHES = 60
RUNS = 5
WIDTH = 64
DROPOUT = {"lstm": 0.2, "transformer": 0.1}


class TorchLSTM(nn.Module):
    """`lstm` as it is by default."""

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary_size, WIDTH, padding_idx=0)
        self.lstm = nn.LSTM(WIDTH, WIDTH, batch_first=True)
        self.drop = nn.Dropout(DROPOUT["lstm"])
        self.logits = nn.Linear(WIDTH, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return logits of `(batch, time)` ids."""
        is_token = ids != 0
        packed = nn.utils.rnn.pack_padded_sequence(self.embed(ids), is_token.sum(1), batch_first=True, enforce_sorted=False)
        outputs, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        pooled = outputs.masked_fill(~is_token[..., None], -torch.inf).amax(1)
        return self.logits(self.drop(pooled))


class TorchTransformer(nn.Module):
    """`transformer` as it is by default: one block of two heads, normalisation before."""

    def __init__(self, vocabulary_size: int, length: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary_size, WIDTH, padding_idx=0)
        self.positions = nn.Embedding(length, WIDTH)
        self.norms = nn.ModuleList([nn.LayerNorm(WIDTH) for _ in range(3)])
        self.query_key_value = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.project = nn.Linear(WIDTH, WIDTH, bias=False)
        self.feed_forward = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.ReLU(), nn.Linear(2 * WIDTH, WIDTH))
        self.drop = nn.Dropout(DROPOUT["transformer"])
        self.logits = nn.Linear(WIDTH, 2)

    def attend(self, x: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        """Return self-attention of `(batch, time, width)` over real tokens, by PyTorch's fused kernel."""
        batch, time_, _ = x.shape
        heads = (
            self.query_key_value(x).view(batch, time_, 3, 2, WIDTH // 2).permute(2, 0, 3, 1, 4)
        )  # (3, batch, heads, time, dim)
        mixed = nn.functional.scaled_dot_product_attention(*heads, attn_mask=is_token[:, None, None, :])
        return self.project(mixed.transpose(1, 2).reshape(batch, time_, WIDTH))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return logits of `(batch, time)` ids."""
        is_token = ids != 0
        x = self.embed(ids) + self.positions(torch.arange(ids.shape[1]))
        x = x + self.drop(self.attend(self.norms[0](x), is_token))
        x = x + self.drop(self.feed_forward(self.norms[1](x)))
        pooled = self.norms[2](x).masked_fill(~is_token[..., None], -torch.inf).amax(1)
        return self.logits(self.drop(pooled))


class TorchEncoderLayer(TorchTransformer):
    """The same with PyTorch's own layer; its attention has biases, which ours leaves out, and drops no weights, as ours."""

    def __init__(self, vocabulary_size: int, length: int) -> None:
        super().__init__(vocabulary_size, length)
        del self.query_key_value, self.project, self.feed_forward
        self.block = nn.TransformerEncoderLayer(WIDTH, 2, 2 * WIDTH, DROPOUT["transformer"], batch_first=True, norm_first=True)
        self.block.self_attn.dropout = 0.0

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return logits of `(batch, time)` ids."""
        is_token = ids != 0
        x = self.block(self.embed(ids) + self.positions(torch.arange(ids.shape[1])), src_key_padding_mask=~is_token)
        pooled = self.norms[2](x).masked_fill(~is_token[..., None], -torch.inf).amax(1)
        return self.logits(self.drop(pooled))


def torch_epoch(model: nn.Module, batches: list[tuple[np.ndarray, np.ndarray]]) -> Callable[[], None]:
    """Return what trains a PyTorch model on all batches."""
    optimizer = torch.optim.Adam(model.parameters())
    loss = nn.CrossEntropyLoss()
    tensors = [(torch.from_numpy(ids.astype(np.int64)), torch.from_numpy(labels)) for ids, labels in batches]

    def epoch() -> None:
        model.train()
        for ids, labels in tensors:
            optimizer.zero_grad()
            loss(model(ids), labels).backward()
            optimizer.step()

    return epoch


def zoo_epoch(name: str, data: zoo.Splits, batches: list[tuple[np.ndarray, np.ndarray]]) -> Callable[[], None]:
    """Return what trains a zoo model on all batches, with nothing measured but the loss, as in the PyTorch loop."""
    model = zoo.build(name, data=data)
    model.compile(optimizer="adam", loss=model.loss)
    kinds = (tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None,), tf.int64))
    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=kinds).prefetch(2).with_options(options)
    return lambda: model.fit(dataset, verbose=0, shuffle=False)


def seconds(run: Callable[[], None]) -> float:
    """Return how long a call takes."""
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def main() -> None:
    """Measure both models in turn and add the rows."""
    data = zoo.load_data("imdb_reviews", batch_size=64, data_dir=str(shared_data() / "tfds"))
    batches = [(ids, labels) for ids, labels in data.train.take(BATCHES).as_numpy_iterator()]
    tokens = sum(int((ids != 0).sum()) for ids, _ in batches)
    torch.manual_seed(0)
    size, length = data.info.text.vocabulary_size, data.info.text.max_length
    pairs = {
        "lstm, packed sequences": ("lstm", TorchLSTM(size)),
        "transformer, TransformerEncoderLayer": ("transformer", TorchEncoderLayer(size, length)),
        "transformer, fused attention by hand": ("transformer", TorchTransformer(size, length)),
    }
    for what, (name, peer) in pairs.items():
        ours, theirs = zoo_epoch(name, data, batches), torch_epoch(peer, batches)
        ours(), theirs()  # trace and warm up
        times: dict[str, list[float]] = {"zoo": [], "torch": []}
        for _ in range(RUNS):
            times["zoo"].append(seconds(ours))
            times["torch"].append(seconds(theirs))
        for who, measured in times.items():
            add_row(
                "text_speed", f"{what}: {who}, median training speed", tokens / statistics.median(measured), "tokens/s", RUNS
            )
        ratio = statistics.median(theirs_s / ours_s for ours_s, theirs_s in zip(times["zoo"], times["torch"], strict=True))
        add_row("text_speed", f"{what}: zoo / torch, median of the rounds' ratios", ratio, "ratio", RUNS)


if __name__ == "__main__":
    main()
