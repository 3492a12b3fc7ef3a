"""Compare the training speed of `lstm` and `transformer` with the same models in PyTorch (eager, on the CPU).

The batches are the same: 60 batches of 64 IMDB reviews from `load_data`, with at most 256 tokens. Both handle padding, use
the same dropout rates and train with Adam. The LSTM has two peers: one with packed sequences, PyTorch's own way of handling
padding, and one that processes the padding and excludes it from the maximum over time, as zoo does. The transformer also has
two: PyTorch's own `TransformerEncoderLayer`, and a hand-written model with fused attention. Each measurement runs in its own
process, because the threads of one library slow the other down; processes alternate.
Needs IMDB in ZOO_SHARED, and torch (`pip install -c constraints.txt -e '.[bench]'`).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import torch
from rows import add_row, shared_data
from torch import nn

BATCHES = 60
RUNS = 5
WIDTH = 64
DROPOUT = {"lstm": 0.2, "transformer": 0.1}
Batches = list[tuple[np.ndarray, np.ndarray]]


class TorchLSTM(nn.Module):
    """`lstm` with default arguments."""

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary_size, WIDTH, padding_idx=0)
        self.lstm = nn.LSTM(WIDTH, WIDTH, batch_first=True)
        self.drop = nn.Dropout(DROPOUT["lstm"])
        self.logits = nn.Linear(WIDTH, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return logits of `(batch, time)` ids."""
        is_token = ids != 0
        pooled = self.read(self.embed(ids), is_token.sum(1)).masked_fill(~is_token[..., None], -torch.inf).amax(1)
        return self.logits(self.drop(pooled))

    def read(self, x: torch.Tensor, _lengths: torch.Tensor) -> torch.Tensor:
        """Return the LSTM's outputs; those at padding are not used."""
        return self.lstm(x)[0]


class TorchPackedLSTM(TorchLSTM):
    """The same with packed sequences."""

    def read(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return the LSTM's outputs, zero at padding."""
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)[0]


class TorchTransformer(nn.Module):
    """`transformer` with default arguments: one pre-normalised block with two heads."""

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
        """Return self-attention of `(batch, time, width)` over real tokens, with PyTorch's fused kernel."""
        batch, time_, _ = x.shape
        heads = (
            self.query_key_value(x).view(batch, time_, 3, 2, WIDTH // 2).permute(2, 0, 3, 1, 4)
        )  # (3, batch, heads, time, dim)
        mixed = nn.functional.scaled_dot_product_attention(*heads, attn_mask=is_token[:, None, None, :])
        return self.project(mixed.transpose(1, 2).reshape(batch, time_, WIDTH))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return logits of `(batch, time)` ids."""
        is_token = ids != 0
        x = self.read(self.embed(ids) + self.positions(torch.arange(ids.shape[1])), is_token)
        pooled = self.norms[2](x).masked_fill(~is_token[..., None], -torch.inf).amax(1)
        return self.logits(self.drop(pooled))

    def read(self, x: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        """Return the outputs of the block."""
        x = x + self.drop(self.attend(self.norms[0](x), is_token))
        return x + self.drop(self.feed_forward(self.norms[1](x)))


class TorchEncoderLayer(TorchTransformer):
    """The same with PyTorch's own layer; its attention has biases, unlike zoo's; neither has attention dropout."""

    def __init__(self, vocabulary_size: int, length: int) -> None:
        super().__init__(vocabulary_size, length)
        del self.query_key_value, self.project, self.feed_forward
        self.block = nn.TransformerEncoderLayer(WIDTH, 2, 2 * WIDTH, DROPOUT["transformer"], batch_first=True, norm_first=True)
        self.block.self_attn.dropout = 0.0

    def read(self, x: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        """Return the outputs of the block."""
        return self.block(x, src_key_padding_mask=~is_token)


def torch_epoch(model: nn.Module, batches: Batches) -> Callable[[], None]:
    """Return a function that trains a PyTorch model on all batches."""
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


def zoo_epoch(name: str, arguments: dict[str, int], batches: Batches) -> Callable[[], None]:
    """Return a function that trains a zoo model on all batches and computes only the loss, as the PyTorch loop does."""
    import tensorflow as tf

    import zoo

    model = zoo.build(name, **arguments)
    model.compile(optimizer="adam", loss=model.loss)
    kinds = (tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None,), tf.int64))
    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=kinds).prefetch(2).with_options(options)
    return lambda: model.fit(dataset, verbose=0, shuffle=False)


def save_batches(path: Path) -> None:
    """Write batches, and the sizes that their models need, to one NumPy file."""
    import zoo

    data = zoo.load_data("imdb_reviews", batch_size=64, data_dir=str(shared_data() / "tfds"))
    arrays = {"sizes": np.array([data.info.preprocessor.vocabulary_size, data.info.preprocessor.max_length])}
    for index, (ids, labels) in enumerate(data.train.take(BATCHES).as_numpy_iterator()):
        arrays |= {f"ids_{index}": ids, f"labels_{index}": labels}
    np.savez(path, **arrays)


def measure(what: str, path: Path) -> float:
    """Return the tokens per second of one model in its second epoch; the first one traces and warms up."""
    arrays = np.load(path)
    size, length = map(int, arrays["sizes"])
    batches = [(arrays[f"ids_{index}"], arrays[f"labels_{index}"]) for index in range(BATCHES)]
    torch.manual_seed(0)
    epochs: dict[str, Callable[[], Callable[[], None]]] = {
        "lstm": lambda: zoo_epoch("lstm", {"vocabulary_size": size}, batches),
        "lstm of torch": lambda: torch_epoch(TorchLSTM(size), batches),
        "lstm of torch, packed sequences": lambda: torch_epoch(TorchPackedLSTM(size), batches),
        "transformer": lambda: zoo_epoch("transformer", {"vocabulary_size": size, "max_sequence_length": length}, batches),
        "transformer of torch, TransformerEncoderLayer": lambda: torch_epoch(TorchEncoderLayer(size, length), batches),
        "transformer of torch, fused attention by hand": lambda: torch_epoch(TorchTransformer(size, length), batches),
    }
    epoch = epochs[what]()
    epoch()
    begun = time.perf_counter()
    epoch()
    return sum(int((ids != 0).sum()) for ids, _ in batches) / (time.perf_counter() - begun)


PEERS = {
    "lstm": ("lstm of torch", "lstm of torch, packed sequences"),
    "transformer": ("transformer of torch, TransformerEncoderLayer", "transformer of torch, fused attention by hand"),
}


def main() -> None:
    """Measure all models, alternating, each in its own process, and add the rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "batches.npz"
        save_batches(path)

        def in_own_process(what: str) -> float:
            command = [sys.executable, __file__, what, str(path)]
            answer = subprocess.run(command, capture_output=True, text=True, check=True)
            return float(answer.stdout.strip().splitlines()[-1])

        for name, peers in PEERS.items():
            rounds = [{what: in_own_process(what) for what in (name, *peers)} for _ in range(RUNS)]
            for what in (name, *peers):
                speed = statistics.median(speeds[what] for speeds in rounds)
                add_row("text_speed", f"{what}, median training speed", speed, "tokens/s", RUNS)
            for peer in peers:
                ratio = statistics.median(speeds[name] / speeds[peer] for speeds in rounds)
                add_row("text_speed", f"{name} / {peer}, median of the rounds' ratios", ratio, "ratio", RUNS)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(measure(sys.argv[1], Path(sys.argv[2])))
    else:
        main()
