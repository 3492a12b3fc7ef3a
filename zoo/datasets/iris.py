"""Fisher's irises."""

from __future__ import annotations

from typing import Any

from zoo.registry import register_dataset


@register_dataset(task="tabular_classification", tags=("table", "embedded"))
def iris() -> tuple[Any, Any]:
    """Iris: 150 flowers, 4 measurements in cm, 3 species; comes with scikit-learn.

    References:
        Fisher, The use of multiple measurements in taxonomic problems, Annals of Eugenics 1936.
    """
    from sklearn.datasets import load_iris

    bunch = load_iris(as_frame=True)
    return bunch.data, bunch.target_names[bunch.target]
