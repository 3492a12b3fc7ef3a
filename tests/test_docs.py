"""The documentation covers every package, public name, setting and command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import MISSING
from pathlib import Path

import docs_pages
import pytest
import yaml

import zoo
from zoo import settings as configuration
from zoo.cli.main import VERBS
from zoo.inputs import InputKind, Preprocessor
from zoo.readers import Reader
from zoo.tasks import Task

ROOT = Path(__file__).resolve().parent.parent
PAGES = docs_pages.pages()


def test_the_architecture_page_names_every_package():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`zoo/(\w+)(?:\.py)?`", text))
    there = {path.stem for path in (ROOT / "zoo").iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert there - {"__init__", "__main__"} == named


def test_every_public_name_is_in_the_reference():
    text = PAGES["reference/functions.md"] + PAGES["reference/classes.md"]
    assert {f"zoo.{name}" for name in zoo.__all__ if name != "text"} == set(re.findall(r"heading: (\S+)", text))
    assert set(re.findall(r"heading: (\S+)", PAGES["reference/text.md"])) == {f"zoo.text.{name}" for name in zoo.text.__all__}


def test_every_setting_and_every_command_has_its_line():
    settings = set(re.findall(r"^\| `([\w.]+)`", PAGES["reference/settings.md"], re.MULTILINE))
    assert configuration.SETTING_NAMES - {"model", "data"} <= settings
    assert {f"data.{name}" for name in configuration.DataArguments.model_fields} <= settings
    assert {f"model.{name}" for name in zoo.info("cnn").arguments} <= settings
    assert re.findall(r"^## zoo (\S+)", PAGES["reference/commands.md"], re.MULTILINE) == [*VERBS]


def test_every_design_note_and_page_is_in_the_navigation():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    assert [page for page in pages if page not in text] == []
    assert yaml.safe_load(text)["docs_dir"] == "docs"


@pytest.mark.slow
def test_the_code_in_the_extending_page_works(tmp_path):
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    titled = dict(re.findall(r'^```python title="(\w+\.py)"\n(.*?)^```', text, re.DOTALL | re.MULTILINE))
    assert set(titled) == {"my_models.py", "my_data.py", "my_recipes.py"}
    for name, code in titled.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    shown = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    done = subprocess.run([sys.executable, "-c", "\n".join(shown)], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert "30" in done.stdout.splitlines()[-1]  # the recipe's epochs


@pytest.mark.parametrize("name", ["kind", "reader", "task", "models"])
def test_the_extending_page_shows_the_tested_plug_in(name):
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    (shown,) = re.findall(rf'^```python title="zoo_signals/{name}\.py"\n(.*?)^```', text, re.DOTALL | re.MULTILINE)
    assert shown == (ROOT / "tests" / "fixtures" / "plugin" / "zoo_signals" / f"{name}.py").read_text(encoding="utf-8")


def test_the_extending_page_shows_the_project_of_the_plug_in():
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r'^```toml title="pyproject\.toml"\n(.*?)^```', text, re.DOTALL | re.MULTILINE)
    tested = tomllib.loads((ROOT / "tests" / "fixtures" / "plugin" / "pyproject.toml").read_text(encoding="utf-8"))
    del tested["tool"]["setuptools"]["package-data"]
    for name in ("zoo.datasets", "zoo.recipes"):
        del tested["project"]["entry-points"][name]
    assert tomllib.loads(shown) == tested


def test_the_extending_page_lists_the_members_and_which_are_required():
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    rows = "\n".join(re.findall(r"^\| (\**`.*?) \|", text, re.MULTILINE)) + text[text.index("A `Reader` has") :]
    for kind in (Task, InputKind, Preprocessor, Reader):
        members = {name for name in {**vars(kind), **kind.__annotations__} if not name.startswith("_")}
        assert [name for name in members if f"`{name}`" not in rows] == []
        has_default = {name for name in members if hasattr(kind, name)} - kind.__dict__.get("__abstractmethods__", set())
        factories = {
            name for name, each in getattr(kind, "__dataclass_fields__", {}).items() if each.default_factory is not MISSING
        }
        assert {name for name in members if f"**`{name}`**" in rows} >= members - has_default - factories


@pytest.mark.slow
def test_the_pages_are_built_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    quiet = {"NO_MKDOCS_2_WARNING": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}  # mkdocs-material 9.8 prints a notice about its successor
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **quiet}, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING -" not in done.stdout + done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 25
    sources = [
        found
        for page in pages
        for found in re.findall(r'(?:src|href)="(https?://[^"]+\.(?:js|css|woff2?))', page.read_text("utf-8"))
    ]
    assert sources == []  # reading them downloads nothing


def test_the_chinese_readme_says_what_the_english_one_says():
    english, chinese = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))
    code = re.compile(r"^```\w*\n.*?^```", re.DOTALL | re.MULTILINE)
    assert code.findall(english) == code.findall(chinese)
    prose = [code.sub("", text) for text in (english, chinese)]
    for kind in (r"^#+ ", r"^\|", r"^\*\*", r"^!\["):  # headings, rows of tables, topics, pictures
        assert len(re.findall(kind, prose[0], re.MULTILINE)) == len(re.findall(kind, prose[1], re.MULTILINE)), kind
    links = [sorted(re.findall(r"\]\(([^)]+)\)", text)) for text in prose]
    assert [link for link in links[0] if link != "README.zh-CN.md"] == [link for link in links[1] if link != "README.md"]
    rows = [re.findall(r"^\|.*$", text, re.MULTILINE) for text in prose]
    for one, other in zip(*rows, strict=True):
        assert re.findall(r"[\d.,]*\d", one) == re.findall(r"[\d.,]*\d", other), one
    numbers = [sorted(re.findall(r"\d+\.\d+", text)) for text in prose]
    assert numbers[0] == numbers[1]
