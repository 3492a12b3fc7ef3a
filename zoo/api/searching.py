"""Search for hyperparameters, from a space to the best run."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from zoo.api.planning import check_resumed_alone
from zoo.api.search_requests import check_count, handed_over, join_config, requested, surveyed
from zoo.artefacts.files import check_new_directory
from zoo.errors import ArtefactError, UsageError, ZooError
from zoo.settings import UNNAMED
from zoo.tuning.search import ALL_TRIED, SEARCH_FILE, TIME_OVER, nearest_infeasible, trials_over

if TYPE_CHECKING:
    from zoo.artefacts.run import Run
    from zoo.tuning.nursery import Nursery
    from zoo.tuning.search import Search

logger = logging.getLogger(__name__)
KEEP = 3  # trials whose models stay
TRIALS = 20  # where neither trials nor minutes are given
AT_HOME = "127.0.0.1"
PATIENCE = 30.0  # seconds in which a search answers that was just started


def tune(
    model: str | None = None,
    *,
    data: Any = None,
    config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    space: Mapping[str, Any] | None = None,
    trials: int | None = None,
    minutes: float | None = None,
    algorithm: Literal["random", "bayesian", "hyperband", "grid"] | None = None,
    objective: str | None = None,
    direction: Literal["min", "max"] | None = None,
    repeats: int | None = None,
    folds: int | None = None,
    max_parameters: int | None = None,
    max_latency_ms: float | None = None,
    retrain: bool | None = None,
    keep: int | None = None,
    workers: int = 1,
    address: str | None = None,
    out: str | os.PathLike[str] | None = None,
    resume: str | os.PathLike[str] | None = None,
    verbose: int | Literal["auto"] = "auto",
    model_arguments: Mapping[str, Any] | None = None,
    data_arguments: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Run:
    """Search for good settings, each trial in a process of its own, and return the best run.

    Trials are trained as `zoo.train` does and scored on the validation part; the first one has the settings that `zoo.train`
    would take. The test part is looked at once, by the best. The same call again, with the same `out`, goes on with a search
    that was stopped; `zoo.Search.open(out)` has all trials.

    Args:
        model: a name.
        data: anything that `load_data` takes, but generators; by default the embedded data set of the model's task.
        config: a YAML file or a mapping of flat settings; `space`, `trials`, `algorithm` and all else that says how to
            search may stand there too, and what is given beside it goes first.
        space: what is searched, over the ranges of the model and the task: for each setting a list of values, or a mapping with
            `min`, `max`, and `step` and `sampling` ("linear" or "log") if need be; one value holds a setting at it, "default"
            leaves it as it is, also for patterns: `{"*": "default", "learning_rate": [1e-3, 1e-2]}`.
        trials: how many, at most; 20 where `minutes` are not given either.
        minutes: after which running trials are stopped and no other begins.
        algorithm: keras-tuner's "random", "bayesian" (Gaussian process), "hyperband" (many short trainings, of which the best
            get more epochs, each from the start), or "grid"; by default random.
        objective: a score of the validation part: `accuracy`, `macro_f1`, `precision`, `recall`, `micro_f1`, `loss`; `mae`,
            `rmse`, `r2`, `loss` of regression. By default the task's.
        direction: "min" or "max"; known of every score, and refused where it is the wrong one.
        repeats: trainings of each trial, with seeds one after the other, whose scores' mean counts; by default 1.
        folds: of cross-validation for each trial, cut from train and validation together; at least 2.
        max_parameters: of a model; larger ones are not trained and do not count.
        max_latency_ms: for one example on this machine, while the other workers run.
        retrain: whether the best run is trained anew on train and validation together.
        keep: trials whose models stay on the disk; 3 where it is not given.
        workers: processes at a time on this machine, each with its share of cores and GPUs.
        address: "HOST:PORT" where workers of other machines find this search; `zoo tune --join DIR --address HOST:PORT`.
        out: the search directory; default `runs/tune-MODEL-DATA-TIME`.
        resume: a search directory to go on with, in place of all that says what is searched; `trials`, `minutes`, `keep`,
            `workers` and `address` may be given anew, and `data` are needed where they were arrays.
        verbose: 0 shows nothing; 1 and "auto" show a table of the trials on standard error.
        model_arguments: arguments of the model's factory, which are not searched.
        data_arguments: arguments of `load_data`, which are not searched.
        **settings: as in `zoo.train`; they are not searched. `seed` is also that of the algorithm.

    Returns:
        The run of the best trial, with its test scores.

    Raises:
        UsageError: a name, key, range or value is not accepted, or `out` holds a search for something else.
        DataError: the data cannot be learned from.
        ArtefactError: the directory cannot be written, or holds something else.
        ZooError: too many trials failed in a row, or none finished.
        KeyboardInterrupt: Ctrl-C or SIGTERM; running trials are kept, and a note says how to go on.
    """
    what = {
        "space": space, "algorithm": algorithm, "objective": objective, "direction": direction, "repeats": repeats,
        "folds": folds, "max_parameters": max_parameters, "max_latency_ms": max_latency_ms, "retrain": retrain,
        "model_arguments": model_arguments, "data_arguments": data_arguments, "config": config, **settings,
    }  # fmt: skip
    limits = {"trials": trials, "minutes": minutes, "keep": keep}
    return run_search(model, data, what, limits, workers=workers, address=address, out=out, resume=resume, verbose=verbose).best


def run_search(
    model: str | None,
    data: Any,
    what: Mapping[str, Any],
    limits: Mapping[str, Any],
    *,
    workers: int,
    address: str | None,
    out: str | os.PathLike[str] | None,
    resume: str | os.PathLike[str] | None,
    verbose: int | Literal["auto"],
) -> Search:
    """Search as `tune` does, and return the finished search; see there."""
    from zoo.artefacts.files import default_directory
    from zoo.distribution.machine import check_machine, free_ports
    from zoo.tuning.nursery import Nursery, private_folder
    from zoo.tuning.search import Search

    what, limits = join_config(what, limits)
    _check_counts(limits, workers)
    check_machine(workers)
    address = address or f"{AT_HOME}:{free_ports(1)[0]}"
    _check_address(address, is_ours=True)
    search: Search | None
    with private_folder() as folder, ExitStack() as stack:
        name, preloaded = handed_over(data, Path(folder))
        if resume is not None:
            check_resumed_alone({"model": model, "out": out, **what}, "search")
            directory = Path(resume)
            search = Search.open(directory)
            _check_data(search, data)
            request = dict(search.content)
        else:
            request = requested(model, name, what)
            directory = Path(out) if out is not None else default_directory(f"tune-{request['model']}", request["data"])
            search = Search.open(directory) if (directory / SEARCH_FILE).is_file() else None
            if search is None:
                check_new_directory(directory)
            if not limits["trials"] and not limits["minutes"] and request["algorithm"] != "grid":
                limits = {**limits, "trials": TRIALS}
            limits = {**limits, "keep": limits["keep"] or KEEP}
        if search is not None:
            _hold(search, stack)
            if resume is not None and _is_done(search, limits, retrain=request["retrain"]):
                return search
        with _told_how_to_go_on(directory), Nursery(Path(folder), preloaded) as nursery:
            content = surveyed(request, nursery)
            if search is None and (directory / SEARCH_FILE).is_file():  # another process was faster
                search = Search.open(directory)
                _hold(search, stack)
            if search is None:
                search = begun(directory, {**content, "trials": None, "minutes": None, **limits})
                _hold(search, stack)
            else:
                search.check_same(content)
                if _is_done(search, limits, retrain=content["retrain"]):
                    return search
            search.update(retrain=content["retrain"])
            return go_on(search, nursery, limits, workers, address, verbose)


def _check_data(search: Search, data: Any) -> None:
    """Refuse data beside a search to go on with, unless it was on data in memory, which it does not keep."""
    is_in_memory = search.content["data"] in UNNAMED
    if is_in_memory and (data is None or isinstance(data, str | os.PathLike)):
        raise UsageError("This search was on data in memory, which it does not keep. Received: none. Give them as data=.")
    if data is not None and not is_in_memory:
        raise UsageError(f"This search goes on with {search.content['data']}. Received: data beside resume. Leave it out.")


def _hold(search: Search, stack: ExitStack) -> None:
    """Let no other process search here until the stack is closed, and set damaged files aside."""
    stack.enter_context(search.held())
    for path in search.set_damaged_aside():
        logger.warning("This file was damaged and is set aside; its trial goes on without it: %s", path)


def _is_done(search: Search, limits: Mapping[str, Any], *, retrain: bool) -> bool:
    """Whether a search has all that is asked of it."""
    is_whole = (search.directory / "best" / "run.json").is_file() and (search.directory / "best.yaml").is_file()
    counted = sum(trial.status not in ("infeasible", "stopped") for trial in search.trials)
    asks_for_more = bool(limits["minutes"]) or (limits["trials"] or 0) > counted
    if search.status != "finished" or not is_whole or search.content["retrain"] != retrain or asks_for_more:
        return False
    logger.info("The search in %s has finished; more trials, or minutes, go on with it.", search.directory)
    return True


@contextmanager
def _told_how_to_go_on(directory: Path) -> Iterator[None]:
    """Add to an interrupt, and to an error of the disk, how to go on with the search in a directory, if it has begun."""
    try:
        yield
    except (KeyboardInterrupt, ArtefactError) as error:
        if (directory / SEARCH_FILE).is_file():
            error.add_note(f"What was found is kept. To resume: zoo tune --resume {shlex.quote(str(directory))}")
        raise


def join_search(
    directory: str | os.PathLike[str], address: str, workers: int, verbose: int | Literal["auto"] = "auto"
) -> Search:
    """Run trials of a search that another machine has begun, until there are no more.

    Args:
        directory: of the search, on a file system that both machines see.
        address: "HOST:PORT" of the machine where it began.
        workers: processes at a time on this machine.
        verbose: 0 shows nothing.

    Raises:
        UsageError: the code here is not the one that the search began with.
        ZooError: a worker died again and again, or the search does not answer.
    """
    from zoo.distribution.machine import check_machine
    from zoo.tuning.nursery import Nursery, private_folder
    from zoo.tuning.search import Search
    from zoo.tuning.supervisor import Supervisor, sign_off
    from zoo.tuning.table import TrialTable

    _check_counts({}, workers)
    check_machine(workers)
    _check_address(address)
    search = Search.open(directory)
    if search.content["data"] in UNNAMED:
        raise UsageError("Arrays are in the memory of one machine. Received: a search on them to join. Search on a file.")
    if search.status != "running":
        raise UsageError(
            f"There is nothing to join. Received: {search.directory}, {search.status}. Go on with it first: --resume."
        )
    machine = f"{socket.gethostname()}-{os.getpid()}"
    search = Search.open(Path(directory).resolve())
    deadline = search.content.get("deadline")
    try:
        with private_folder() as folder, Nursery(Path(folder)) as nursery:
            search.check_same(surveyed(search.content, nursery))  # the same code, and the same data as seen from here
            _check_answered(address)
            with TrialTable(search, workers, verbose) as table:
                watch = Supervisor(search, nursery, address, workers, table.show, machine=machine, deadline=deadline)
                finished = watch.run()
    finally:
        sign_off(search.directory, machine)
    if not finished:
        raise KeyboardInterrupt
    return search


def begun(directory: Path, content: Mapping[str, Any]) -> Search:
    """Begin a search in a new directory."""
    from zoo.artefacts.files import new_directory
    from zoo.tuning.search import Search

    with new_directory(directory):
        return Search.begin(directory, content)


def go_on(
    search: Search,
    nursery: Nursery,
    limits: Mapping[str, Any],
    workers: int,
    address: str,
    verbose: int | Literal["auto"],
) -> Search:
    """Run trials until there are no more, make the best run, and write the report."""
    from zoo.tuning.supervisor import Supervisor
    from zoo.tuning.table import TrialTable

    given = {name: value for name, value in limits.items() if value is not None}
    if "trials" in given or "minutes" in given:
        given = {"trials": None, "minutes": None, **given}
    begun_at, minutes = time.time(), {**search.content, **given}["minutes"]
    deadline = begun_at + 60 * minutes if minutes is not None else None
    seconds = search.seconds_before()
    search.update(status="running", session_begun=begun_at, seconds=seconds, deadline=deadline, **given)
    keep = search.content["keep"]
    search = type(search).open(search.directory)

    def look() -> None:
        if search.notice():
            search.keep_best_only(keep)
        table.show()

    status = "failed"
    before = _interrupted_by_sigterm()
    try:
        with TrialTable(search, workers, verbose) as table:
            finished = Supervisor(search, nursery, address, workers, look, deadline=deadline).run()
            look()
        if not finished:
            raise KeyboardInterrupt
        _check_end(search)
        retrain = search.content["retrain"]
        best = nursery.call("zoo.api.trials:finish", directory=str(search.directory), retrain=retrain)
        search.update(best=[best, retrain])
        status = "finished"
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
        search.update(status=status, seconds=search.elapsed(), session_begun=None)
        with suppress(ZooError):
            nursery.call("zoo.tuning.report:write_report", directory=str(search.directory))
    return search


def _check_end(search: Search) -> None:
    """Refuse a search without a finished trial, and warn of one that ended early."""
    because, limits = search.ended_because, (search.content["trials"], search.content["minutes"])
    asked = [TIME_OVER, trials_over(limits[0]), *([ALL_TRIED] if limits == (None, None) else [])]
    is_early = because not in ("", *asked)
    if not search.best_trials:
        failed = [trial for trial in search.trials if trial.status == "failed"]
        bad = [trial for trial in search.trials if trial.status == "infeasible"]
        example = str((failed[-1] if failed else nearest_infeasible(bad)).reason).rstrip(".") if failed or bad else ""
        told = because if example in because else f"{because}, for example: {example}"
        raise ZooError(
            f"No trial finished: {len(failed)} failed, {len(bad)} broke a constraint. The search ended after: {told}. Change "
            "the space, and search in another directory."
        )
    if is_early:
        logger.warning("The search ended before its trials or minutes were over: %s.", because)


def _interrupted_by_sigterm() -> Any:
    """Let SIGTERM end this process as Ctrl-C does; return what it did before, or None outside of the main thread."""
    try:
        return signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:
        return None


def _check_counts(limits: Mapping[str, Any], workers: int) -> None:
    check_count("trials", limits.get("trials"), 1)
    check_count("keep", limits.get("keep"), 1)
    check_count("workers", workers, 1)
    minutes = limits.get("minutes")
    if minutes is not None and not (isinstance(minutes, int | float) and 0 < minutes < float("inf")):
        raise UsageError(f"`minutes` is a number above 0. Received: {minutes!r}.")


def _check_answered(address: str) -> None:
    """Refuse an address at which nobody listens."""
    host, _, port = address.rpartition(":")
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with socket.create_connection((host, int(port)), timeout=PATIENCE):
                return
        except OSError as error:
            if time.monotonic() > until:
                raise UsageError(
                    f"No search answers at this address: {error.strerror or error}. Received: {address!r}. Give the HOST:PORT "
                    "that the search was given."
                ) from error
            time.sleep(1)


def _check_address(address: str, *, is_ours: bool = False) -> None:
    """Refuse what is no address, and one of ours that cannot be listened on: gRPC would share a port with another search."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 2**16:
        raise UsageError(
            f"An address is HOST:PORT, with a port from 1 to 65535. Received: {address!r}. Write for example 192.168.1.5:8765."
        )
    if is_ours:
        try:
            with socket.create_server((host, int(port))):
                pass
        except OSError as error:
            raise UsageError(
                f"This address cannot be listened on: {error.strerror or error}. Received: {address!r}. Take one of this "
                "machine, and another port."
            ) from error
