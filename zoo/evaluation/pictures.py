"""Plots and images for reports."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def curves(title: str, lines: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Figure:
    """Return a plot of values by epoch; each named line is a pair of epochs and values."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 3))
    figure.subplots_adjust(left=0.18, right=0.97, bottom=0.17, top=0.9)  # automatic layout would double the time
    axes = figure.subplots()
    for name, (epochs, values) in lines.items():
        axes.plot(epochs, values, marker="." if len(values) < 50 else "", label=name)
    axes.set_title(title)
    axes.set_xlabel("epoch")
    axes.locator_params(axis="x", integer=True, min_n_ticks=1)
    if any(lines):
        axes.legend()
    return figure


def as_source(figure: Figure) -> str:
    """Return a figure as a data URI."""
    return _data_uri(partial(figure.savefig, format="png", dpi=120))


def image_as_source(image: np.ndarray) -> str:
    """Return an image `(height, width, channels)`, 1 or 3 channels in 0..255 or 0..1, as a data URI."""
    from PIL import Image

    values = np.asarray(image, np.float32)
    values = values * 255 if image.dtype.kind == "f" and values.max() <= 1 else values
    pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return _data_uri(partial(Image.fromarray(pixels[..., 0] if pixels.shape[-1] != 3 else pixels).save, format="png"))


def _data_uri(write_png: Callable[[io.BytesIO], None]) -> str:
    picture = io.BytesIO()
    write_png(picture)
    return f"data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}"
