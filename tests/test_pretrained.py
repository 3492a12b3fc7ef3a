"""`build(weights=...)`: trained weights to start from, and a new last layer if the classes differ."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo import registry
from zoo.errors import UnknownNameError, UsageError
from zoo.tasks import find_task
from zoo.training.construct import construct
from zoo.training.plan import plan_training
from zoo.training.weights import arguments_of
from zoo.tuning.space import searched_space

TEXTS = [f"the {thing} is {word}" for thing in ("film", "book", "play", "song") for word in ("lovely", "dull", "long")]


def test_a_released_model_is_built_with_its_own_arguments():
    source = zoo.Run.open("cnn@mnist").model
    model = zoo.build("cnn", weights="mnist")
    assert model.compiled
    assert model.count_params() == source.count_params()
    for ours, theirs in zip(model.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_it_classifies_the_digits_of_the_sample():
    data = zoo.load_data("mnist_sample")
    model = zoo.build("cnn", data=data, weights="mnist")
    assert model.evaluate(data.test, verbose=0, return_dict=True)["accuracy"] > 0.98
    assert zoo.build("cnn", weights="cnn@mnist").count_params() == model.count_params()


@pytest.mark.parametrize("given", [{"num_classes": 3}, {"num_classes": 3, "input_shape": (32, 32, 1)}])
def test_different_classes_get_a_new_last_layer(given):
    source = zoo.Run.open("cnn@mnist").model
    model = zoo.build("cnn", weights="mnist", **given)
    assert model.output_shape == (None, 3)
    *body, head = model.layers
    for ours, theirs in zip(body, source.layers[:-1], strict=True):
        for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
    assert head.name == "logits"
    assert np.any(head.get_weights()[0])


def test_different_labels_of_the_same_number_get_a_new_last_layer():
    images = np.random.default_rng(0).integers(0, 256, (400, 28, 28), dtype="uint8")
    data = zoo.load_data((images, np.array(list("abcdefghij"))[np.arange(400) % 10]))
    source = zoo.Run.open("cnn@mnist").model
    model = zoo.build("cnn", data=data, weights="mnist")
    assert not np.array_equal(model.layers[-1].get_weights()[0], source.layers[-1].get_weights()[0])
    np.testing.assert_array_equal(model.get_weights()[0], source.get_weights()[0])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"weights": "mnst"}, "Did you mean 'cnn@mnist'"),
        ({"weights": "imdb"}, "released model. Received: 'cnn@imdb'"),
        ({"weights": "cnn@mnst"}, "Did you mean 'cnn@mnist'"),
        ({"weights": "mnist", "input_shape": (28, 28, 3)}, r"\(5, 5, 1, 16\).* for layer .*\(5, 5, 3, 16\)"),
        ({"weights": "mnist", "units": 20}, "do not fit"),
        ({"weights": "lenet@mnist"}, "do not fit"),
    ],
)
def test_weights_that_do_not_fit_are_refused(given, said):
    with pytest.raises(UsageError, match=said):
        zoo.build("cnn", **given)


def test_weights_of_a_run_set_its_arguments(tmp_path):
    run = zoo.train("mlp", data="iris", epochs=1, out=tmp_path / "run", verbose=0, model_arguments={"units": (7, 5)})
    model = zoo.build("mlp", weights=tmp_path / "run")
    for ours, theirs in zip(model.get_weights(), run.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert zoo.build("mlp", weights=run, num_classes=5).output_shape == (None, 5)


def test_texts_of_another_vocabulary_are_refused():
    with pytest.raises(UsageError, match="vocabulary='lstm@imdb'"):
        zoo.build("lstm", data=zoo.load_data((TEXTS, ["good", "bad", "so-so"] * 4)), weights="imdb")


@pytest.mark.slow
def test_texts_are_read_with_the_vocabulary_of_the_weights(tmp_path):
    labels = ["good", "bad", "so-so"] * 4
    data = zoo.load_data((TEXTS, labels), vocabulary="lstm@imdb")
    model = zoo.build("lstm", data=data, weights="imdb")
    assert model.output_shape == (None, 3)
    run = zoo.train(model, data=data, epochs=1, out=tmp_path / "run", verbose=0)
    assert len(run.predict(TEXTS)) == len(TEXTS)
    assert run.info.tokenizer.word_index == zoo.Run.open("lstm@imdb").info.tokenizer.word_index


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"vocabulary": "cnn@mnist"}, "takes texts as token ids"),
        ({"vocabulary": "lstm@imdb", "max_length": 10}, "omit data.max_length"),
        ({"vocabulary": "lstm@nowhere"}, "released model"),
    ],
)
def test_an_unusable_vocabulary_is_rejected(given, said):
    with pytest.raises(UsageError, match=said):
        zoo.load_data((TEXTS, ["good", "bad", "so-so"] * 4), **given)


def test_a_vocabulary_is_for_texts():
    with pytest.raises(UsageError, match="for texts"):
        zoo.load_data("iris", vocabulary="lstm@imdb")


def test_weights_for_images_are_rejected_for_texts():
    with pytest.raises(UsageError, match="These are weights of 'cnn'"):
        zoo.build("lstm", data=zoo.load_data((TEXTS, ["good", "bad", "so-so"] * 4)), weights="cnn@mnist")


def test_an_unknown_weights_name_lists_the_released_models():
    with pytest.raises(UnknownNameError, match=r"Accepted: .*lstm@imdb"):
        zoo.build("lstm", weights="mnist")


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("lstm", {"weights": "imdb", "dropout": 0.0, "token_dropout": 0.0}),
        ("transformer", {"weights": "imdb", "dropout": 0.0, "token_dropout": 0.0}),
    ],
)
def test_layers_without_weights_may_differ(name, given):
    source, model = zoo.Run.open(f"{name}@{given['weights']}").model, zoo.build(name, **given)
    assert len(model.layers) < len(source.layers)
    for ours, theirs in zip(model.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_labels_that_differ_in_type_only_keep_the_last_layer():
    images = np.random.default_rng(0).integers(0, 256, (400, 28, 28), dtype="uint8")
    data = zoo.load_data((images, np.arange(400) % 10))
    source, model = zoo.Run.open("cnn@mnist").model, zoo.build("cnn", data=data, weights="mnist")
    np.testing.assert_array_equal(model.layers[-1].get_weights()[0], source.layers[-1].get_weights()[0])


def test_a_new_last_layer_is_reported(caplog):
    with caplog.at_level("INFO", "zoo"):
        zoo.build("cnn", weights="mnist")
        assert caplog.text == ""
        zoo.build("cnn", weights="mnist", num_classes=3)
    assert "The last layer is newly initialised: 3 outputs (no labels), where the weights have 10 (0, 1, 2" in caplog.text


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("cnn/wide", {"weights": "mnist"}, "The weights are of 'cnn' with .*filters=\\(16, 32, 64\\).*Use that model"),
        ("cnn", {"weights": "mnist", "strides": (1, 1)}, "The weights are of 'cnn' with .*kernel_size=\\(5, 3, 3\\)"),
        ("cnn", {"weights": "lenet@mnist"}, "These are weights of 'lenet' for a model 'cnn'"),
        ("cnn", {"weights": "mnist", "units": 20}, "filters=\\(16, 32, 64\\)"),
        ("resnet", {"weights": "imagenet"}, "released model. Received: 'resnet@imagenet'"),
        ("cnn", {"weights": "x" * 5000}, "Unknown recipe or released model"),
    ],
)
def test_wrong_weights_are_explained(name, given, said):
    with pytest.raises(UsageError, match=said):
        zoo.build(name, **given)


def photos(folder, shape=(40, 52, 3)):
    """Write two class folders of colour images."""
    generator = np.random.default_rng(0)
    for label, level in (("dark", 40), ("light", 200)):
        (folder / label).mkdir(parents=True)
        for number in range(12):
            Image.fromarray(generator.normal(level, 20, shape).clip(0, 255).astype("uint8")).save(
                folder / label / f"{number}.png"
            )
    return folder


def test_images_of_another_shape_get_the_reading_arguments(tmp_path):
    photos(tmp_path / "photos")
    with pytest.raises(UsageError, match=r"zoo.load_data\(..., image_size=\(28, 28\), channels=1\)"):
        zoo.build("cnn", data=tmp_path / "photos", weights="mnist")


@pytest.mark.slow
def test_training_starts_with_weights_and_their_reading_arguments(tmp_path):
    given = {"data": photos(tmp_path / "photos"), "weights": "mnist", "learning_rate": 1e-9, "epochs": 1, "verbose": 0}
    run = zoo.train("cnn", out=tmp_path / "run", **given)
    source = zoo.Run.open("cnn@mnist")
    np.testing.assert_allclose(run.model.get_weights()[0], source.model.get_weights()[0], atol=1e-5)
    assert run.info.input_shape == (28, 28, 1)
    assert run.settings["weights"] == "mnist"
    assert run.settings["model.filters"] == [16, 32, 64]
    again = zoo.train(config=run.directory / "config.yaml", out=tmp_path / "again", verbose=0)
    assert again.history == run.history
    model = zoo.build("cnn", weights=run, num_classes=5)  # a run that started with weights provides weights
    np.testing.assert_array_equal(model.get_weights()[0], run.model.get_weights()[0])


@pytest.mark.slow
def test_training_on_texts_starts_with_weights_and_their_vocabulary(tmp_path):
    given = {"data": (TEXTS, ["good", "bad", "so-so"] * 4), "epochs": 1, "out": tmp_path / "run", "verbose": 0}
    run = zoo.train("lstm", weights="imdb", **given)
    path = tmp_path / "run" / "config.yaml"
    path.write_text(path.read_text().replace("data: arrays\n", ""))
    again = zoo.train(config=path, **{**given, "out": tmp_path / "again"})
    assert again.history == run.history
    assert run.settings["data.vocabulary"] == "lstm@imdb"
    assert zoo.train(resume=run).metrics == run.metrics  # reads config.yaml, which has all settings
    assert run.info.tokenizer.word_index == zoo.Run.open("lstm@imdb").info.tokenizer.word_index


def test_weights_override_a_recipe(tmp_path):
    run = zoo.train("cnn", data="mnist_sample", weights="mnist", epochs=1, steps_per_epoch=1, out=tmp_path / "run", verbose=0)
    assert run.settings["model.filters"] == [16, 32, 64]
    assert run.metrics["accuracy"] > 0.8  # after one step; guessing gives 0.1


def test_weights_for_a_model_of_your_own_are_refused(tmp_path):
    with pytest.raises(UsageError, match="model by name"):
        zoo.train(zoo.build("cnn"), data="digits", weights="mnist", out=tmp_path / "run", verbose=0)


def test_settings_of_weights_are_not_searched():
    for model, weights in (("cnn", "mnist"), ("lstm", "imdb")):
        space, _ = searched_space(model, find_task(zoo.info(model).tasks[0]), {}, {}, {"weights": weights})
        assert "learning_rate" in space
        assert not [key for key in space if key.startswith(("model.", "data."))]


@pytest.mark.slow
def test_the_path_of_weights_is_stored_as_absolute(tmp_path, monkeypatch):
    zoo.train("mlp", data="iris", epochs=1, out=tmp_path / "one", verbose=0)
    monkeypatch.chdir(tmp_path)
    run = zoo.train("mlp", data="iris", weights="one", epochs=1, out=tmp_path / "two", verbose=0)
    assert run.settings["weights"] == str(tmp_path / "one")
    again = zoo.train("mlp", data="iris", weights=run, epochs=1, out=tmp_path / "three", verbose=0)
    assert again.settings["weights"] == str(tmp_path / "two")
    (tmp_path / "mnist").mkdir()  # a data folder, although the released weights are meant
    assert plan_training("cnn", "mnist_sample", {"weights": "mnist"}).settings.weights == "mnist"


def test_reading_settings_with_weights_for_texts_are_rejected(tmp_path):
    with pytest.raises(UsageError, match=r"weights of a text model determine these: omit data\.max_length"):
        zoo.train(
            "lstm", data=(TEXTS, ["a", "b", "c"] * 4), weights="imdb", data_arguments={"max_length": 50}, out=tmp_path / "r"
        )


def test_weights_are_for_zoo_s_own_search(tmp_path):
    with pytest.raises(UsageError, match="weights"):
        zoo.HyperModel("cnn", data="mnist_sample", weights="mnist")


def test_an_old_run_is_built_with_the_old_defaults(tmp_path, monkeypatch):
    run = zoo.train("cnn/tiny", data="digits", epochs=1, steps_per_epoch=1, out=tmp_path / "run", verbose=0)
    assert run.content["model_arguments"]["filters"] == [2, 4]
    assert run.content["model_arguments"]["dropout"] == 0.5
    content = {name: value for name, value in run.content.items() if name != "model_arguments"}
    settings = {**run.settings, "model": "cnn"}
    entry = registry.find_model("cnn")[0]
    former = zoo.Run(run.directory, {**content, "settings": settings}, run.info)
    learned = arguments_of(former, entry)
    assert {name: learned[name] for name in ("filters", "units", "dropout")} == entry.former_defaults
    monkeypatch.setattr("zoo.training.construct.set_weights", lambda *_: None)  # its model has different sizes
    model, *_ = construct("cnn", None, None, {}, source=former)
    assert model.layers[-2].rate == 0.5
    assert [layer.filters for layer in model.layers if hasattr(layer, "filters")] == [10, 20]


def test_weights_are_found_again_when_defaults_change(tmp_path, monkeypatch):
    run = zoo.train("mlp", data="iris", epochs=1, steps_per_epoch=1, out=tmp_path / "run", verbose=0)
    entry = registry.find_model("mlp")[0]
    monkeypatch.setitem(entry.defaults, "units", (3,))
    monkeypatch.setattr(entry.factory, "__kwdefaults__", {**entry.factory.__kwdefaults__, "units": (3,)})
    model = zoo.build("mlp", weights=run)
    for ours, theirs in zip(model.get_weights(), run.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_training_takes_the_sizes_of_released_weights(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (60, 28, 28), dtype="uint8")
    data = (images, np.arange(60) % 3)
    run = zoo.train("cnn", data=data, weights="mnist", epochs=1, steps_per_epoch=1, out=tmp_path / "run", verbose=0)
    assert run.content["model_arguments"]["filters"] == [16, 32, 64]
    assert run.model.count_params() < zoo.Run.open("cnn@mnist").model.count_params()  # fewer classes
