"""Short reviews in English and Chinese, embedded in the package."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

from zoo.registry import register_dataset

PATH = Path(__file__).with_name("reviews_sample.csv.gz")


@register_dataset(task="text_classification", tags=("text", "embedded"))
def reviews_sample() -> dict[str, tuple[list[str], list[str]]]:
    """Short reviews: 11,000 English and 11,000 Chinese sentences, negative or positive by their meaning; embedded.

    Written for this project by the grammar in `scripts/make_reviews_sample.py`: negation, contrast and degree decide, and the
    test part combines constructions and words that never stand together in training. `docs/data.md` has its scores and SHA-256.
    """
    with gzip.open(PATH, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        part: ([row["text"] for row in rows if row["part"] == part], [row["label"] for row in rows if row["part"] == part])
        for part in ("train", "validation", "test")
    }
