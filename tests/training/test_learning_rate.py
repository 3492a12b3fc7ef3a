"""The sweep suggests a useful rate, and restores everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.errors import ArtefactError, UsageError
from zoo.training import learning_rate
from zoo.training.learning_rate import smooth


def own_model(**compiled: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = [keras.Input((4,)), keras.layers.BatchNormalization(), keras.layers.Dropout(0.3), keras.layers.Dense(3)]
    model = keras.Sequential(layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(loss=loss, metrics=["accuracy"], **{"optimizer": keras.optimizers.Adam(0.01), **compiled})
    return model


def batches_of(data: zoo.Splits) -> list[np.ndarray]:
    return [labels for _, labels in data.train.as_numpy_iterator()]


@pytest.mark.slow
def test_model_optimizer_and_data_are_restored() -> None:
    data, same = (zoo.load_data("iris", batch_size=16) for _ in range(2))
    model, untouched = own_model(), own_model()
    for each, its_data in ((model, data), (untouched, same)):
        each.fit(its_data.train, epochs=1, verbose=0)
    zoo.find_learning_rate(model, data=data, verbose=0)
    optimizer = model.optimizer
    assert float(optimizer.learning_rate) == pytest.approx(0.01)
    for left, right in zip(batches_of(data), batches_of(same), strict=True):
        np.testing.assert_array_equal(left, right)  # the next pass
    for each, its_data in ((model, data), (untouched, same)):
        each.fit(its_data.train, epochs=2, verbose=0)
    for group in ("variables", "optimizer"):
        ours, theirs = (each.variables if group == "variables" else each.optimizer.variables for each in (model, untouched))
        for left, right in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(left.numpy(), right.numpy(), err_msg=left.path)
    assert model.optimizer is optimizer


@pytest.mark.parametrize(
    "optimizer",
    [
        keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 10), momentum=0.9),
        keras.optimizers.AdamW(0.1, use_ema=True, gradient_accumulation_steps=2, global_clipnorm=1.0),
    ],
    ids=["schedule", "averages"],
)
def test_any_compiled_optimizer_is_swept(optimizer: keras.optimizers.Optimizer) -> None:
    model = own_model(optimizer=optimizer)
    before = model.get_weights()
    sweep = zoo.find_learning_rate(model, data="iris", steps=40, verbose=0)
    assert len(sweep.rates) == len(sweep.losses) > 20
    assert model.optimizer is optimizer
    for left, right in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_rates_rise_exponentially_until_the_loss_has_doubled() -> None:
    sweep = zoo.find_learning_rate("mlp", data="digits", lowest=1e-4, highest=100, steps=60, optimizer="sgd", verbose=0)
    ratios = np.array(sweep.rates[1:]) / np.array(sweep.rates[:-1])
    np.testing.assert_allclose(ratios, 1e6 ** (1 / 59), rtol=1e-4)
    assert sweep.rates[0] == pytest.approx(1e-4)
    assert len(sweep.rates) < 60
    lowest = min(sweep.smoothed[9:])
    assert sweep.smoothed[-1] > 2 * lowest
    tenth = sweep.rates[np.flatnonzero(np.array(sweep.smoothed) <= 1.01 * lowest)[-1]] / 10
    assert tenth > 0.03  # three times the default of SGD
    assert sweep.suggestion == pytest.approx((tenth * 0.03) ** 0.5, rel=0.05)


@pytest.mark.parametrize(("usual", "expected"), [(5.0, 4.0), (1.0, 2.0), (np.inf, 4.0)])
def test_a_suggestion_above_the_usual_rate_is_reduced(usual: float, expected: float) -> None:
    rates, losses = list(range(1, 41)), [float(50 - rate) for rate in range(1, 41)]  # lowest at 40
    assert learning_rate._suggest(rates, losses, usual).suggestion == pytest.approx(expected)


def test_a_sweep_whose_loss_hardly_fell_suggests_near_the_usual_rate() -> None:
    rates, losses = list(range(1, 41)), [1.0] * 39 + [0.9]  # lowest at 40, by 1 % after smoothing
    assert learning_rate._suggest(rates, losses, 9.0).suggestion == pytest.approx(6.0)
    assert learning_rate._suggest(rates, losses, 1.0).suggestion == pytest.approx(2.0)
    assert learning_rate._suggest(rates, losses, np.inf).suggestion == pytest.approx(4.0)


def test_noise_in_the_first_steps_and_equal_losses_do_not_matter() -> None:
    rates = list(range(1, 41))
    early = [0.1, *[1.0] * 19, *[0.5] * 10, *[2.0] * 10]  # the first loss is the lowest before smoothing
    assert learning_rate._suggest(rates, early, 9.0).suggestion == pytest.approx(3.0)
    flat = [1.0, 1.01] * 15 + [3.0] * 10  # as good as the lowest up to 30
    assert learning_rate._suggest(rates, flat, np.inf).suggestion == pytest.approx(3.0)


def test_an_optimizer_without_a_default_rate_has_no_usual_rate() -> None:
    class Own(keras.optimizers.SGD):
        def __init__(self, learning_rate: float, **arguments: Any) -> None:
            super().__init__(learning_rate, **arguments)

    assert learning_rate._usual_rate(Own(0.1)) == np.inf
    assert learning_rate._usual_rate(keras.optimizers.Adam()) == pytest.approx(0.003)


def test_smoothing_has_no_initial_bias() -> None:
    assert smooth([2.0, 2.0, 2.0]) == pytest.approx([2.0, 2.0, 2.0])
    assert smooth([1.0, 2.0])[1] == pytest.approx((0.9 * 1 + 2) / 1.9)


@pytest.mark.slow
def test_a_named_model_takes_the_settings_of_its_recipe_and_the_callers() -> None:
    quick = zoo.find_learning_rate("mlp", data="iris", steps=30, verbose=0)
    momentum = zoo.find_learning_rate("mlp", data="iris", steps=30, optimizer="momentum", batch_size=8, verbose=0)
    assert quick.losses != momentum.losses


@pytest.mark.parametrize(
    "bounds",
    [{"lowest": 0}, {"lowest": 2, "highest": 1}, {"highest": float("inf")}, {"steps": 9}, {"steps": 20.5}, {"lowest": "1e-5"}],
)
def test_invalid_bounds_of_a_sweep_are_rejected(bounds: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="A sweep needs 0 < `lowest`"):
        zoo.find_learning_rate("linear", data="iris", verbose=0, **bounds)


def test_a_loss_that_is_never_finite_is_refused() -> None:
    model = own_model()
    model.compile(optimizer="sgd", loss=lambda truth, answer: keras.ops.mean(answer) * float("nan"))
    with pytest.raises(UsageError, match=r"10 steps with a finite loss\. Received: 0"):
        zoo.find_learning_rate(model, data="iris", verbose=0)


def test_the_picture_is_a_png_and_overwrites_nothing(tmp_path: Path) -> None:
    sweep = zoo.find_learning_rate("linear", data="iris", steps=20, verbose=0)
    sweep.plot(tmp_path / "pictures" / "lr.png")
    with Image.open(tmp_path / "pictures" / "lr.png") as picture:
        assert picture.size == (900, 600)
    with pytest.raises(ArtefactError, match="exists; zoo does not overwrite files"):
        sweep.plot(tmp_path / "pictures" / "lr.png")


@pytest.mark.slow
def test_accumulation_changes_the_suggestion_little() -> None:
    alone, gathered = (
        zoo.find_learning_rate("mlp", data="iris", accumulation_steps=steps, verbose=0).suggestion for steps in (1, 4)
    )
    assert alone / 5 < gathered < 5 * alone


@pytest.mark.slow
def test_an_uncompiled_model_stays_uncompiled(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    sweep = zoo.find_learning_rate(model, data="iris", verbose=0)
    assert not model.compiled
    run = zoo.train(model, data="iris", learning_rate=sweep.suggestion, epochs=1, out=tmp_path / "run", verbose=0)
    assert run.settings["learning_rate"] == sweep.suggestion


def test_a_loss_that_has_not_risen_gives_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    sweep = zoo.find_learning_rate("mlp", data="iris", highest=1e-3, verbose=0)
    assert not sweep.has_risen
    assert "The loss had not risen when the sweep ended, at a rate of 0.001" in caplog.text


def test_a_plot_is_a_png(tmp_path: Path) -> None:
    sweep = zoo.find_learning_rate("linear", data="iris", steps=20, verbose=0)
    with pytest.raises(UsageError, match=r"a PNG file. Received: .*lr\.jpg"):
        sweep.plot(tmp_path / "lr.jpg")
