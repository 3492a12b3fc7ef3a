"""Draw how gradient descent, momentum, RMSprop and Adam approach the closed form of a linear regression.

`python scripts/plot_optimizers.py` writes docs/pictures/optimizers.png. Each step uses the whole training part of diabetes;
the learning rate of each optimizer is the one in a grid with the lowest error after the last step.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from matplotlib.figure import Figure

import zoo
from zoo.training.optimizers import make_optimizer

PICTURE = Path(__file__).parent.parent / "docs" / "pictures" / "optimizers.png"
STEPS = 1000
ROUNDING = 2e-7  # a few times the float32 rounding of an error of about 0.5
RATES = {
    "sgd": (0.03, 0.1, 0.2, 0.25),
    "momentum": (0.003, 0.01, 0.03, 0.1),
    "rmsprop": (0.001, 0.003, 0.01, 0.03),
    "adam": (0.003, 0.01, 0.03, 0.1, 0.3),
}
NAMES = {"sgd": "gradient descent", "momentum": "momentum 0.9", "rmsprop": "RMSprop", "adam": "Adam"}


def main() -> None:
    """Train with every optimizer and rate, and draw the best of each."""
    data = zoo.load_data("diabetes", batch_size=10_000)
    ((features, targets),) = data.train.as_numpy_iterator()
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    targets = (targets - targets.mean()) / targets.std()
    design = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    closed_form = np.linalg.lstsq(design, targets, rcond=None)[0]
    lowest = float(np.square(design @ closed_form - targets).mean())
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for name, rates in RATES.items():
        curves = {rate: descend(name, rate, features, targets) - lowest for rate in rates}
        best = min(rates, key=lambda rate: curves[rate][-50:].mean())
        axes.plot(np.maximum(curves[best], ROUNDING), label=f"{NAMES[name]}, rate {best:g}")
        print(f"{name}: rate {best:g}, {curves[best][-1]:.2g} above the closed form after {STEPS} steps")
    axes.set_yscale("log")
    axes.set_xlabel("step over the whole training part")
    axes.set_ylabel("mean squared error above the closed form")
    axes.set_title("Linear regression on diabetes, columns and target standardised")
    axes.legend()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=120)


def descend(name: str, rate: float, features: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the training error before each step, `(steps,)`."""
    keras.utils.set_random_seed(0)
    model = zoo.build("linear", input_shape=features.shape[1:], num_outputs=1, optimizer=make_optimizer(name, rate))
    losses = []
    for _ in range(STEPS):
        model.reset_metrics()  # else the loss is a mean over all steps so far
        losses.append(model.train_on_batch(features, targets, return_dict=True)["loss"])
    return np.array(losses, np.float64)


if __name__ == "__main__":
    main()
