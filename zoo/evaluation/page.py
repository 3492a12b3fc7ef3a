"""Self-contained HTML pages: style, frame and tables."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }
h1 { font-size: 1.6rem; overflow-wrap: anywhere; } h2 { font-size: 1.2rem; margin-top: 2rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; } img.curve { width: 19rem; max-width: 100%; }
th, td { padding: 0.25rem 0.75rem; border-bottom: 1px solid #d5dae0; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.upright { font-size: 0.85rem; } .upright th, .upright td { padding: 0.25rem 0.4rem; }
.upright th { writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; }
.confusion td { background: rgb(47 111 79 / var(--share)); }
.verdict, .finding { padding: 0.75rem 1rem; border-left: 4px solid #2f6f4f; background: #eef6f1; }
.verdict.lost, .finding { border-color: #a4551e; background: #fbf1ea; }
.mistakes { display: flex; flex-wrap: wrap; gap: 1rem; }
.mistakes figure { margin: 0; width: 8rem; font-size: 0.85rem; overflow-wrap: anywhere; }
.mistakes img { width: 8rem; image-rendering: pixelated; }
blockquote { margin: 0.75rem 0; padding: 0.25rem 1rem; border-left: 4px solid #d5dae0; overflow-wrap: anywhere; }
blockquote p { margin: 0; }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """Return a complete HTML page."""
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style></head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, upright: bool = False) -> str:
    """Return an HTML table with right-aligned numbers; `upright` rotates the column names."""
    lines = ["".join(cell(name, "th") for name in columns)] if any(columns) else []
    lines += ["".join(cell(value, "td") for value in row) for row in rows]
    return (
        f'<div class="wide{" upright" if upright else ""}"><table>\n'
        + "\n".join(f"<tr>{line}</tr>" for line in lines)
        + "\n</table></div>"
    )


def cell(value: Any, tag: str) -> str:
    """Return a table cell, `th` or `td`."""
    if isinstance(value, int | float):
        return f'<{tag} class="number">{value:{".4f" if isinstance(value, float) else ","}}</{tag}>'
    return f"<{tag}>{html.escape(str(value))}</{tag}>"
