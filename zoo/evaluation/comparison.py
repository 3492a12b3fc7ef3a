"""Compares the scores, times and settings of runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zoo.artefacts.files import write_picture
from zoo.artefacts.run import Run, model_arguments

WITHOUT_EFFECT = ("data.data_dir", "checkpoint_seconds", "keep_checkpoints", "baseline")  # settings that affect no score


@dataclass(frozen=True)
class Comparison:
    """A comparison of several runs.

    Args:
        runs: two or more finished runs with the same scores.
    """

    runs: Sequence[Run]

    @property
    def names(self) -> list[str]:
        """The name of each run: its directory's name, or the whole path if names are not unique."""
        paths = [run.directory.resolve() for run in self.runs]
        short = [path.name for path in paths]
        return short if len(set(short)) == len(short) else [os.fspath(run.directory) for run in self.runs]

    @property
    def scores(self) -> list[dict[str, Any]]:
        """The model, data, epochs, test scores and training time in seconds of each run."""
        return [
            {
                "run": name,
                "model": run.settings["model"],
                "data": run.settings["data"],
                "epochs": len(run.history["loss"]),
                **run.metrics,
                "fit_s": run.content["timings"]["fit_s"],
            }
            for name, run in zip(self.names, self.runs, strict=True)
        ]

    @property
    def differences(self) -> dict[str, list[Any]]:
        """The settings that differ, with their values in each run; None for an argument that the run's model does not have."""
        from_data = {name for run in self.runs for name in run.info.model_arguments()}
        recorded = [
            {f"model.{name}": value for name, value in model_arguments(run).items() if name not in from_data}
            for run in self.runs
        ]
        shared = set.intersection(*map(set, recorded))  # the others only show that the models differ
        names = list(dict.fromkeys([*(name for run in self.runs for name in run.settings), *sorted(shared)]))
        known = [{**arguments, **run.settings} for arguments, run in zip(recorded, self.runs, strict=True)]
        values = {name: [settings.get(name) for settings in known] for name in names if name not in WITHOUT_EFFECT}
        return {name: row for name, row in values.items() if any(value != row[0] for value in row)}

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Write the validation curves of all runs to a PNG file, with one plot for each score.

        Raises:
            ArtefactError: the file exists, or cannot be written.
        """
        from matplotlib.figure import Figure

        histories = [run.history for run in self.runs]
        common = [name for name in histories[0] if all(name in history for history in histories) and name != "learning_rate"]
        scores = [name for name in common if name.startswith("val_")] or common  # there may be no validation part
        figure = Figure(figsize=(4.5 * len(scores), 3.5), layout="constrained")
        for axes, score in zip(figure.subplots(1, len(scores), squeeze=False)[0], scores, strict=True):
            for name, history in zip(self.names, histories, strict=True):
                label = name.encode("ascii", "backslashreplace").decode()  # matplotlib's default font has no Chinese
                axes.plot(range(1, len(history[score]) + 1), history[score], marker=".", label=label)
            axes.set_title(score.replace("val_", "validation ") if score.startswith("val_") else f"training {score}")
            axes.set_xlabel("epoch")
            axes.locator_params(axis="x", integer=True)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=min(len(self.runs), 3))
        write_picture(path, figure)
