"""Draw `docs/pictures/architecture.png`: the packages of zoo in the order in which they may import each other.

The rows come from `tests/test_architecture.py`, which checks every import; descriptions are the first lines of docstrings,
and line counts come from the files.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "pictures" / "architecture.png"
NAMES = (
    "foundation", "processes", "parts", "data sources", "kinds and tasks", "shelves", "stages", "", "", "", "", "", "verbs",
    "command line",
)  # fmt: skip
COLOURS = ("#d9e2ec", "#d9e2ec", "#d7ecd9", "#d7ecd9", "#fdebc8", "#fbd9c6", *6 * ("#f6d4e0",), "#d6dcf5", "#c9e6f2")
WIDTH, ROW, GAP = 15.0, 1.1, 0.25


def rows() -> list[list[str]]:
    """Return the existing packages, lowest row first, in the order of the import test."""
    spec = importlib.util.spec_from_file_location("rules", ROOT / "tests" / "test_architecture.py")
    rules = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rules)
    there = {path.stem for path in (ROOT / "zoo").iterdir()}
    found = [sorted(part for part in row if part in there and not part.startswith("__")) for row in rules.ORDER]
    return [row for row in found if row]


def purpose(part: str) -> str:
    """Return the first line of the docstring of a file or package."""
    path = ROOT / "zoo" / part
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").splitlines()[0]


def lines(part: str) -> int:
    """Count the lines of a file or package."""
    path = ROOT / "zoo" / part
    files = path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]
    return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)


def draw() -> None:
    """Draw all rows, the lowest at the bottom."""
    plan = rows()
    figure, axis = plt.subplots(figsize=(WIDTH, (ROW + GAP) * len(plan) * 0.92), facecolor="white")
    for number, (row, title, colour) in enumerate(zip(plan, NAMES, COLOURS, strict=True)):
        bottom = number * (ROW + GAP)
        axis.text(-0.15, bottom + ROW / 2, title, ha="right", va="center", fontsize=12, color="#333333")
        width = (WIDTH - 2.2 + 0.15) / len(row) - 0.15
        for place, part in enumerate(row):
            left = place * (width + 0.15)
            axis.add_patch(
                FancyBboxPatch(
                    (left, bottom), width, ROW, boxstyle="round,pad=0,rounding_size=0.08", facecolor=colour, edgecolor="#777777"
                )
            )
            name = part.replace("_", "\n_")
            axis.text(
                left + width / 2,
                bottom + ROW - 0.1,
                name,
                ha="center",
                va="top",
                fontsize=min(11.5, width * 72 / max(map(len, name.split("\n")))),
                fontweight="bold",
            )
            shown = purpose(part).rstrip(".").replace("`", "")
            shown = shown if len(row) == 1 else re.split("[,:] (?=each|read|with)", shown)[0]
            letters = int(width * 10.5)
            text = textwrap.fill(shown, letters) if width > 2.5 else ""
            axis.text(
                left + width / 2,
                bottom + ROW * 0.44,
                text,
                ha="center",
                va="center",
                fontsize=7.6 if len(row) > 1 else 9,
                color="#333333",
            )
            axis.text(
                left + width / 2, bottom + 0.09, f"{lines(part):,} lines", ha="center", va="center", fontsize=7, color="#666666"
            )
    top = len(plan) * (ROW + GAP) - GAP
    axis.annotate(
        "imports go down only", xy=(WIDTH - 1.7, 0), xytext=(WIDTH - 1.7, top), rotation=90, ha="center", va="top", fontsize=11,
        color="#444444", arrowprops={"arrowstyle": "-|>", "color": "#444444", "lw": 1.6},
    )  # fmt: skip
    axis.set(xlim=(-2.6, WIDTH - 1.2), ylim=(-0.2, top + 0.2))
    axis.axis("off")
    figure.savefig(TARGET, dpi=100, bbox_inches="tight")


if __name__ == "__main__":
    draw()
