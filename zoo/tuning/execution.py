"""A search from its request, or its directory, to the best run."""

from __future__ import annotations

import logging
import shlex
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from zoo.artefacts.files import check_new_directory
from zoo.errors import ArtefactError, UsageError, ZooError
from zoo.processes.redirection import redirected_stderr
from zoo.processes.signals import signal_handler
from zoo.processes.start import shared_folder, start_engine
from zoo.processes.tasks import Engine, call
from zoo.settings import UNNAMED
from zoo.tuning.handover import save_shared
from zoo.tuning.request import DEFAULT_KEEP, DEFAULT_TRIALS, SearchRequest
from zoo.tuning.search import SEARCH_FILE, Search, nearest_infeasible
from zoo.tuning.spec import SearchSpec, check_same, factory_hash, versions
from zoo.tuning.writer import begin_search, elapsed, held, keep_best_only, seconds_before, update_search

logger = logging.getLogger(__name__)
PRELOAD = (
    "tensorflow", "keras", "keras_tuner", "tensorboard.compat.tensorflow_stub", "sklearn.metrics", "sklearn.model_selection",
    "sklearn.datasets", "zoo.pipeline.load", "zoo.artefacts.predictor", "zoo.tuning.trials",
)  # fmt: skip


def run_search(
    request: SearchRequest | None,
    directory: Path,
    data: Any,
    limits: Mapping[str, Any],
    *,
    workers: int,
    ray: str | None,
    verbose: int,
) -> Search:
    """Search until no trials are left, create the best run, and return the finished search.

    Args:
        request: what is searched; None resumes the search in the directory as it is.
        directory: the search directory, new or of the same search.
        data: data in memory, or a name or path, which the request names too.
        limits: `trials`, `minutes` and `keep`, None where they were not given.
        workers: number of processes at a time.
        ray: address of a Ray cluster; None runs on this machine.
        verbose: 0 shows nothing.

    Raises:
        UsageError: the directory holds a search for something else, or no trial could take a range.
        ZooError: too many trials failed in a row, or none finished.
        KeyboardInterrupt: Ctrl-C or SIGTERM; a note says how to resume.
    """
    with ExitStack() as stack:
        stack.enter_context(signal_handler(signal.default_int_handler, signal.SIGTERM))
        folder = Path(stack.enter_context(shared_folder(ray, directory)))
        shared = save_shared(data, folder)
        is_new = request is not None and not (directory / SEARCH_FILE).is_file()
        search = None if is_new else Search.open(directory)
        if search is None:
            check_new_directory(directory)
        else:
            stack.enter_context(held(search))
            if request is None:
                _check_data(search, data)
                if _is_done(search, limits, retrain=search.content["retrain"]):
                    return search
        stack.enter_context(_resume_hint(directory))
        engine = stack.enter_context(start_engine(ray, workers, folder, PRELOAD))
        with redirected_stderr(folder / "imports.log"):
            from zoo.tuning import oracle  # noqa: F401 - imports TensorFlow while the engine's processes do

        before = request.spec if request is not None else search.spec if search is not None else None
        spec = _surveyed(engine, before, request, shared)
        retrain = bool(request.limits["retrain"] if request is not None else search.content["retrain"] if search else False)
        if search is None and not (directory / SEARCH_FILE).is_file():
            given = {**limits, "keep": limits["keep"] or DEFAULT_KEEP, "retrain": retrain}
            if not limits["trials"] and not limits["minutes"] and spec.algorithm != "grid":
                given["trials"] = DEFAULT_TRIALS
            search = begin_search(directory, spec, given)
            stack.enter_context(held(search))
        else:
            if search is None:  # another process was faster
                search = Search.open(directory)
                stack.enter_context(held(search))
            check_same(search.spec, spec, directory)
            if _is_done(search, limits, retrain=retrain):
                return search
            search = update_search(search, retrain=retrain)
        return _run(search, engine, limits, shared, workers, verbose)


def _surveyed(engine: Engine, spec: SearchSpec | None, request: SearchRequest | None, shared: str | None) -> SearchSpec:
    """Return the spec, completed with facts about the data, packages and the model's source."""
    import json
    from dataclasses import replace

    from zoo.tuning.trials import survey

    if spec is None:
        raise UsageError("There is nothing to search. Received: neither a request nor a search.")
    found: SearchSpec = call(engine, survey, spec, request.changes if request is not None else None, shared)
    found = replace(found, versions=versions(), factory=factory_hash(spec.model))
    return SearchSpec.read(json.loads(json.dumps(found.to_dict())))  # in the form of `search.json`


def _check_data(search: Search, data: Any) -> None:
    """Reject data for a resumed search, unless the search used data in memory, which it does not store."""
    is_in_memory = search.spec.data in UNNAMED
    if is_in_memory and (data is None or isinstance(data, str)):
        raise UsageError("This search was on data in memory, which it does not keep. Received: none. Give them as data=.")
    if data is not None and not is_in_memory:
        raise UsageError(f"This search resumes with {search.spec.data}. Received: data with resume. Leave it out.")


def _is_done(search: Search, limits: Mapping[str, Any], *, retrain: bool) -> bool:
    """Whether a search has reached its limits."""
    is_whole = (search.directory / "best" / "run.json").is_file() and (search.directory / "best.yaml").is_file()
    counted = sum(trial.status not in ("infeasible", "stopped") for trial in search.trials)
    asks_for_more = bool(limits["minutes"]) or (limits["trials"] or 0) > counted
    if search.status != "finished" or not is_whole or search.content["retrain"] != retrain or asks_for_more:
        return False
    logger.info("The search in %s has finished; give more trials or minutes to resume it.", search.directory)
    return True


@contextmanager
def _resume_hint(directory: Path) -> Iterator[None]:
    """Add to an interrupt, and to an error of the disk, how to resume the search."""
    try:
        yield
    except (KeyboardInterrupt, ArtefactError) as error:
        if (directory / SEARCH_FILE).is_file():
            error.add_note(f"All trials are kept. To resume: zoo tune --resume {shlex.quote(str(directory))}")
        raise


def _run(search: Search, engine: Engine, limits: Mapping[str, Any], shared: str | None, workers: int, verbose: int) -> Search:
    """Run trials until none are left, create the best run, and write the report."""
    from zoo.tuning.oracle import make_oracle
    from zoo.tuning.report import write_report
    from zoo.tuning.scheduler import Scheduler
    from zoo.tuning.table import TrialTable
    from zoo.tuning.trials import finish

    given = {name: value for name, value in limits.items() if value is not None}
    if "trials" in given or "minutes" in given:
        given = {"trials": None, "minutes": None, **given}
    begun_at, minutes = time.time(), {**search.content, **given}["minutes"]
    deadline = begun_at + 60 * minutes if minutes is not None else None
    seconds = seconds_before(search)
    search = update_search(search, status="running", session_begun=begun_at, seconds=seconds, **given)
    oracle = make_oracle(search)
    oracle.deadline = deadline
    oracle.restore()
    ended = 0
    status, best = "failed", search.content.get("best")
    try:
        with TrialTable(search, workers, verbose) as table:

            def show() -> None:
                nonlocal ended
                if (now_ended := len(search.best_trials)) > ended:
                    ended = now_ended
                    keep_best_only(search, search.content["keep"])
                table.show()

            is_complete = Scheduler(search, oracle, engine, shared, show).run(workers)
            show()
        if not is_complete:
            raise KeyboardInterrupt
        _check_end(search, oracle.ended_because)
        name = call(engine, finish, str(search.directory), shared)
        status, best = "finished", [name, search.content["retrain"]]
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        search = update_search(
            search, status=status, seconds=elapsed(search), session_begun=None, best=best, ended_because=oracle.ended_because
        )
        with suppress(ZooError):
            write_report(str(search.directory))
    return search


def _check_end(search: Search, because: str) -> None:
    """Reject a search without a finished trial, and warn if it ended early."""
    from zoo.tuning.oracle import ALL_TRIED, TIME_OVER, trials_over

    because, trials, minutes = because.rstrip("."), search.content["trials"], search.content["minutes"]
    expected = ["", TIME_OVER, trials_over(trials), *([ALL_TRIED] if trials is None and minutes is None else [])]
    if not search.best_trials:
        failed = [trial for trial in search.trials if trial.status == "failed"]
        bad = [trial for trial in search.trials if trial.status == "infeasible"]
        example = str((failed[-1] if failed else nearest_infeasible(bad)).reason).rstrip(".") if failed or bad else ""
        reason = because if example in because else f"{because}, for example: {example}"
        raise ZooError(
            f"No trial finished: {len(failed)} failed, {len(bad)} broke a constraint. The search ended after: {reason}. Change "
            "the space, and search in another directory."
        )
    if because not in expected:
        logger.warning("The search ended before its trials or minutes were over: %s.", because)
