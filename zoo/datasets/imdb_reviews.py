"""IMDB film reviews."""

from __future__ import annotations

from zoo.registry import register_dataset


@register_dataset(task="text_classification", tags=("text", "tfds"), offline_twin="reviews_sample")
def imdb_reviews() -> str:
    """IMDB: 25,000 training and 25,000 test film reviews in English, negative or positive; TFDS.

    References:
        Maas et al., Learning word vectors for sentiment analysis, ACL 2011.
    """
    return "tfds:imdb_reviews"
