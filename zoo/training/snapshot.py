"""The state needed to resume training: variables, random state, callbacks, and the position in the data."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import keras
import numpy as np

from zoo.distribution.strategies import build_optimizer, strategy_of
from zoo.distribution.variables import assign_to_replicas, values_of_replicas
from zoo.errors import CheckpointError

Group = Literal["model", "optimizer", "metrics"]
REPLICATED: tuple[Literal["model", "metrics"], ...] = ("model", "metrics")  # groups with different values per replica
Weights = list[np.ndarray]


@dataclass(frozen=True)
class Snapshot:
    """State of training between two batches.

    Args:
        epoch: number of finished epochs.
        step: number of finished batches in the current epoch.
        arrays: values of all variables, by group and number, and the best weights so far, if training tracks them.
        facts: plain data: history, callbacks, random state.
    """

    epoch: int
    step: int
    arrays: Mapping[str, np.ndarray]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, model: keras.Model, epoch: int, step: int, *, best: Weights | None = None, **facts: Any) -> Snapshot:
        """Return the snapshot of a model that has all its variables."""
        arrays = {name: np.array(variable.numpy()) for group in _GROUPS for name, variable in _variables(model, group)}
        arrays |= {f"best/{number}": value for number, value in enumerate(best or ())}
        if strategy_of(model):
            for group in REPLICATED:
                own = values_of_replicas(model, group)
                arrays |= {f"replicas/{group}/{number}": values for number, values in enumerate(own)}
        return cls(epoch, step, arrays, {**facts, "random": _random_state()})

    @property
    def is_finite(self) -> bool:
        """Whether all numbers are finite."""
        return all(np.isfinite(value).all() for value in self.arrays.values() if value.dtype.kind == "f")

    @property
    def best(self) -> Weights | None:
        """The best weights so far, if training tracks them."""
        return self._numbered("best/") or None

    def restore(self, model: keras.Model, *groups: Group) -> None:
        """Restore the variables of these groups.

        Raises:
            CheckpointError: the model has different variables.
        """
        for group in groups:
            for name, variable in _variables(model, group):
                value = self.arrays.get(name)
                if value is None or value.shape != tuple(variable.shape):
                    raise CheckpointError(
                        f"The checkpoint does not fit the model. Received: {variable.path} of shape "
                        f"{tuple(variable.shape)}; the checkpoint has {'no such variable' if value is None else value.shape}. "
                        "Start a new run."
                    )
                variable.assign(value)
        strategy = strategy_of(model)
        if strategy is not None:
            for group in REPLICATED:
                values = self._numbered(f"replicas/{group}/")
                if group in groups and values and len(values[0]) == strategy.num_replicas_in_sync:
                    assign_to_replicas(model, group, values)  # with another number of replicas, all use the values above

    def restore_random_state(self) -> None:
        """Restore Python's and NumPy's random generators."""
        saved = self.facts["random"]
        version, numbers, gauss = saved["python"]
        random.setstate((version, tuple(numbers), gauss))
        np.random.set_state(tuple(saved["numpy"]))

    def _numbered(self, prefix: str) -> list[np.ndarray]:
        return [self.arrays[f"{prefix}{number}"] for number in range(sum(name.startswith(prefix) for name in self.arrays))]


_GROUPS: tuple[Group, ...] = ("model", "optimizer", "metrics")


def averaged_weights(model: keras.Model) -> Weights | None:
    """Return the model's weights, with the optimizer's moving averages instead of the trained values, if it has any."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)  # under mixed float16
    if not getattr(optimizer, "use_ema", False):
        return None
    # The name is private as of Keras 3.15. Keras' SwapEMAWeights uses it too, but swaps by adding, which loses bits.
    averages = dict(zip(map(id, optimizer._trainable_variables), optimizer._model_variables_moving_average, strict=True))
    return [np.array(averages.get(id(weight), weight).numpy()) for weight in model.weights]


@contextmanager
def weights_in_place(model: keras.Model, weights: Weights | None) -> Iterator[None]:
    """Replace the model's weights temporarily; None changes nothing."""
    if weights is None:
        yield
        return
    before = model.get_weights()
    own = values_of_replicas(model, "model") if strategy_of(model) else []
    model.set_weights(weights)
    try:
        yield
    finally:
        model.set_weights(before)
        if own:
            assign_to_replicas(model, "model", own)


@contextmanager
def restored_afterwards(model: keras.Model) -> Iterator[None]:
    """Restore the model, its optimizer and the random state after the block."""
    build_optimizer(model)
    before = Snapshot.of(model, 0, 0)
    try:
        yield
    finally:
        before.restore(model, "model", "optimizer")
        before.restore_random_state()


def plain_state(callbacks: Sequence[keras.callbacks.Callback]) -> list[dict[str, Any]]:
    """Return the plain attributes of each callback: counters, best scores, lists of numbers."""
    of_every_callback = vars(keras.callbacks.Callback())  # set by Keras itself
    states = []
    for callback in callbacks:
        own = {name: value for name, value in vars(callback).items() if name not in of_every_callback and _is_plain(value)}
        states.append({"class": type(callback).__name__, **own})
    return states


def restore_plain_state(callbacks: Sequence[keras.callbacks.Callback], states: Sequence[Mapping[str, Any]]) -> None:
    """Restore the attributes of callbacks that `plain_state` returned.

    Raises:
        CheckpointError: the callbacks are different.
    """
    here, there = [type(callback).__name__ for callback in callbacks], [state["class"] for state in states]
    if here != there:
        raise CheckpointError(
            f"The run had different callbacks (including zoo's own). Received: {here}; the checkpoint has {there}. "
            "Pass the same callbacks= again."
        )
    for callback, state in zip(callbacks, states, strict=True):
        vars(callback).update({name: value for name, value in state.items() if name != "class"})


def _variables(model: keras.Model, group: Group) -> Iterator[tuple[str, keras.Variable]]:
    variables = {
        "model": model.variables,  # including the random generators of layers
        "optimizer": model.optimizer.variables,
        "metrics": model.metrics_variables,
    }[group]
    return ((f"{group}/{number}", variable) for number, variable in enumerate(variables))


def _random_state() -> dict[str, Any]:
    numpy_state = [part.tolist() if isinstance(part, np.ndarray) else part for part in np.random.get_state()]
    return {"python": random.getstate(), "numpy": numpy_state}


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str | np.number)
