"""What training reads: batches, changed by augmentation, and the weight of each class."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from zoo.config import Settings
from zoo.errors import UnknownNameError, UsageError
from zoo.pipeline.augmentation import Augmentation
from zoo.pipeline.splits import Splits


def augmentation_of(data: Splits, settings: Settings) -> Augmentation:
    """Return how the images of a batch are changed, as `augment_*` of the settings say.

    Raises:
        UsageError: changes are asked for and the data are no images.
    """
    given = {name: getattr(settings, f"augment_{name}") for name in ("shift", "rotate", "zoom", "cutout")}
    augmentation = Augmentation(**given)
    if augmentation != Augmentation() and data.info.task.input_name != "image":
        used = ", ".join(f"augment_{name}={value}" for name, value in given.items() if value)
        raise UsageError(
            f"Only images are shifted, rotated, zoomed or cut out. Received: {used} for {data.info.task_name}. Leave it out; "
            "texts have model.token_dropout."
        )
    return augmentation


def training_batches(data: Splits, augmentation: Augmentation, first_batch: int = 0) -> tf.data.Dataset:
    """Return the training part without end, from a batch counted over all passes."""
    return augmentation.apply(data.training_stream(first_batch), seed=data.seed, first_batch=first_batch)


def class_weights(data: Splits, settings: Settings) -> dict[int, float] | None:
    """Return the weight of each class number's loss.

    Raises:
        UsageError: the data have no classes.
        UnknownNameError: they lack one that is given.
    """
    given = settings.class_weight
    if given is None:
        return None
    names = [str(label) for label in data.info.labels]
    if not names:
        raise UsageError(f"Only classes have weights. Received: class_weight={given} for regression. Leave it out.")
    if isinstance(given, str):  # "balanced"
        from sklearn.utils.class_weight import compute_class_weight

        targets = data.targets("train")
        present = np.unique(targets)
        return dict(zip(present.tolist(), compute_class_weight("balanced", classes=present, y=targets).tolist(), strict=True))
    for name in given:
        if name not in names:
            raise UnknownNameError("label in class_weight", name, names)
    return {number: float(given.get(name, 1.0)) for number, name in enumerate(names)}
