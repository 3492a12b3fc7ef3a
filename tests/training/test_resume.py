"""A resumed run gives bit-identical results, however often and wherever it was stopped."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import zoo
from zoo.artefacts.checkpoints import Checkpoints
from zoo.errors import ArtefactError, DataError, UsageError

IMAGES = {
    "model": "cnn", "data": "digits", "epochs": 3, "batch_size": 64, "learning_rate": 0.01, "model.filters": [4, 8],
    "model.kernel_size": 3, "model.units": 16, "augment_shift": 0.1, "augment_rotate": 10, "augment_cutout": 0.2, "ema": 0.9,
}  # fmt: skip
TEXTS = {
    "model": "lstm", "data": "reviews_sample", "epochs": 2, "batch_size": 64, "data.vocabulary_size": 500,
    "data.max_length": 20, "model.embedding_dim": 8, "model.units": 8, "model.token_dropout": 0.1, "baseline": False,
}  # fmt: skip
TABLES = {
    "model": "mlp", "data": "iris", "epochs": 9, "batch_size": 16, "optimizer": "momentum", "learning_rate": 0.3, "warmup": 0.0,
    "schedule": "plateau", "plateau_patience": 1, "early_stopping": 3, "keep": "best", "accumulation_steps": 2,
    "clip_norm": 1.0, "class_weight": "balanced", "model.dropout": 0.3,
}  # fmt: skip
CASES = {"cnn": IMAGES, "lstm": TEXTS, "mlp": TABLES}


class StopAt(keras.callbacks.Callback):
    """Sends a signal to this process after some batches; has its own state and uses random numbers."""

    def __init__(self, *batches: int, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.batches, self.number = set(batches), (number,)  # neither is plain data, so neither is restored
        self.count = 0
        self.drawn: list[float] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.count, self.drawn = 0, []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.count += 1
        if self.count % 10 == 0:
            self.drawn += [random.random(), float(np.random.random())]
        if self.count in self.batches:
            signal.raise_signal(self.number[0])


def train(out: Path, settings: dict[str, Any], *batches: int, **others: Any) -> tuple[zoo.Run, StopAt]:
    """Train, resuming as often as training is stopped."""
    stop = StopAt(*batches, **others)
    waiting = len(batches)
    try:
        return zoo.train(config=settings, out=out, callbacks=[stop], verbose=0), stop
    except KeyboardInterrupt:
        waiting -= 1
    while True:
        try:
            return zoo.train(resume=out, callbacks=[stop], verbose=0), stop
        except KeyboardInterrupt:
            waiting -= 1
            assert waiting >= 0


def assert_equal_runs(left: Path, right: Path) -> None:
    (one, facts), (other, other_facts) = (Checkpoints(path / "checkpoints", 1).load_newest() for path in (left, right))
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)
    others = {"seconds", "epoch_seconds", "settings"}  # times, and the frequency of checkpoints
    assert {name: value for name, value in facts.items() if name not in others} == {
        name: value for name, value in other_facts.items() if name not in others
    }
    assert (left / "history.csv").read_bytes() == (right / "history.csv").read_bytes()
    assert zoo.Run.open(left).metrics == zoo.Run.open(right).metrics
    for a, b in zip(*(zoo.Run.open(path).model.get_weights() for path in (left, right)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, StopAt]]:
    """An uninterrupted run of each case, created on first use."""

    @cache
    def make(name: str) -> tuple[Path, StopAt]:
        out = tmp_path_factory.mktemp(name)
        return out, train(out, CASES[name])[1]

    return make


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "batches"),
    [
        ("cnn", (7, 12, 20, 45)),  # of 20: twice in one epoch, at the end of one, and in the last
        ("lstm", (30, 31)),
        ("mlp", (3, 7, 15, 28)),  # of 7: at ends of epochs, and after a drop of the rate
    ],
)
def test_a_stopped_run_equals_an_uninterrupted_one(
    tmp_path: Path, whole: Callable[[str], tuple[Path, StopAt]], name: str, batches: tuple[int, ...]
) -> None:
    _, stop = train(tmp_path / "run", CASES[name], *batches)
    expected, unstopped = whole(name)
    assert_equal_runs(tmp_path / "run", expected)
    assert stop.count == unstopped.count
    assert stop.drawn == unstopped.drawn


@pytest.mark.slow
def test_sigterm_saves_and_stops_too(tmp_path: Path, whole: Callable[[str], tuple[Path, StopAt]]) -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        zoo.train(config=TABLES, out=tmp_path / "run", callbacks=[StopAt(4, number=signal.SIGTERM)], verbose=0)
    kept = tmp_path / "run" / "model.keras"
    assert caught.value.__notes__ == [
        f"The model's state in epoch 1, after 4 batches is saved in {kept}. To resume: zoo train --resume {tmp_path / 'run'}"
    ]
    stopped = zoo.Run.open(tmp_path / "run")
    assert stopped.status == "interrupted"
    assert len(stopped.predict(np.zeros((5, 4)))) == 5
    zoo.train(resume=stopped, callbacks=[StopAt()], verbose=0)
    assert_equal_runs(tmp_path / "run", whole("mlp")[0])
    assert zoo.Run.open(tmp_path / "run").status == "finished"
    assert len(zoo.Run.open(tmp_path / "run").content["resumed"]) == 1


def test_signal_handlers_are_restored_after_training(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    zoo.train("linear", data="iris", epochs=1, out=tmp_path / "run", verbose=0)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_second_ctrl_c_interrupts_immediately(tmp_path: Path) -> None:
    class Twice(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 2:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)
                pytest.fail("it went on")

    with pytest.raises(KeyboardInterrupt) as caught:
        zoo.train("linear", data="iris", epochs=1, out=tmp_path / "run", callbacks=[Twice()], verbose=0)
    assert caught.value.__notes__[0].startswith("No model has been saved yet. To resume")


def test_a_run_can_be_stopped_in_a_thread_or_resumed_there(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as threads:
        run = threads.submit(zoo.train, "linear", data="iris", epochs=1, out=tmp_path / "run", verbose=0).result()
    assert run.status == "finished"


def stopped(out: Path, settings: dict[str, Any] = TABLES, batch: int = 10, **changes: Any) -> Path:
    with pytest.raises(KeyboardInterrupt):
        zoo.train(config={**settings, **changes}, out=out, callbacks=[StopAt(batch)], verbose=0)
    return out


def checkpoints_of(run: Path) -> list[Path]:
    return sorted((run / "checkpoints").glob("*.npz"))


@pytest.mark.slow
def test_a_damaged_newest_checkpoint_falls_back_to_the_previous_one(
    tmp_path: Path, whole: Callable[[str], tuple[Path, StopAt]], caplog: pytest.LogCaptureFixture
) -> None:
    run = stopped(tmp_path / "run", checkpoint_seconds=0, keep_checkpoints=3)
    names = [path.name.partition("-")[0] for path in checkpoints_of(run)]
    assert names == ["0000000008", "0000000009", "0000000010"]
    newest = checkpoints_of(run)[-1]
    newest.write_bytes(newest.read_bytes()[:-100])
    zoo.train(resume=run, callbacks=[StopAt()], verbose=0)
    assert f"Checkpoint {newest} is damaged" in caplog.text
    assert_equal_runs(run, whole("mlp")[0])


@pytest.mark.slow
def test_no_intact_checkpoint_fails(tmp_path: Path) -> None:
    run = stopped(tmp_path / "run")
    for path in checkpoints_of(run):
        path.write_bytes(b"")
    with pytest.raises(ArtefactError, match="no intact checkpoint") as caught:
        zoo.train(resume=run, callbacks=[StopAt()], verbose=0)
    assert "To resume" not in caught.value.__notes__[0]


def test_settings_that_were_changed_in_run_json_are_refused(tmp_path: Path) -> None:
    run = stopped(tmp_path / "run")
    content = json.loads((run / "run.json").read_text())
    content["settings"] |= {"epochs": 3, "batch_size": 32}
    (run / "run.json").write_text(json.dumps(content))
    expected = r"in run\.json differ .* Received: batch_size=32 \(checkpoint: 16\), epochs=3 \(checkpoint: 9\)"
    with pytest.raises(ArtefactError, match=expected):
        zoo.train(resume=run, callbacks=[StopAt()], verbose=0)


def test_a_config_that_was_changed_is_refused(tmp_path: Path) -> None:
    run = stopped(tmp_path / "run")
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("epochs: 9", "epochs: 12"))
    with pytest.raises(ArtefactError, match=r"config\.yaml differ from .* Received: epochs=12 \(checkpoint: 9\)"):
        zoo.train(resume=run, callbacks=[StopAt()], verbose=0)
    config.write_text("sed: 3\n" + config.read_text())
    with pytest.raises(UsageError, match=r"sed[\s\S]*This is in .*config\.yaml. The file must not change"):
        zoo.train(resume=run, callbacks=[StopAt()], verbose=0)
    config.unlink()
    with pytest.raises(UsageError, match=r"cannot be read. Received: .*config\.yaml"):
        zoo.train(resume=run, callbacks=[StopAt()], verbose=0)


@pytest.mark.slow
def test_a_run_is_finished_when_its_report_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from zoo.training import session

    def fail(*_: Any) -> str:
        raise OSError("killed")

    settings = {"model": "mlp", "data": "iris", "epochs": 1, "model.l2": "1e-4"}  # a text file, which is unchanged
    with monkeypatch.context() as patched:
        patched.setattr(session, "report_page", fail)
        with pytest.raises(OSError, match="killed"):
            zoo.train(config=settings, out=tmp_path / "run", verbose=0)
    assert zoo.Run.open(tmp_path / "run").status == "failed"
    run = zoo.train(resume=tmp_path / "run", verbose=0)
    assert run.status == "finished"
    assert (run.directory / "report.html").exists()


@pytest.mark.slow
def test_a_finished_run_is_returned_unchanged(whole: Callable[[str], tuple[Path, StopAt]]) -> None:
    directory, _ = whole("mlp")
    before = (directory / "run.json").read_bytes()
    assert zoo.train(resume=directory, verbose=0).metrics == zoo.Run.open(directory).metrics
    assert (directory / "run.json").read_bytes() == before


@pytest.mark.parametrize("others", [{"model": "cnn"}, {"epochs": 9}, {"out": "x"}, {"data_arguments": {}}])
def test_settings_with_resume_are_rejected(tmp_path: Path, others: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"resumes with its own settings. Received: {next(iter(others))} with resume"):
        zoo.train(resume=tmp_path, **others)


def test_other_callbacks_are_refused(tmp_path: Path) -> None:
    run = stopped(tmp_path / "run")
    with pytest.raises(ArtefactError, match=r"had different callbacks.*StopAt.*Pass the same callbacks"):
        zoo.train(resume=run, verbose=0)


@pytest.mark.slow
def test_arrays_must_be_passed_again_and_be_equal(tmp_path: Path) -> None:
    features = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    labels = np.arange(60) % 2
    settings = {"model": "linear", "epochs": 3, "batch_size": 8}
    with pytest.raises(KeyboardInterrupt):
        zoo.train(data=(features, labels), config=settings, out=tmp_path / "run", callbacks=[StopAt(3)], verbose=0)
    with pytest.raises(UsageError, match="trained on arrays"):
        zoo.train(resume=tmp_path / "run", callbacks=[StopAt()], verbose=0)
    with pytest.raises(DataError, match="changed since"):
        zoo.train(resume=tmp_path / "run", data=(features + 1, labels), callbacks=[StopAt()], verbose=0)
    zoo.train(resume=tmp_path / "run", data=(features, labels), callbacks=[StopAt()], verbose=0)
    zoo.train(data=(features, labels), config=settings, out=tmp_path / "whole", callbacks=[StopAt()], verbose=0)
    assert_equal_runs(tmp_path / "run", tmp_path / "whole")


@pytest.mark.slow
def test_the_users_own_model_resumes_too(tmp_path: Path) -> None:
    def make() -> keras.Model:
        keras.utils.set_random_seed(3)
        layers = [keras.Input((4,)), keras.layers.BatchNormalization(), keras.layers.Dropout(0.2), keras.layers.Dense(3)]
        return keras.Sequential(layers)

    for name, batch in (("whole", 10**9), ("run", 5)):
        try:
            zoo.train(make(), data="iris", epochs=3, out=tmp_path / name, callbacks=[StopAt(batch)], verbose=0)
        except KeyboardInterrupt:
            zoo.train(resume=tmp_path / name, callbacks=[StopAt()], verbose=0)
    assert_equal_runs(tmp_path / "run", tmp_path / "whole")


KILLED = """
import json, os, signal, sys, threading, time
import numpy as np
import zoo
from zoo.artefacts import checkpoints
from zoo.training.checkpointing import Checkpointing

settings, runs = json.loads(sys.argv[1])
kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
save, on_train_batch_end = np.savez, Checkpointing.on_train_batch_end

def train(out, seconds, how):
    begun = None

    def cut(file, **arrays):  # half of a checkpoint is on the disk
        save(file, **arrays)
        if begun is not None and time.monotonic() - begun > seconds:
            file.truncate(file.tell() // 2)
            file.flush()
            kill()

    def count(self, *arguments, **named):  # from the first batch on
        nonlocal begun
        if begun is None:
            begun = time.monotonic()
            if how == "outside":
                threading.Timer(seconds, kill).start()
        on_train_batch_end(self, *arguments, **named)

    Checkpointing.on_train_batch_end = count
    if how == "inside":
        checkpoints.np.savez = cut
    exists = os.path.exists(os.path.join(out, "run.json"))
    zoo.train(resume=out, verbose=0) if exists else zoo.train(config=settings, out=out, verbose=0)

for run in runs:  # each in a process of its own, forked from this one, which only imports TensorFlow
    child = os.fork()
    if child == 0:
        train(*run)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cnn", pytest.param("lstm", marks=pytest.mark.long)])
def test_ten_kills_three_of_them_inside_a_checkpoint_change_nothing(tmp_path: Path, name: str) -> None:
    settings = {**CASES[name], "checkpoint_seconds": 0.05, "epochs": {"cnn": 40, "lstm": 4}[name]}
    whole, killed = str(tmp_path / "whole"), str(tmp_path / "run")
    chance = random.Random(1)
    kills = ["outside"] * 7 + ["inside"] * 3
    chance.shuffle(kills)
    runs = [(whole, 0, "never"), *((killed, chance.uniform(0.1, 1.0), how) for how in kills), (killed, 0, "never")]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, json.dumps([settings, runs])], env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=True, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert [int(line) for line in done.stdout.split()] == [0, *[-signal.SIGKILL] * 10, 0]
    assert_equal_runs(tmp_path / "run", tmp_path / "whole")
