"""Runs a search, new or resumed, to the best run."""

from __future__ import annotations

import logging
import shlex
import signal
import time
from contextlib import ExitStack, suppress
from functools import partial
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
from zoo.tuning.search import (
    ALL_TRIED,
    SEARCH_FILE,
    Search,
    begin_search,
    elapsed,
    keep_best_only,
    locked,
    seconds_before,
    update_search,
)
from zoo.tuning.spec import Limits, SearchSpec, check_same

logger = logging.getLogger(__name__)
PRELOAD = (
    "tensorboard.compat.tensorflow_stub", "sklearn.metrics", "sklearn.model_selection", "sklearn.datasets", "zoo.pipeline.load",
    "zoo.artefacts.predictor", "zoo.tuning.trials",
)  # fmt: skip


def run_search(
    spec: SearchSpec | None, directory: Path, data: Any, limits: Limits, *, ray: str | None, verbose: int | str
) -> Search:
    """Search until no trials are left, create the best run, and return the finished search.

    Args:
        spec: specification of the search; None resumes the search in the directory.
        directory: the search directory, new or with the same search.
        data: data in memory, or the name or path that the spec contains.
        limits: limits of this session.
        ray: address of a Ray cluster; None runs on this machine.
        verbose: 0 shows nothing.

    Raises:
        UsageError: the directory contains a different search, or no trial accepts a range.
        ZooError: too many trials failed in a row, or none finished.
        KeyboardInterrupt: Ctrl-C or SIGTERM; a note says how to resume.
    """
    with ExitStack() as stack:
        stack.enter_context(signal_handler(signal.default_int_handler, signal.SIGTERM))
        folder = Path(stack.enter_context(shared_folder(ray, directory)))
        shared = save_shared(data, folder)
        search = None
        if spec is None or (directory / SEARCH_FILE).is_file():
            search = Search.open(directory)
            stack.enter_context(locked(search))
        else:
            check_new_directory(directory)
        if spec is None and search is not None:
            _check_data(search, data)
            if _is_done(search, limits):
                logger.info("The search in %s has finished; pass more trials or minutes to resume it.", directory)
                return search
            spec = search.spec
        stack.push(partial(_add_hint, directory))
        engine = stack.enter_context(start_engine(ray, limits.workers, folder, PRELOAD))
        with redirected_stderr(folder / "imports.log"):
            from zoo.tuning import oracle  # noqa: F401 - imports TensorFlow at the same time as the engine's processes
            from zoo.tuning.trials import survey
        found: SearchSpec = call(engine, survey, spec, shared)
        if search is None:
            search = begin_search(directory, found, limits)
            stack.enter_context(locked(search))
        else:
            check_same(search.spec, found, directory)
        return _run(search, engine, limits, shared, verbose)


def _check_data(search: Search, data: Any) -> None:
    """Reject data for a resumed search, unless the search used data in memory, which it does not store."""
    if (data is not None) != (search.spec.data in UNNAMED):
        raise UsageError(
            f"A search stores the name of its data, but not data in memory. Received: {type(data).__name__} for a "
            f"search on {search.spec.data!r}. Pass data= only for a search on data in memory."
        )


def _is_done(search: Search, limits: Limits) -> bool:
    """Return whether a search has reached its limits."""
    is_whole = (search.directory / "best" / "run.json").is_file() and (search.directory / "best.yaml").is_file()
    counted = sum(trial.status not in ("infeasible", "stopped") for trial in search.trials)
    return search.status == "finished" and is_whole and limits.minutes is None and (limits.trials or 0) <= counted


def _add_hint(directory: Path, _kind: object, error: BaseException | None, _trace: object) -> None:
    """Add a note on how to resume the search to an interrupt or a disk error."""
    if isinstance(error, KeyboardInterrupt | ArtefactError) and (directory / SEARCH_FILE).is_file():
        error.add_note(f"All trials are saved. To resume: zoo tune --resume {shlex.quote(str(directory))}")


def _run(search: Search, engine: Engine, limits: Limits, shared: str | None, verbose: int | str) -> Search:
    """Run trials until none are left, create the best run, and write the report."""
    from zoo.tuning.oracle import make_oracle
    from zoo.tuning.report import write_report
    from zoo.tuning.scheduler import Scheduler
    from zoo.tuning.table import shown_trials
    from zoo.tuning.trials import finish

    begun = {"session_begun": time.time(), "seconds": seconds_before(search)}
    search = update_search(search, status="running", **begun, **limits.given)
    oracle = make_oracle(search)
    status, best = "failed", search.content.get("best")
    try:
        with shown_trials(search, limits.workers, verbose) as show:
            is_complete = Scheduler(search, oracle, engine, shared, show).run(limits.workers)
            show()
        keep_best_only(search)
        if not is_complete:
            raise KeyboardInterrupt
        _check_end(search, oracle.ended_because)
        status, best = "finished", [call(engine, finish, str(search.directory), shared), search.content["retrain"]]
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        ended = {"status": status, "seconds": elapsed(search), "session_begun": None, "best": best}
        search = update_search(search, **ended, ended_because=oracle.ended_because)
        with suppress(ZooError):
            write_report(str(search.directory))
    return search


def _check_end(search: Search, because: str) -> None:
    """Reject a search without a finished trial, and warn if it ended early."""
    from zoo.tuning.oracle import TIME_OVER, trials_over

    failed, bad = ([each for each in search.trials if each.status == status] for status in ("failed", "infeasible"))
    # The last failure, or the trial nearest to the constraints; latency is measured only if the size is allowed.
    nearest = sorted(bad, key=lambda each: (each.latency_ms is None, each.latency_ms or each.parameters or 0))
    example = "".join(f", for example: {each.reason}".rstrip(".") for each in (failed[-1:] or nearest[:1]))
    if not search.best_trials:
        raise ZooError(
            f"No trial finished: {len(failed)} failed, {len(bad)} violated a constraint. The search ended because "
            f"{because}{example}. Change the space, and search in another directory."
        )
    trials, minutes = search.content["trials"], search.content["minutes"]
    if because not in ("", TIME_OVER, trials_over(trials)) and (because != ALL_TRIED or trials or minutes):
        logger.warning("The search ended before its limit of trials or minutes, because %s%s.", because, example)
