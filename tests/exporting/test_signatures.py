"""Preprocessing in the graph equals preprocessing in Python."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import zoo
from zoo.exporting.signatures import Servable
from zoo.inputs.table.graph import encode_columns
from zoo.inputs.table.preprocessor import Column, TablePreprocessor
from zoo.inputs.text.graph import encode_texts
from zoo.inputs.text.preprocessor import TextPreprocessor
from zoo.settings import data_arguments
from zoo.text.graph import GraphTokenizer

TEXTS = ["a film I will not forget", "", "很好的电影", "one two three four five six seven eight", "!!", "\0 a\0b", "😀 İΣß"]


@pytest.mark.parametrize("truncation", ["pre", "post", "middle"])
@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("buckets", [True, False])
@pytest.mark.parametrize("max_length", [1, 5, 400])
def test_texts_become_the_preprocessors_ids(truncation, padding, buckets, max_length):
    arguments = {"truncation": truncation, "padding": padding, "buckets": buckets, "max_length": max_length}
    preprocessor = TextPreprocessor.fit(TEXTS, data_arguments(arguments))
    expected = preprocessor.pad([preprocessor.encode(text) for text in TEXTS])
    found = encode_texts(tf.constant([text.encode() for text in TEXTS]), GraphTokenizer(preprocessor.tokenizer), preprocessor)
    assert found.dtype == tf.int32
    np.testing.assert_array_equal(found, expected)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    width = [1.5, np.nan, 3e9, -2.0]
    return pd.DataFrame(
        {"width (cm)": width, "width [cm]": [1, 2, 3, 4], "色": ["红", None, "blue", "红"], "self": [True, False] * 2}
    )


def test_columns_become_the_preprocessors_features_and_back(table):
    preprocessor = TablePreprocessor.fit(table)
    names = preprocessor.tensor_names
    assert names == {"width (cm)": "width_cm", "width [cm]": "column_1_width_cm", "色": "column_2", "self": "column_3_self"}
    asked = pd.concat([table, pd.DataFrame({"width (cm)": [0.0], "width [cm]": [9], "色": ["never seen"], "self": [True]})])
    columns = {
        names[column.name]: tf.constant(
            asked[column.name].astype(np.float32) if column.kind == "number" else asked[column.name].fillna("").to_list()
        )
        for column in preprocessor.columns
    }
    features = preprocessor.transform(asked)
    np.testing.assert_array_equal(encode_columns(columns, preprocessor), features)
    np.testing.assert_array_equal(preprocessor.transform(preprocessor.as_columns(features)), features)


def test_names_of_columns_never_collide():
    columns = ["a b", "a_b", "a-b", "1", "", "column_0", "self", "a b ", "class"]
    names = TablePreprocessor(tuple(Column(name, "number") for name in columns)).tensor_names
    assert names["class"] == "column_8_class"  # Python's own words cannot name a signature's arguments
    assert len(set(names.values())) == len(columns)


@pytest.mark.parametrize(
    ("model", "data", "inputs", "outputs"),
    [
        (
            "linear",
            "mnist_sample",
            {"serving_default": "image", "image_bytes": "image_bytes"},
            {"labels", "probabilities", "logits"},
        ),
        ("transformer/tiny", "reviews_sample", {"serving_default": "text"}, {"labels", "probabilities", "logits"}),
        ("linear", "diabetes", {"serving_default": "bmi", "features": "features"}, {"values"}),
    ],
)
def test_tensors_have_the_promised_names(model, data, inputs, outputs):
    splits = zoo.load_data(data)
    built = zoo.build(model, data=splits)
    servable = Servable(built, splits.info)
    endpoints, requests = servable.endpoints, servable.twin.requests
    assert set(endpoints) == set(requests) == set(inputs)
    for name, endpoint in endpoints.items():
        assert inputs[name] in requests[name]
        argument = requests[name] if len(requests[name]) > 1 else next(iter(requests[name].values()))
        assert set(endpoint(argument)) == outputs


def test_whole_number_labels_stay_numbers():
    splits = zoo.load_data((np.zeros((40, 4)) + np.arange(40)[:, None], np.arange(40) % 3 * 10))
    built = zoo.build("linear", data=splits)
    labels = Servable(built, splits.info).encoded(tf.zeros((1, 4)))["labels"]
    assert labels.dtype == tf.int64
    assert labels.numpy()[0] in splits.info.labels
