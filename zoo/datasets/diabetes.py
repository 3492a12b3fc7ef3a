"""Progression of diabetes."""

from __future__ import annotations

from typing import Any

from zoo.registry import register_dataset


@register_dataset(task="regression", tags=("table", "embedded"))
def diabetes() -> tuple[Any, Any]:
    """Diabetes: 442 patients, 10 baseline measurements, disease progression after a year; comes with scikit-learn.

    References:
        Efron, Hastie, Johnstone and Tibshirani, Least angle regression, Annals of Statistics 2004.
    """
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes(as_frame=True, scaled=False)
    return bunch.data, bunch.target
