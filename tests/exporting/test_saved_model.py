"""SavedModels in TensorFlow Serving's layout, and their warm-up requests."""

from __future__ import annotations

import tensorflow as tf

import zoo
from zoo.exporting.saved_model import WARM_UP, _prediction_log, write_saved_model
from zoo.exporting.signatures import Servable

# What tensorflow-serving-api 2.21 writes for `serving_default` of text=["a"].
BY_TENSORFLOW_SERVING = "322a0a280a111a0f73657276696e675f64656661756c7412130a0474657874120b0807120412020801420161"


def test_a_request_is_encoded_as_tensorflow_serving_does():
    assert _prediction_log("serving_default", {"text": tf.constant(["a"])}).hex() == BY_TENSORFLOW_SERVING


def test_there_is_a_warm_up_request_for_each_signature(tmp_path):
    data = zoo.load_data("mnist_sample")
    servable = Servable(zoo.build("linear", data=data), data.info)
    requests = servable.twin.requests
    write_saved_model(servable, tmp_path / "1", requests)
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(tmp_path / "1" / WARM_UP))]
    assert len(records) == len(requests) == 2
    for name, record in zip(requests, records, strict=True):
        assert name.encode() in record
    model = tf.saved_model.load(str(tmp_path / "1"))
    for name, request in requests.items():
        assert model.signatures[name](**request)["probabilities"].shape == (1, 10)
