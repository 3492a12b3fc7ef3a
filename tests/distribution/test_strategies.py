"""The choice of a strategy, and errors."""

from __future__ import annotations

import json

import pytest
import tensorflow as tf

import zoo
from zoo.distribution.cluster import workers_in_environment
from zoo.distribution.strategies import choose_strategy
from zoo.distribution.workers import Agreement, Worker
from zoo.errors import UsageError


@pytest.mark.parametrize("given", ["auto", "none"])
def test_one_device_has_no_strategy(given: str) -> None:
    assert choose_strategy(given) is None
    assert Worker.of(choose_strategy(given)) == Worker(0, 1)


def test_a_strategy_object_is_used() -> None:
    own = tf.distribute.OneDeviceStrategy("CPU:0")
    assert choose_strategy(own) is own


@pytest.mark.parametrize("given", ["mirror", 2, None])
def test_an_invalid_strategy_is_rejected(given: object) -> None:
    with pytest.raises(UsageError, match=r"'auto', 'mirrored', 'none' or a tf\.distribute\.Strategy\. Received"):
        zoo.build("linear", num_classes=3, strategy=given)


def test_mirrored_is_refused_with_one_device() -> None:
    with pytest.raises(UsageError, match="needs two or more devices"):
        zoo.build("linear", num_classes=3, strategy="mirrored")


def test_the_users_own_model_keeps_its_strategy(tmp_path: object) -> None:
    model = zoo.build("linear", data="iris")
    with pytest.raises(UsageError, match="under the strategy that it was built under"):
        zoo.train(model, data="iris", strategy=tf.distribute.OneDeviceStrategy("CPU:0"), out=tmp_path)


def test_workers_do_not_each_train_the_users_own_model_alone(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    model = zoo.build("linear", data="iris")
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker"}}))
    with pytest.raises(UsageError, match="would train this model alone"):
        zoo.train(model, data="iris", out=tmp_path)


@pytest.mark.parametrize(
    ("written", "count"),
    [
        ("", 1),
        (json.dumps({"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}), 1),
        (json.dumps({"cluster": {"chief": ["a:1"], "worker": ["b:1", "c:1"]}, "task": {"type": "worker", "index": 1}}), 3),
        (
            json.dumps({"cluster": {"worker": ["a:1", "b:1"], "evaluator": ["c:1"]}, "task": {"type": "worker", "index": "1"}}),
            2,
        ),
        (json.dumps({}), 1),
    ],
)
def test_workers_are_counted_in_the_environment(monkeypatch: pytest.MonkeyPatch, written: str, count: int) -> None:
    monkeypatch.setenv("TF_CONFIG", written)
    assert workers_in_environment() == count


@pytest.mark.parametrize("written", ["{", "[]", '{"cluster": 3}', '{"task": 3}', '{"task": {"index": "1x"}}'])
def test_a_damaged_cluster_is_refused(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("TF_CONFIG", written)
    with pytest.raises(UsageError, match="with a different task for each worker"):
        workers_in_environment()


@pytest.mark.parametrize(
    ("cluster", "kind", "index"),
    [
        ({"worker": ["a:1"], "evaluator": ["b:1"]}, "evaluator", 0),
        ({"worker": ["a:1"], "ps": ["b:1"]}, "worker", 0),
        ({"worker": ["a:1"]}, "worker", 3),
        ({"worker": ["a:1", "b:1"]}, None, 0),
    ],
)
def test_a_process_outside_the_cluster_does_not_train_alone(
    monkeypatch: pytest.MonkeyPatch, cluster: dict[str, list[str]], kind: str | None, index: int
) -> None:
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}}))
    with pytest.raises(
        UsageError, match=rf'Received: .*"type": {json.dumps(kind)}, "index": {index}.* only in chiefs and workers'
    ):
        zoo.build("linear", num_classes=3)


def test_several_workers_are_not_mirrored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker"}}))
    with pytest.raises(UsageError, match=r"with a TF_CONFIG for several workers\. Omit it"):
        zoo.build("linear", num_classes=3, strategy="mirrored")


def test_workers_that_connect_too_late_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    tf.constant(1)
    cluster = {"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    with pytest.raises(UsageError, match="before any TensorFlow operation"):
        zoo.build("linear", num_classes=3)


def test_a_task_that_the_cluster_does_not_have_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = {"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}, "task": {"type": "worker", "index": 7}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    with pytest.raises(UsageError, match=r'"index": 7.* only in chiefs and workers'):
        zoo.build("linear", num_classes=3)


def test_one_process_agrees_with_itself_at_each_step() -> None:
    agreement = Agreement()
    assert [agreement.at_step(step, step == 2, False) for step in (1, 2, 3)] == [(False, False), (True, False), (False, False)]
    assert agreement.now(True, False) == (True, False)
