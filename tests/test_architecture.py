"""Architecture rules, checked in the source: imports, heavy packages, printing, branches on tasks and kinds."""

from __future__ import annotations

import ast
import pkgutil
import re
from collections import Counter
from pathlib import Path

import pytest

import zoo
from zoo.tasks import TASKS

ROOT = Path(zoo.__file__).parent.parent
FILES = sorted((ROOT / "zoo").rglob("*.py"))

# Imports go one way: a file imports only from its own row and the rows above it.
ORDER = [
    {
        "errors",
        "shelf",
        "registry",
        "settings",
        "yaml_settings",
        "keywords",
        "arguments",
        "progress",
        "keras_import",
        "local_data",
        "version",
    },
    {"processes"},
    {
        "layers",
        "text",
        "labels",
        "losses",
        "metrics",
        "optimizers",
        "schedules",
        "targets",
        "custom_objects",
        "distribution",
    },
    {"sources"},
    {"inputs", "tasks"},
    {"models", "datasets", "recipes", "readers"},
    {"pipeline"},
    {"artefacts"},
    {"evaluation"},
    {"training"},
    {"exporting"},
    {"interpretability"},
    {"tuning", "compression"},
    {"serving"},
    {"api"},
    {"cli"},
    {"__main__"},
]
RANK = {part: rank for rank, row in enumerate(ORDER) for part in row}
SHELVES = {"models", "datasets", "recipes"}
STAGES = {"pipeline", *(part for row in ORDER[6:13] for part in row)}
HEAVY = {
    "tensorflow",
    "keras",
    "numpy",
    "pandas",
    "sklearn",
    "scipy",
    "pyarrow",
    "PIL",
    "matplotlib",
    "pydantic",
    "tensorflow_datasets",
}
LIGHT = {"__init__", "__main__", "api", "cli", "tasks", "arguments", "keras_import"} | SHELVES | ORDER[0]
MAY_BE_HEAVY = {("settings", "pydantic")}  # imported only by verbs


def part_of(path):
    """Return the first name under `zoo`: "cli" for zoo/cli/main.py."""
    return path.relative_to(ROOT / "zoo").with_suffix("").parts[0]


def imports_of(path, tree, *, only_at_import=False):
    """Yield line and dotted name of every import, without those for the type checker alone."""
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(path.relative_to(ROOT).parts[: -node.level]) if node.level else ""
            module = ".".join(filter(None, (package, node.module)))
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
        if only_at_import and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        waiting += ast.iter_child_nodes(node)


def wrong_imports(path, text):
    """Return the forbidden imports of a file, each with file and line."""
    tree, part, wrong = ast.parse(text), part_of(path), []

    def note(line, problem):
        wrong.append(f"{path.relative_to(ROOT)}:{line}: {problem}")

    for line, name in imports_of(path, tree):
        words = name.split(".")
        if words[0] != "zoo" or part == "__init__":
            continue
        other = words[1]
        if other not in RANK:  # `from zoo import train`: a verb of the package itself
            note(line, f"imports {name}, which has no place in the order")
        elif other == part:
            continue
        elif RANK[other] > RANK[part]:
            note(line, f"{part} imports {other}, which stands to its right")
        elif other in SHELVES:
            note(line, f"{part} imports the shelf {other}; shelves are found through the registry")
        elif part == "recipes" and other not in ("settings", "registry"):
            note(line, f"a recipe imports {other}; only zoo.settings and zoo.registry are allowed")
    if part in LIGHT:
        for line, name in imports_of(path, tree, only_at_import=True):
            package = name.split(".")[0]
            if package in HEAVY and (part, package) not in MAY_BE_HEAVY:
                note(line, f"imports {package} at module level, which makes `import zoo` slow; move it into a function")
    return wrong


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way_and_light_files_stay_light(path):
    assert wrong_imports(path, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("file", "source", "problem"),
    [
        (
            "pipeline/new.py",
            "import os\nfrom zoo.training import fit",
            "zoo/pipeline/new.py:2: pipeline imports training, which",
        ),
        ("errors.py", "def f():\n    from zoo.labels import x", "zoo/errors.py:2: errors imports labels"),
        ("models/new.py", "import zoo.datasets.iris", "zoo/models/new.py:1: models imports the shelf datasets"),
        ("training/new.py", "from zoo import models", "zoo/training/new.py:1: training imports the shelf models"),
        ("recipes/new.py", "from zoo.tasks import TASKS", "zoo/recipes/new.py:1: a recipe imports tasks"),
        ("recipes/new.py", "from ..tasks import TASKS", "zoo/recipes/new.py:1: a recipe imports tasks"),
        ("evaluation/new.py", "from zoo import train", "which has no place"),
        ("cli/new.py", "import keras.ops", "zoo/cli/new.py:1: imports keras at module level"),
        (
            "tasks/new.py",
            "try:\n    import numpy\nexcept ImportError:\n    pass",
            "zoo/tasks/new.py:2: imports numpy at module level",
        ),
        ("models/new.py", "class A:\n    import tensorflow as tf", "zoo/models/new.py:2: imports tensorflow"),
        ("api.py", "from pydantic import BaseModel", "imports pydantic at module level"),
    ],
)
def test_a_broken_rule_is_named_with_file_and_line(file, source, problem):
    (found,) = wrong_imports(ROOT / "zoo" / file, source)
    assert problem in found


@pytest.mark.parametrize(
    ("file", "source"),
    [
        (
            "models/new.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import keras\n    from zoo import datasets",
        ),
        ("models/new.py", "def f():\n    import keras"),
        ("settings.py", "import pydantic"),
        ("training/new.py", "import keras\nfrom zoo.pipeline.splits import Splits"),
        ("recipes/new.py", "from zoo.registry import register_recipe"),
        ("cli/new.py", "from zoo import registry\nfrom zoo.cli import output"),
    ],
)
def test_allowed_code_passes(file, source):
    assert wrong_imports(ROOT / "zoo" / file, source) == []


MODULE = re.compile(r"(zoo(?:\.\w+)+)(?::\w+)?")  # in a string: "zoo.tuning.trials:work"


def module_of(path):
    """Return the dotted name of a file, and of a package for its `__init__.py`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def graph_of(sources):
    """Return the graph of imports anywhere and of module names in strings, without the lazy names of `zoo` itself."""
    modules = {module_of(path): (path, ast.parse(text)) for path, text in sources.items()}
    graph = {}
    for module, (path, tree) in modules.items():
        named = {name for _, found in imports_of(path, tree) for name in (found, found.rpartition(".")[0])}
        strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        named |= {match[1] for text in strings if (match := MODULE.fullmatch(text)) and not module.startswith(f"{match[1]}.")}
        graph[module] = {name for name in named & modules.keys() if name not in ("zoo", module)} if module != "zoo" else set()
    return graph


def cycles_of(graph):
    """Return the groups of modules that reach each other."""

    def reach(start):
        seen, waiting = set(), [start]
        while waiting:
            for other in graph[waiting.pop()] - seen:
                seen.add(other)
                waiting.append(other)
        return seen

    reached = {module: reach(module) for module in graph}
    groups = {tuple(sorted(other for other in reached[one] if one in reached[other])) for one in graph if one in reached[one]}
    return sorted(groups)


def test_there_are_no_import_cycles():
    found = cycles_of(graph_of({path: path.read_text(encoding="utf-8") for path in FILES}))
    assert found == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("import zoo.api.b", "from zoo.api.a import x"),
        ("def f():\n    from zoo.api import b", "class A:\n    def f(self):\n        import zoo.api.a"),
        ("CALL = 'zoo.api.b:work'", "from zoo.api import a"),
    ],
)
def test_a_cycle_is_found(one, other):
    folder = ROOT / "zoo" / "api"
    sources = {folder / "a.py": one, folder / "b.py": other, folder / "c.py": "import zoo.api.a"}
    assert cycles_of(graph_of(sources)) == [("zoo.api.a", "zoo.api.b")]
    sources[folder / "b.py"] = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import zoo.api.a"
    assert cycles_of(graph_of(sources)) == []


SAME_NAME = {  # the reasons why files share a name
    "examples": "both are examples: of a reader, and to check an export with",
    "export": "the verb's command, the stage's function and the Export that it makes",
    "files": "both read files: of an artefact, and of images",
    "graph": "the in-graph twin of each kind of input, and of the tokenizer",
    "info": "both describe: data for a model, and anything by name on the command line",
    "loading": "the verb and its engine",
    "optimizers": "zoo's own optimizer, and the choice of one by settings",
    "preprocessor": "what is learned from the training part, for each kind of input",
    "progress": "progress bars: of any loop, and of training",
    "report": "report.html: of a run, and of a search",
    "texts": "texts in a fixed order, and the reader that delivers them",
}


def test_files_share_a_name_only_for_a_reason():
    names = Counter(path.stem for path in FILES if path.stem != "__init__")
    assert {name for name, count in names.items() if count > 1} == SAME_NAME.keys()


TASK_NAMES = {*TASKS, "classification", "multilabel", "regression"}
TASK_CLASSES = {type(task).__name__ for task in TASKS.values()}


def conditions_of(node):
    """Return the expressions of a node that are evaluated as conditions."""
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        return [node.test]
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.UnaryOp):
        return [node.operand] if isinstance(node.op, ast.Not) else []
    if isinstance(node, ast.comprehension):
        return node.ifs
    is_bool = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "bool"
    return node.args if is_bool else []


def questions_about_tasks(path, text):
    """Return the branches on a task outside `zoo/tasks`, each with file and line."""
    found = []
    for node in ast.walk(ast.parse(text)):
        constants = {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}
        name = getattr(node, "id", getattr(node, "attr", getattr(node, "name", None)))
        if isinstance(node, ast.Compare | ast.pattern) and constants & TASK_NAMES:
            found.append((node.lineno, f"compares with {sorted(constants & TASK_NAMES)[0]!r}"))
        elif isinstance(node, ast.Name | ast.Attribute | ast.alias) and name in TASK_CLASSES:
            found.append((node.lineno, f"names the class {name}"))
        asked = [each.left for each in [node] if isinstance(each, ast.Compare) and ast.unparse(each.comparators[0]) == "None"]
        for each in (*conditions_of(node), *asked):
            if isinstance(each, ast.Attribute) and each.attr in ("labels", "num_classes"):
                found.append((each.lineno, f"asks whether there are {ast.unparse(each)}"))
    return [f"{path.relative_to(ROOT)}:{line}: {what}; ask the task" for line, what in found]


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if part_of(path) != "tasks"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_only_tasks_branch_on_the_task(path):
    assert questions_about_tasks(path, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("x = 1 if task.kind == 'classification' else 2", ":1: compares with 'classification'; ask the task"),
        ("if task in ('regression', 'other'):\n    pass", ":1: compares with 'regression'"),
        ("match name:\n    case 'text_classification':\n        pass", ":2: compares with 'text_classification'"),
        ("if info.labels:\n    pass", ":1: asks whether there are info.labels"),
        ("x = [] if not run.info.labels else [1]", ":1: asks whether there are run.info.labels"),
        ("x = bool(info.labels) and y", ":1: asks whether there are info.labels"),
        ("x = [each for each in rows if each.labels]", ":1: asks whether there are each.labels"),
        ("x = info.num_classes is None", ":1: asks whether there are info.num_classes"),
        ("def f(task):\n    return isinstance(task, Classification)", ":2: names the class Classification"),
        ("from zoo.tasks.regression import Regression", ":1: names the class Regression"),
    ],
)
def test_a_branch_on_the_task_is_found(source, problem):
    (found,) = questions_about_tasks(ROOT / "zoo" / "evaluation" / "new.py", source)
    assert problem in found


def test_naming_a_task_to_register_for_it_is_allowed():
    source = "@register_model(tasks=('regression',))\ndef f():\n    'A model.'\nlabels = info.labels\nx = labels if y else ()"
    assert questions_about_tasks(ROOT / "zoo" / "models" / "new.py", source) == []


KINDS = {"image", "text", "table", "features"}
OF_ONE_KIND = {"Texts", "RawTexts", "TextPreprocessor", "TablePreprocessor", "ImagePreprocessor", "DataFrame"}
TAKES_ANY_RAW_DATA = {"readers", "targets"}  # there a DataFrame is what a user gave, not a kind of input


def branches_on_a_kind(path, text):
    """Return the lines that compare with a kind of input, look it up, or ask for the type of its preprocessor."""
    if part_of(path) == "inputs":
        return []
    found = []
    for node in ast.walk(ast.parse(text)):
        sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Dict):
            sides = node.value.keys
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance" and part_of(path) not in TAKES_ANY_RAW_DATA:
            words = {word for each in ast.walk(node.args[1]) for word in ast.unparse(each).split(".")}
            found += [node.lineno] if words & OF_ONE_KIND else []
        constants = {each.value for side in sides if side for each in ast.walk(side) if isinstance(each, ast.Constant)}
        found += [node.lineno] if constants & KINDS else []
        found += [node.lineno] if isinstance(node, ast.Attribute) and node.attr == "input_name" else []
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_kinds_of_input_branch_on_the_kind(path):
    assert branches_on_a_kind(path, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        'if info.task.input == "image":\n    pass',
        'if "text" != kind.name:\n    pass',
        'size = {"image": 1, "table": 2}[kind.name]',
        'if name in ("text", "table"):\n    pass',
        "if isinstance(features, pd.DataFrame):\n    pass",
        "if isinstance(info.preprocessor, TextPreprocessor | ImagePreprocessor):\n    pass",
        "name = task.input_name",
    ],
)
def test_a_branch_on_a_kind_is_found(source):
    assert branches_on_a_kind(ROOT / "zoo" / "training" / "new.py", source)
    assert not branches_on_a_kind(ROOT / "zoo" / "inputs" / "new.py", source)


def test_every_file_has_its_place_in_the_order():
    assert {part_of(path) for path in FILES} - {"__init__"} <= set(RANK)


def test_no_public_name_is_a_subpackage_or_module():
    """`import zoo.train` would replace the function of that name by the module; `zoo.text` is meant to be a package."""
    assert {module.name for module in pkgutil.iter_modules(zoo.__path__)} & set(zoo.__all__) == {"text"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_command_line_prints(path):
    printing = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    allowed = path.relative_to(ROOT / "zoo").as_posix() in ("cli/output.py", "cli/main.py")
    assert allowed or printing == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_errors_are_raised_and_not_asserted(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)] == []


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "misc", "base", "manager"])
def test_no_file_has_a_meaningless_name(word):
    assert [path for path in FILES if word in (path.stem, path.parent.name)] == []
