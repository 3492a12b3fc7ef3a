"""The project's English: a list of wordings that sound translated must not occur in docstrings, comments, messages or pages."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "notebooks").glob("*.md")]
PAGES += (ROOT / "zoo" / "recipes").glob("*.yaml")
CODE = [path for folder in ("zoo", "tests", "scripts", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
FILES = sorted(path for path in {*PAGES, *CODE} if path != Path(__file__).resolve())

# Files that still contain such wordings. Remove a file from the set once it is rewritten; the set should become empty.
TO_DO: set[str] = set()

# Regular expressions and what to write instead. A space matches any white space.
HABITS = {
    r"anew": "again, or a verb such as rebuild, retrain, restart",
    r"mend(s|ed|ing)?": "fix",
    r"(go|goes|going|went|gone) on( with| from| at| where| until|,|\.|;|$)": "resume, continue",
    r"(what|that) goes on": "resume, continue",
    r"who(so)?ever": "anyone who; users who",
    r"whatever (is|was|it|they|has|can|one|decides|stands|comes|meets)": "name the thing, or use 'any'",
    r"what(ever)? (there )?is there": "name the thing",
    r"that (is|are) there( already)?": "existing, available",
    r"(is|are) told": "receives, shows, records, distinguishes",
    r"told (of|about|by|so|in|apart)": "shown, recorded, distinguished",
    r"tells? (of|apart)": "report, distinguish",
    r"besides?": "next to, along with, compared with, in addition to",
    r"bit for bit": "bit-identical, exactly",
    r"hold(s|ing)? fast|held fast": "pin",
    r"used up": "out of, exhausted",
    r"surer": "more confident",
    r"course of (the|its|a) (learning )?rate": "learning-rate schedule",
    r"the way round|(put|puts|goes|go|written by hand) round": "around, wrap",
    r"at hand": "available, current",
    r"Received: (it|them|they|him)( in| beside| with| for| and|\.)": "the received value",
    r"by heart": "memorise, overfit",
    r"thereof|therein|hereby|whereof|wherein": "plain words",
    r"(is|are) not so": "differs",
    r"(stands|stood) (in|on|there|beside|before|where|over)": "is in, occurs, precedes",
    r"looked at once": "used once",
    r"for ever": "forever",
    r"(gives?|given|gave) back": "return, restore",
    r"a (second|minute|hour|row|line|file|step|trial|run|class|epoch|batch|message|label) each": "one per ...",
    r"reckon(s|ed|ing)?": "estimate",
    r"made of it|makes of it": "export, convert",
    r"\*\*Price\.\*\*": "**Cost.**",
    r"is no (number|text|word|table|file|folder|directory|name|list|model|image|string|integer|path)": "is not a",
    r"(Taken|Given|Said|Shown|Told) (is|are)": "put the subject first",
}
PATTERNS = {
    re.compile(rf"(?<![\w`.-])(?:{habit})(?!\w)".replace(" ", r"[\s#]+"), re.IGNORECASE): instead
    for habit, instead in HABITS.items()
}


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the first line number and the text of each page, comment block and string of a file."""
    content = path.read_text(encoding="utf-8")
    if path.suffix in (".md", ".yaml"):
        yield 1, content
        return
    for token in tokenize.generate_tokens(io.StringIO(content).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING) or tokenize.tok_name[token.type] == "FSTRING_MIDDLE":
            yield token.start[0], token.string


def habits(path: Path) -> list[str]:
    """Return where a file contains such a wording, and what to write instead."""
    found = []
    for line, text in prose(path):
        for pattern, instead in PATTERNS.items():
            for match in pattern.finditer(text):
                place = f"{path.relative_to(ROOT)}:{line + text[: match.start()].count(chr(10))}"
                found.append(f"{place}: {' '.join(match[0].split())!r}; write: {instead}")
    return found


def test_no_file_contains_a_wording_from_the_list():
    found = [line for path in FILES if path.relative_to(ROOT).as_posix() not in TO_DO for line in habits(path)]
    assert not found, "\n".join(found)


def test_files_to_do_still_need_work():
    assert not [name for name in TO_DO if (ROOT / name).exists() and not habits(ROOT / name)]


@pytest.mark.parametrize(
    ("text", "line"),
    [("# a\n# goes on\nx = 1\n", 2), ('"""One.\n\nA mender.\n"""\n', None), ('"""One.\n\nTo mend it.\n"""\n', 3)],
)
def test_wordings_are_found_with_their_line(text, line, tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    path = tmp_path / "example.py"
    path.write_text(text, encoding="utf-8")
    assert [entry.split(":")[1] for entry in habits(path)] == ([str(line)] if line else [])


def argument_entries(path: Path) -> Iterator[tuple[str, str, str | None]]:
    """Yield the place, the text and the default, as source, of each entry in the `Args:` sections of a file."""
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or "Args:\n" not in (ast.get_docstring(node) or ""):
            continue
        methods = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
        function = node if isinstance(node, ast.FunctionDef) else next(iter(methods), None)
        given = function.args if function else ast.arguments([], [], None, [], [], None, [])
        positional = [*given.posonlyargs, *given.args]
        pairs = [*zip(positional[len(positional) - len(given.defaults) :], given.defaults, strict=True)]
        pairs += zip(given.kwonlyargs, given.kw_defaults, strict=True)
        defaults = {argument.arg: ast.get_source_segment(source, value) for argument, value in pairs if value is not None}
        section = (ast.get_docstring(node) or "").partition("Args:\n")[2].partition("\n\n")[0]
        for entry in re.findall(r"^    (?! )\S.*(?:\n     .*)*", section, re.MULTILINE):
            name, _, text = " ".join(entry.split()).partition(": ")
            yield f"{path.relative_to(ROOT)}:{node.lineno} {name}", text, defaults.get(name.strip("*"))


ENTRIES = [entry for path in (ROOT / "zoo").rglob("*.py") for entry in argument_entries(path)]


def test_an_argument_entry_starts_with_what_the_argument_is():
    assert len(ENTRIES) > 500
    assert not [place for place, text, _ in ENTRIES if re.match(r"(of|whose|that|which|and|to)\b", text)]


def test_a_documented_default_equals_the_signatures():
    wrong = []
    for place, text, default in ENTRIES:
        stated = re.search(r"; default (\S+)\.$", text)  # a default of None may stand for a computed one
        if stated and default not in (None, "None") and stated[1].strip("`").replace('"', "'") != default.replace('"', "'"):
            wrong.append(f"{place}: {stated[1]}, but {default}")
    assert not wrong
