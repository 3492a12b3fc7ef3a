"""The small digits of scikit-learn."""

from __future__ import annotations

from typing import Any

from zoo.registry import register_dataset


@register_dataset(task="image_classification", tags=("image", "embedded"))
def digits() -> tuple[Any, Any]:
    """Optical digits: 1,797 images of handwritten digits, 8 x 8 grey, 10 classes; comes with scikit-learn.

    Float images in 0..1 (scikit-learn's 0..16 divided by 16).

    References:
        Alpaydin and Kaynak, Optical recognition of handwritten digits, UCI Machine Learning Repository 1998.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return (bunch.images / 16.0).astype("float32"), bunch.target
