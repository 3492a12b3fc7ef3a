"""A small residual network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.arguments import Classes, Count, Penalty, Rate, Shape, Widths, penalty
from zoo.registry import register_model

if TYPE_CHECKING:
    import keras


@register_model(
    tasks=("image_classification",),
    variants={
        "tiny": {"input_shape": (8, 8, 1), "num_classes": 3, "filters": (4, 8), "blocks_per_stage": 1},
        "20": {"input_shape": (32, 32, 3), "blocks_per_stage": 3},
    },
    tags=("image", "functional", "convolution", "residual"),
    space={"filters": [[8, 16, 32], [16, 32, 64], [32, 64, 128]], "dropout": [0.0, 0.2, 0.4], "l2": [0.0, 1e-4]},
)
def resnet(
    *,
    input_shape: Shape = (28, 28, 1),
    num_classes: Classes = 10,
    filters: Widths = (16, 32, 64),
    blocks_per_stage: Count = 1,
    dropout: Rate = 0.0,
    l1: Penalty = 0.0,
    l2: Penalty = 0.0,
) -> keras.Model:
    """Small residual network, in the original design for CIFAR-10 (`resnet/20` is the paper's ResNet-20).

    A shortcut that changes shape is a 1 x 1 convolution (the paper's option B).

    Args:
        input_shape: `(height, width, channels)`; default `(28, 28, 1)`.
        num_classes: number of classes, at least 2; default 10.
        filters: filters of each stage; each stage after the first halves the image size; default `(16, 32, 64)`.
        blocks_per_stage: number of residual blocks per stage, each with two convolutions; default 1.
        dropout: dropout rate after the global pooling, in [0, 1); default 0.0.
        l1: weight of the L1 penalty on all kernels, at least 0; default 0.0.
        l2: weight of the L2 penalty on all kernels, at least 0; default 0.0.

    Input shape:
        `(batch, height, width, channels)`, any numeric dtype, values in 0..255 or 0..1.

    Output shape:
        `(batch, num_classes)`, float32 logits.

    Returns:
        An uncompiled functional `keras.Model`.

    References:
        He, Zhang, Ren and Sun, Deep residual learning for image recognition, CVPR 2016, section 4.2.
    """
    import keras

    from zoo.layers import ends

    def convolve(x: keras.KerasTensor, channels: int, kernel_size: int, strides: int) -> keras.KerasTensor:
        x = keras.layers.Conv2D(
            channels, kernel_size, strides, padding="same", use_bias=False,
            kernel_initializer="he_normal", kernel_regularizer=penalty(l1, l2),
        )(x)  # fmt: skip
        return keras.layers.BatchNormalization()(x)

    image, standardize = ends.image_input(input_shape)
    x = keras.layers.ReLU()(convolve(standardize(image), filters[0], 3, strides=1))
    for stage, channels in enumerate(filters):
        for block in range(blocks_per_stage):
            strides = 2 if stage > 0 and block == 0 else 1
            shortcut = x
            x = keras.layers.ReLU()(convolve(x, channels, 3, strides))
            x = convolve(x, channels, 3, strides=1)
            if shortcut.shape != x.shape:
                shortcut = convolve(shortcut, channels, 1, strides)
            x = keras.layers.ReLU()(keras.layers.Add()([x, shortcut]))
    x = keras.layers.GlobalAveragePooling2D()(x)  # (batch, channels)
    x = keras.layers.Dropout(dropout)(x)
    (logits,) = ends.outputs(num_classes, 1, None, None, penalty(l1, l2))
    return keras.Model(image, logits(x), name="resnet")
