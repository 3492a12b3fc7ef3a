"""Errors: their base classes, exit codes, and the nearest name."""

from __future__ import annotations

import pytest

from zoo.errors import ArtefactError, DataError, UnknownNameError, UsageError, ZooError, missing_package, nearest


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ZooError("x"), 1),
        (DataError("x"), 1),
        (ArtefactError("x"), 1),
        (UsageError("x"), 2),
        (UnknownNameError("x", "y", []), 2),
    ],
)
def test_exit_code_is_2_for_wrong_usage_and_1_for_failure(error, code):
    assert isinstance(error, ZooError)
    assert error.exit_code == code


@pytest.mark.parametrize("kind", [UsageError, DataError])
def test_wrong_input_is_also_a_value_error(kind):
    assert issubclass(kind, ValueError)


@pytest.mark.parametrize(("extra", "command"), [("onnx", "pip install 'kerazoo[onnx]'"), (None, "pip install tf2onnx")])
def test_a_missing_package_is_reported_with_the_install_command(extra, command):
    error = missing_package("The format 'onnx'", "tf2onnx", extra=extra)
    assert str(error) == f"The format 'onnx' needs the package tf2onnx, which is not installed. Run: {command}"


def test_unknown_name_gives_the_received_nearest_and_accepted_names():
    error = UnknownNameError("model", "lenett", ["resnet", "lenet", "cnn"])
    assert str(error) == "Unknown model. Received: 'lenett'. Did you mean 'lenet'? Accepted: cnn, lenet, resnet."


def test_unknown_name_without_choices_says_none():
    assert str(UnknownNameError("tag", "x", [])) == "Unknown tag. Received: 'x'. Accepted: none."


def test_unknown_name_lists_up_to_forty_choices_or_the_five_nearest():
    choices = [f"name{number:03}" for number in range(41)]
    assert "Accepted: name000, name001, " in str(UnknownNameError("model", "name007x", choices[:40]))
    assert str(UnknownNameError("model", "name007x", choices[:40])).endswith("name039.")
    message = str(UnknownNameError("model", "name007x", choices))
    assert "Accepted: name007, " in message
    assert message.count("name0") == 1 + 1 + 5  # the one received, the one meant, the five listed
    assert message.endswith(" and 36 more.")


def test_unknown_name_that_is_not_a_string_is_shown_unchanged():
    assert "Received: 3." in str(UnknownNameError("model", 3, ["cnn"]))


@pytest.mark.parametrize(
    ("name", "hint"), [("cn", " Did you mean 'cnn'?"), ("resnett", " Did you mean 'resnet'?"), ("qqqq", ""), ("", "")]
)
def test_nearest_suggests_only_a_similar_name(name, hint):
    assert nearest(name, ["cnn", "resnet"]) == hint


def test_nearest_ignores_case():
    assert nearest("CNN", ["cnn", "lenet"]) == " Did you mean 'cnn'?"
