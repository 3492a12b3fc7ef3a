"""Three examples from the Keras website, written from their public descriptions, as peers of zoo's recipes.

`python benchmarks/keras_examples.py NAME SEED` trains one of them and prints its times and its test accuracy as JSON. The
website's data sets come ready to use. Here, they are prepared once in a file that the example reads, so that preparation time
is not counted. As on the website, the IMDB examples validate on the test set after each epoch.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from keras import layers

FOLDER = Path(tempfile.gettempdir()) / "zoo-keras-examples"


class Clock(keras.callbacks.Callback):
    """Records the time spent in validation."""

    def on_train_begin(self, logs: Any = None) -> None:
        self.validation_s = 0.0

    def on_test_begin(self, logs: Any = None) -> None:
        self._begun = time.perf_counter()

    def on_test_end(self, logs: Any = None) -> None:
        self.validation_s += time.perf_counter() - self._begun


def mnist() -> tuple[keras.Model, dict[str, Any]]:
    """Simple MNIST convnet: 15 epochs of batches of 128, a tenth held out."""
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model, {"batch_size": 128, "epochs": 15, "validation_split": 0.1}


def lstm() -> tuple[keras.Model, dict[str, Any]]:
    """Bidirectional LSTM on IMDB: 2 epochs of batches of 32."""
    inputs = keras.Input((None,), dtype="int32")
    x = layers.Embedding(20_000, 128)(inputs)
    x = layers.Bidirectional(layers.LSTM(64, return_sequences=True))(x)
    x = layers.Bidirectional(layers.LSTM(64))(x)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model, {"batch_size": 32, "epochs": 2}


class Block(layers.Layer):
    """Self-attention and a dense layer, each followed by dropout, residual addition and normalisation."""

    def __init__(self, width: int, num_heads: int, intermediate: int, rate: float = 0.1) -> None:
        super().__init__()
        self.attend = layers.MultiHeadAttention(num_heads=num_heads, key_dim=width)
        self.dense = keras.Sequential([layers.Dense(intermediate, activation="relu"), layers.Dense(width)])
        self.norms = [layers.LayerNormalization(epsilon=1e-6) for _ in range(2)]
        self.drops = [layers.Dropout(rate) for _ in range(2)]

    def call(self, x: Any) -> Any:
        x = self.norms[0](x + self.drops[0](self.attend(x, x)))
        return self.norms[1](x + self.drops[1](self.dense(x)))


class Positions(layers.Layer):
    """Token embeddings plus position embeddings."""

    def __init__(self, length: int, vocabulary: int, width: int) -> None:
        super().__init__()
        self.tokens, self.places = layers.Embedding(vocabulary, width), layers.Embedding(length, width)

    def call(self, x: Any) -> Any:
        return self.tokens(x) + self.places(keras.ops.arange(keras.ops.shape(x)[-1]))


def transformer() -> tuple[keras.Model, dict[str, Any]]:
    """Transformer block on IMDB: 2 epochs of batches of 32."""
    inputs = keras.Input((200,))
    x = Positions(200, 20_000, 32)(inputs)
    x = Block(32, 2, 32)(x)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dropout(0.1)(x)
    x = layers.Dense(20, activation="relu")(x)
    x = layers.Dropout(0.1)(x)
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, {"batch_size": 32, "epochs": 2}


EXAMPLES = {"mnist": mnist, "lstm": lstm, "transformer": transformer}


def prepare(name: str) -> Path:
    """Return the file of arrays that an example reads; create it if it is missing."""
    path = FOLDER / ("mnist.npz" if name == "mnist" else "imdb.npz")
    if path.exists():
        return path
    import tensorflow_datasets as tfds

    import zoo

    path.parent.mkdir(exist_ok=True)
    source = "mnist" if name == "mnist" else "imdb_reviews"
    parts = {}
    for part in ("train", "test"):
        batch = tfds.as_numpy(tfds.load(source, split=part, batch_size=-1))
        parts[part] = (batch["image" if name == "mnist" else "text"], batch["label"])
    order = np.random.default_rng(0).permutation(len(parts["train"][1]))  # the reviews are sorted by label in some sources
    features = {part: each[0] for part, each in parts.items()}
    if name != "mnist":
        tokenizer = zoo.text.Tokenizer(num_words=19_999, oov_token="<unknown>")
        texts = {part: [text.decode() for text in each[0]] for part, each in parts.items()}
        tokenizer.fit_on_texts(texts["train"])
        features = {
            part: keras.utils.pad_sequences(tokenizer.texts_to_sequences(each), maxlen=200) for part, each in texts.items()
        }  # 0 is padding; keep the last 200 words
    np.savez(
        path,
        x_train=features["train"][order],
        y_train=parts["train"][1][order],
        x_test=features["test"],
        y_test=parts["test"][1],
    )
    return path


def run(name: str, seed: int) -> dict[str, float]:
    """Train an example and return its times in seconds and its test accuracy."""
    with np.load(FOLDER / ("mnist.npz" if name == "mnist" else "imdb.npz")) as arrays:
        x_train, y_train, x_test, y_test = (arrays[part] for part in ("x_train", "y_train", "x_test", "y_test"))
    if name == "mnist":
        x_train, x_test = (x.astype("float32") / 255 for x in (x_train, x_test))
        y_train, y_test = (keras.utils.to_categorical(y, 10) for y in (y_train, y_test))
    keras.utils.set_random_seed(seed)
    model, given = EXAMPLES[name]()
    if name != "mnist":
        given["validation_data"] = (x_test, y_test)
    clock = Clock()
    begun = time.perf_counter()
    model.fit(x_train, y_train, verbose=0, callbacks=[clock], **given)
    fit_s = time.perf_counter() - begun
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    return {"fit_s": fit_s, "validation_s": clock.validation_s, "accuracy": float(accuracy)}


if __name__ == "__main__":
    if sys.argv[2] == "prepare":
        prepare(sys.argv[1])
    else:
        print(json.dumps(run(sys.argv[1], int(sys.argv[2]))))
