"""ChnSentiCorp: Chinese reviews of hotels, books and laptops."""

from __future__ import annotations

from pathlib import Path

from zoo.local_data import local_files
from zoo.registry import register_dataset


@register_dataset(task="text_classification", tags=("text", "files", "chinese"))
def chnsenticorp() -> dict[str, Path]:
    """ChnSentiCorp: 9,600 training and 1,200 test reviews in Chinese, negative or positive; your own files in ZOO_DATA.

    The labelled `dev.tsv` is the test part, since the labels of `test.tsv` are not published. 353 training rows (335 texts)
    also occur in it; `data.overlap=drop`, the default, removes them from training.

    References:
        Tan and Zhang, An empirical study of sentiment analysis for Chinese documents, Expert Systems with Applications 2008.
    """
    names = {"train": "train.tsv", "test": "dev.tsv"}
    return local_files("chnsenticorp", names, "the data/ChnSentiCorp folder of github.com/zejunwang1/bertorch")
