"""Compile zoo's models, and check and compile the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.artefacts.outputs import output_kind, output_shape
from zoo.distribution.strategies import learning_rate_of, strategy_of
from zoo.errors import UnknownNameError, UsageError, one_line
from zoo.pipeline.info import DataInfo
from zoo.pipeline.splits import Splits
from zoo.settings import Settings
from zoo.tasks import Task
from zoo.tasks.answers import OutputKind
from zoo.training.optimizers import OF_SCHEDULE, make_optimizer, optimizer_of

OF_COMPILING = OF_SCHEDULE | {"optimizer", "weight_decay", "clip_norm", "accumulation_steps", "ema", "label_smoothing"}


def compile_model(
    model: keras.Model,
    task: Task,
    width: int,
    optimizer: str | keras.optimizers.Optimizer,
    learning_rate: Any,
    label_smoothing: float = 0.0,
    kind: OutputKind = "logits",
) -> None:
    """Compile a model.

    Args:
        model: uncompiled model.
        task: task that provides loss and metrics.
        width: width of the output.
        optimizer: name or Keras optimizer.
        learning_rate: number above 0, Keras schedule, or None for Keras' default.
        label_smoothing: fraction of each label to spread over all classes; default 0.0.
        kind: kind of the model's outputs; default `"logits"`.

    Raises:
        UsageError: the optimizer is unknown, the learning rate is not above 0, or is passed along with an optimizer object.
    """
    if isinstance(learning_rate, int | float) and not learning_rate > 0:
        raise UsageError(f"`learning_rate` must be above 0. Received: {learning_rate}. Try 0.001.")
    if isinstance(optimizer, str):
        optimizer = make_optimizer(optimizer, learning_rate)
    elif learning_rate is not None:
        raise UsageError("An optimizer object has its own learning rate. Received: learning_rate with one. Omit it.")
    elif tf.distribute.has_strategy() and not optimizer.built:
        optimizer = type(optimizer).from_config(optimizer.get_config())  # one created outside the scope fails in it
    model.compile(optimizer=optimizer, loss=task.loss(label_smoothing, kind), metrics=task.metrics(width))


def compile_for_training(
    model: keras.Model, task: Task, width: int, data: Splits, settings: Settings, kind: OutputKind = "logits"
) -> None:
    """Compile a model with the optimizer and learning-rate schedule of the settings.

    Raises:
        UsageError: the settings do not fit the task or each other.
    """
    scores = ["loss", *(metric.name for metric in task.metrics(width))]
    if settings.monitor not in (None, *scores):
        raise UnknownNameError(f"score of {task.name} to monitor", settings.monitor, scores)
    batches = (settings.steps_per_epoch or int(data.train.cardinality())) * settings.epochs
    compile_model(model, task, width, optimizer_of(settings, batches), None, settings.label_smoothing, kind)


def prepare_own_model(model: keras.Model, data: Splits, settings: Settings, explicit: Mapping[str, Any]) -> Settings:
    """Check the user's model, compile it if necessary, and return the settings that describe it.

    Args:
        model: model that takes the data's batches and gives logits, probabilities or values.
        data: training data.
        settings: resolved settings.
        explicit: settings that the user gave.

    Raises:
        UsageError: the model does not fit the data, has a weight that is not finite, or the
            settings cannot apply to it.
    """
    check_fits(model, data.info)
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        raise UsageError(f"A weight of the model is not a finite number. Received: {model.name!r}. Build or load it again.")
    own = (OF_COMPILING if model.compiled else set()) | {"precision"}
    if unused := sorted(name for name in own & set(explicit) if explicit[name] is not None):
        raise UsageError(
            "A model of your own keeps its precision; a compiled one also keeps its optimizer and loss. Received: "
            f"{', '.join(unused)}. Omit them, or pass the model uncompiled and call keras.config.set_dtype_policy before "
            "you build it."
        )
    if not model.compiled:
        width = output_shape(model, data.info)[-1]
        compile_for_training(model, data.info.task, width, data, settings, output_kind(model, data.info))
        return settings
    loss = model.loss if isinstance(model.loss, str) else getattr(model.loss, "name", "")
    if loss == "categorical_crossentropy":
        raise UsageError(
            "Labels are passed to the loss as class numbers. Received: a model compiled with categorical_crossentropy, which "
            "takes one-hot rows. Compile it with sparse_categorical_crossentropy or zoo.losses.ClassificationCrossentropy()."
        )
    rate = learning_rate_of(model)
    return settings.model_copy(update={"optimizer": "own", "learning_rate": rate, "schedule": "constant", "warmup": 0.0})


def check_distributable(model: keras.Model) -> None:
    """Reject settings that fail on several devices, or give different results than on one.

    Raises:
        UsageError: the model has such settings; the message lists them.
    """
    strategy = strategy_of(model)
    if strategy is None:
        return
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    clipping = [name for name in ("clipnorm", "global_clipnorm", "clipvalue") if getattr(optimizer, name, None)]
    found = {
        f"{', '.join(clipping)} of the optimizer": bool(clipping),  # Keras clips each device's gradient, not the batch's
        "gradient accumulation": bool(optimizer.gradient_accumulation_steps),
        f"steps_per_execution={model.steps_per_execution}": model.steps_per_execution > 1,
        "jit_compile=True": model.jit_compile is True,
        "an optimizer that was created outside the strategy's scope": optimizer._distribution_strategy is not strategy,
    }
    if any(found.values()):
        raise UsageError(
            "Keras does not support this under tf.distribute, or gives different results than on one device. Received: "
            f"{', '.join(name for name, is_found in found.items() if is_found)} with {strategy.num_replicas_in_sync} devices. "
            "Omit it, or use one device: strategy='none', --strategy none."
        )


def check_learns(model: keras.Model) -> None:
    """Reject a compiled model if its learning-rate schedule has ended.

    Raises:
        UsageError: the learning rate is 0 after the first step of training.
    """
    if learning_rate_of(model) == 0 and int(model.optimizer.iterations.numpy()) > 0:
        raise UsageError(
            "The learning rate is 0: the model's schedule has ended. Received: a compiled model after training. Compile it "
            "again, or set `model.compiled = False` so that zoo.train compiles it."
        )


def check_fits(model: keras.Model, info: DataInfo) -> None:
    """Reject a model if its input or output does not fit the data.

    Raises:
        UsageError: the message gives both shapes.
    """
    if not isinstance(model, keras.Model):
        raise UsageError(f"A model must be a name, a run or a keras.Model. Received: {type(model).__name__}. Pass one.")
    batch = info.example_batch(2)
    try:
        model(batch, training=False)
    except Exception as error:
        raise UsageError(
            f"The model does not take these data. Received: model {model.name!r}, which fails on a batch of shape "
            f"{batch.shape}, {batch.dtype}: {one_line(error)}. Build it with the input shape {info.input_shape}."
        ) from error
    output_kind(model, info)
