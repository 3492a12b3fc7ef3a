"""Compare the speed of the tokenizer with the legacy Keras class that it replaces.

Both fit on the 50,000 reviews of IMDB and encode them, alternating in one process. Figures are medians of processor seconds
(both run in one thread) and ratios of medians. The ids of English reviews are compared too. Needs IMDB in ZOO_SHARED.
"""

from __future__ import annotations

import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow_datasets as tfds
from rows import add_row, shared_data
from tensorflow.keras.preprocessing.text import Tokenizer as LegacyTokenizer

from zoo.text import Tokenizer

ROUNDS = 5


def reviews() -> list[str]:
    """Return the texts of the training and test parts."""
    data = tfds.load("imdb_reviews", split="train+test", data_dir=str(shared_data() / "tfds"), download=False)
    return [example["text"].decode() for example in data.as_numpy_iterator()]


def seconds(make, texts: list[str]) -> tuple[float, float]:
    """Return the processor seconds of fitting and of encoding."""
    tokenizer = make(oov_token="<unk>")
    begun = time.process_time()
    tokenizer.fit_on_texts(texts)
    fitted = time.process_time()
    tokenizer.texts_to_sequences(texts)
    return fitted - begun, time.process_time() - fitted


def check_equal(texts: list[str]) -> None:
    """Exit if the ids differ: ASCII reviews have the same ids in both."""
    ids = []
    for make in (LegacyTokenizer, Tokenizer):
        tokenizer = make(oov_token="<unk>")
        tokenizer.fit_on_texts(texts)
        ids.append(tokenizer.texts_to_sequences(texts))
    if ids[0] != ids[1]:
        raise SystemExit("The tokenizers give different ids; their speed cannot be compared.")


if __name__ == "__main__":
    texts = reviews()
    check_equal([text for text in texts[:5000] if text.isascii()])
    measured = {"legacy class": [], "ours": []}
    for _ in range(ROUNDS):
        measured["legacy class"].append(seconds(LegacyTokenizer, texts))
        measured["ours"].append(seconds(Tokenizer, texts))
    for step, of in (("fit", lambda times: times[0]), ("encode", lambda times: times[1]), ("fit and encode", sum)):
        medians = {name: statistics.median(map(of, runs)) for name, runs in measured.items()}
        for name, value in medians.items():
            add_row("tokenizer", f"{step} {len(texts):,} reviews of IMDB, {name}, median", value, "s", ROUNDS)
        ratio = medians["legacy class"] / medians["ours"]
        add_row("tokenizer", f"{step} {len(texts):,} reviews of IMDB, legacy class / ours", ratio, "ratio", ROUNDS)
