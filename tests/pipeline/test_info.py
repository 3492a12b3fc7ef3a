"""Old names of DataInfo and Splits raise errors with the new names."""

from __future__ import annotations

import pytest

import zoo


@pytest.mark.parametrize(
    ("name", "new"),
    [("table", "DataInfo.preprocessor"), ("text", "preprocessor"), ("image_shape", "input_shape"), ("x", "'x'")],
)
def test_an_old_name_of_data_info_gives_the_new_one(name: str, new: str) -> None:
    info = zoo.load_data("iris").info
    assert not hasattr(info, name)
    with pytest.raises(AttributeError, match=new):
        getattr(info, name)


@pytest.mark.parametrize("name", ["training_stream", "in_order"])
def test_an_old_method_of_splits_gives_its_function(name: str) -> None:
    with pytest.raises(AttributeError, match=r"zoo\.pipeline\.splits\."):
        getattr(zoo.load_data("iris"), name)
