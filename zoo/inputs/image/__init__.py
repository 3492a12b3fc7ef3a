"""Images as a kind of input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.inputs.kind import InputKind, register_input

if TYPE_CHECKING:
    from zoo.inputs.image.augmentation import Augmentation
    from zoo.inputs.image.preprocessor import ImagePreprocessor
    from zoo.settings import Settings


class ImageKind(InputKind):
    """Images `(height, width, channels)`; readers deliver them as a `Source`."""

    name = "image"
    prediction_hint = "your_image.png"
    row_name = "example"
    fails_on_empty_batch = True  # TensorFlow's convolutions fail on an empty batch

    def load(self, plain: Mapping[str, Any] | None, shape: tuple[int | None, ...]) -> ImagePreprocessor:
        """Return the preprocessor for images of this shape."""
        from zoo.inputs.image.preprocessor import ImagePreprocessor

        height, width, channels = shape
        return ImagePreprocessor((height or 0, width or 0, channels or 0))

    def fits(self, arguments: Mapping[str, Any]) -> bool:
        """Return whether factory arguments are those of a model for images."""
        return len(arguments.get("input_shape", ())) == 3

    def augmentation(self, settings: Settings) -> Augmentation:
        """Return the augmentation that the `augment_*` settings describe."""
        from zoo.inputs.image.augmentation import Augmentation

        prefix = "augment_"
        return Augmentation(**{name.removeprefix(prefix): value for name, value in settings if name.startswith(prefix)})


IMAGE = register_input(ImageKind())
