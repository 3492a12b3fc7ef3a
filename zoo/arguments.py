"""Types and checks for the arguments that model factories share.

The types include ranges, which `zoo.build` enforces. This module does not import Keras.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from annotated_types import Ge, Gt, Lt, MinLen

from zoo.errors import UsageError

if TYPE_CHECKING:
    import keras

Count = Annotated[int, Ge(1)]
Classes = Annotated[int, Ge(2)]
Vocabulary = Annotated[int, Ge(2)]
Natural = Annotated[int, Ge(0)]
Rate = Annotated[float, Ge(0), Lt(1)]
Penalty = Annotated[float, Ge(0)]
Widths = Annotated[tuple[Count, ...], MinLen(1)]
Counts = Count | Widths  # one number for all layers, or one per layer
Shape = tuple[int, ...]
Statistics = float | tuple[float, ...]
Variances = Annotated[float, Gt(0)] | tuple[Annotated[float, Gt(0)], ...]
Number = TypeVar("Number", int, float)
Activation = Literal["elu", "gelu", "leaky_relu", "linear", "relu", "sigmoid", "silu", "tanh"]


def check_shape(input_shape: Sequence[int], *ranks: int) -> None:
    """Reject an input shape with a rank that is not accepted, or with an empty or unknown axis.

    Args:
        input_shape: sizes without the batch: `(features,)` or `(height, width, channels)`.
        ranks: accepted numbers of axes.

    Raises:
        UsageError: the shape is rejected; the message gives an accepted one.
    """
    forms = {1: "(features,)", 3: "(height, width, channels)"}
    if len(input_shape) not in ranks or any(size is None or size < 1 for size in input_shape):
        accepted = " or ".join(forms[rank] for rank in ranks)
        fix = f" Try input_shape={(*input_shape, 1)}." if len(input_shape) == 2 and 3 in ranks else ""
        raise UsageError(
            f"`input_shape` must be {accepted} with sizes of at least 1, without the batch. "
            f"Received: {tuple(input_shape)}.{fix}"
        )


def one_for_each(name: str, value: Number | Sequence[Number], count: int, noun: str = "layers") -> tuple[Number, ...]:
    """Return one number per layer or column.

    Args:
        name: name of the argument.
        value: one number for all, or one for each.
        count: number of layers or columns.
        noun: plural noun for the message; default "layers".

    Raises:
        UsageError: the number of numbers differs from `count`.
    """
    numbers = tuple(value) if isinstance(value, Sequence) else (value,) * count
    if len(numbers) != count:
        raise UsageError(f"`{name}` must be one number, or one for each of {count} {noun}. Received: {numbers}.")
    return numbers


def penalty(l1: float, l2: float) -> keras.regularizers.Regularizer | None:
    """Return the kernel regularizer, or None if both weights are 0."""
    import keras

    return keras.regularizers.L1L2(l1=l1, l2=l2) if l1 or l2 else None


def check_heads(hidden_dim: int, num_heads: int) -> None:
    """Reject a `hidden_dim` that `num_heads` does not divide.

    Raises:
        UsageError: `num_heads` does not divide it; the message gives the nearest values that fit.
    """
    if hidden_dim % num_heads:
        below = hidden_dim - hidden_dim % num_heads
        fitting = " or ".join(str(width) for width in (below, below + num_heads) if width)
        raise UsageError(
            f"`num_heads` must divide `hidden_dim`. Received: hidden_dim={hidden_dim}, num_heads={num_heads}. "
            f"Try hidden_dim={fitting}."
        )
