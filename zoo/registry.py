"""Shelves: what zoo and plug-ins register, found by name.

Models, data sets and recipes each register with one decorator. A model factory's name, summary and defaults are read from the
function itself, so nothing is stated twice. A package outside zoo adds to a shelf through the entry-point group of the shelf's
name, for example `zoo.models`; the entry point names a module that registers on import.
"""

from __future__ import annotations

import fnmatch
import importlib
import inspect
import json
import logging
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Generic, TypeVar, get_type_hints

from zoo.errors import UnknownNameError, UsageError

logger = logging.getLogger(__name__)
Factory = TypeVar("Factory", bound=Callable[..., Any])
Entry = TypeVar("Entry")
Listed = TypeVar("Listed", "ModelEntry", "DatasetEntry")
FACTS_PATH = Path(__file__).parent / "models" / "facts.json"


@dataclass(frozen=True)
class ModelEntry:
    """A registered model factory."""

    name: str
    factory: Callable[..., Any]
    summary: str
    tasks: tuple[str, ...]
    variants: Mapping[str, Mapping[str, Any]]
    tags: tuple[str, ...]
    defaults: Mapping[str, Any]
    space: Mapping[str, Any] = field(default_factory=dict)
    former_defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def annotations(self) -> dict[str, Any]:
        """The type of each argument; `Any` if the factory does not annotate it."""
        written = {name: hint for name, hint in self.factory.__annotations__.items() if name != "return"}
        holder = SimpleNamespace(__annotations__=written)
        known = get_type_hints(holder, self.factory.__globals__, include_extras=True)
        return {name: known.get(name, Any) for name in self.defaults}

    def arguments(self, variant: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
        """Merge a variant's arguments with the given ones; refuse a name that the factory lacks."""
        for name in given:
            if name not in self.defaults:
                raise UnknownNameError(f"argument of model {self.name!r}", name, self.defaults)
        return {**(self.variants[variant] if variant else {}), **given}


@dataclass(frozen=True)
class DatasetEntry:
    """A registered data set: `load()` returns anything that `zoo.load_data` reads."""

    name: str
    load: Callable[[], Any]
    summary: str
    task: str
    tags: tuple[str, ...]
    offline_twin: str | None = None

    @property
    def tasks(self) -> tuple[str, ...]:
        """The task as a tuple, like the tasks of a model."""
        return (self.task,)


@dataclass(frozen=True)
class RecipeEntry:
    """Settings for one model on one data set, with the scores that they reach on the test part."""

    model: str
    data: str
    settings: Callable[[], Mapping[str, Any]]
    summary: str
    expected: Mapping[str, float]
    tolerance: float

    @property
    def name(self) -> str:
        """The name that `zoo.info` takes: "cnn@mnist"."""
        return f"{self.model}@{self.data}"


class _Info:
    """Facts that become plain data."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, ready for JSON."""
        return asdict(self)  # type: ignore[call-overload,no-any-return]


@dataclass(frozen=True)
class ModelInfo(_Info):
    """Facts about a model before it is built; `parameters` and `operations` are None if unknown."""

    name: str
    summary: str
    tasks: tuple[str, ...]
    tags: tuple[str, ...]
    variants: tuple[str, ...]
    arguments: Mapping[str, Any]
    parameters: int | None
    operations: int | None
    recipes: tuple[str, ...] = ()


@dataclass(frozen=True)
class DatasetInfo(_Info):
    """Facts about a data set before it is read."""

    name: str
    summary: str
    task: str
    tags: tuple[str, ...]
    recipes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RecipeInfo(_Info):
    """The settings of a recipe, and the mean scores that it reaches; a run differs from them by at most `tolerance`."""

    name: str
    summary: str
    documentation: str
    expected: Mapping[str, float]
    tolerance: float
    settings: Mapping[str, Any]


@dataclass(eq=False)
class Shelf(Mapping[str, Entry], Generic[Entry]):
    """A mapping of names to registered entries, which loads on first use.

    Args:
        package: package of zoo whose modules register entries on import; also the entry-point group of plug-ins.
        noun: word for one entry in messages.
        own: modules of the package to import; None imports all.
        entries: entries that are registered so far.
        has_own: whether the modules of the package are imported, or are being imported.
        has_plugins: whether plug-ins are imported, or are being imported.
    """

    package: str
    noun: str
    own: tuple[str, ...] | None = None
    entries: dict[str, Entry] = field(default_factory=dict)
    has_own: bool = False
    has_plugins: bool = False

    def add(self, name: str, entry: Entry) -> None:
        """Register an entry, after zoo's own, so that a plug-in cannot take their names.

        Raises:
            UsageError: the name is taken.
        """
        self._load_own()
        if name in self.entries:
            raise UsageError(
                f"The name {name!r} is taken on the shelf {self.package}. Received: a second {self.noun} of this name. "
                "Rename one of them."
            )
        self.entries[name] = entry

    def find(self, name: str) -> Entry:
        """Return the entry with this name.

        Raises:
            UnknownNameError: there is none; the message gives the nearest name.
        """
        if name not in self:
            raise UnknownNameError(self.noun, name, self)
        return self[name]

    def __getitem__(self, name: str) -> Entry:
        return self._loaded()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded())

    def __len__(self) -> int:
        return len(self._loaded())

    def _loaded(self) -> dict[str, Entry]:
        self._load_own()
        if not self.has_plugins:
            self.has_plugins = True
            self._load_plugins()
        return self.entries

    def _load_own(self) -> None:
        if not self.has_own:
            self.has_own = True
            found = pkgutil.iter_modules(importlib.import_module(self.package).__path__)
            for name in (module.name for module in found) if self.own is None else self.own:
                importlib.import_module(f"{self.package}.{name}")

    def _load_plugins(self) -> None:
        from importlib.metadata import entry_points

        for entry_point in entry_points(group=self.package):
            try:
                entry_point.load()
            except Exception as error:  # a broken plug-in must not break zoo
                logger.warning("Plug-in %s (%s) was left out: %s", entry_point.name, entry_point.value, error)


MODELS: Shelf[ModelEntry] = Shelf("zoo.models", "model")
DATASETS: Shelf[DatasetEntry] = Shelf("zoo.datasets", "data set")
RECIPES: Shelf[RecipeEntry] = Shelf("zoo.recipes", "recipe")


def register_model(
    *,
    tasks: Sequence[str],
    variants: Mapping[str, Mapping[str, Any]] | None = None,
    tags: Sequence[str] = (),
    space: Mapping[str, Any] | None = None,
    former_defaults: Mapping[str, Any] | None = None,
) -> Callable[[Factory], Factory]:
    """Register a model factory under its function's name.

    The factory takes flat, keyword-only arguments with defaults and returns an uncompiled `keras.Model` that gives
    float32 logits (classification) or values (regression).

    Args:
        tasks: names of the tasks that it serves; the first is the default.
        variants: named sets of arguments; `zoo.build("NAME/VARIANT")` merges one; default None.
        tags: words by which to find it; default `()`.
        space: search ranges for some of its arguments: a list of values, or a mapping with `min` and `max` and, optionally,
            `step` and `sampling` ("linear" or "log"); default None.
        former_defaults: values in zoo 0.1 of defaults that have changed; its runs did not record them.

    Raises:
        UsageError: the name is taken, the docstring is missing, an argument is not keyword-only with a default, or a
            variant, the space or a former default has an unknown argument.
    """

    def register(factory: Factory) -> Factory:
        defaults = {}
        for argument in inspect.signature(factory).parameters.values():
            if argument.kind is not argument.KEYWORD_ONLY or argument.default is argument.empty:
                raise UsageError(
                    f"A model factory takes keyword-only arguments with defaults. Received: {factory.__name__}"
                    f"(... {argument} ...). Put `*` first and give {argument.name!r} a default."
                )
            defaults[argument.name] = argument.default
        entry = ModelEntry(
            name=factory.__name__,
            factory=factory,
            summary=_summary(factory),
            tasks=tuple(tasks),
            variants=dict(variants or {}),
            tags=tuple(tags),
            defaults=defaults,
            space=dict(space or {}),
            former_defaults=dict(former_defaults or {}),
        )
        for arguments in (*entry.variants.values(), entry.space, entry.former_defaults):
            entry.arguments(None, arguments)
        MODELS.add(entry.name, entry)
        return factory

    return register


def register_dataset(*, task: str, tags: Sequence[str] = (), offline_twin: str | None = None) -> Callable[[Factory], Factory]:
    """Register a function without arguments that returns anything `zoo.load_data` reads.

    Args:
        task: name of the data set's task.
        tags: words by which to find it; default `()`.
        offline_twin: name of the embedded data set to suggest when there is no network; default None.

    Raises:
        UsageError: the name is taken or the docstring is missing.
    """

    def register(load: Factory) -> Factory:
        entry = DatasetEntry(load.__name__, load, _summary(load), task, tuple(tags), offline_twin)
        DATASETS.add(entry.name, entry)
        return load

    return register


def register_recipe(model: str, data: str, *, expected: Mapping[str, float], tolerance: float) -> Callable[[Factory], Factory]:
    """Register a function without arguments that returns the settings of one model on one data set.

    Its docstring has lines that begin with `Command:`, `Hardware:`, `Time:` and `Expected:`.

    Args:
        model: name of a model or variant; a variant without a recipe uses its model's.
        data: name of the data set.
        expected: test scores, each the mean over three seeds.
        tolerance: largest accepted difference between a run's score and the expected one.

    Raises:
        UsageError: the pair is taken or the docstring is missing.
    """

    def register(settings: Factory) -> Factory:
        entry = RecipeEntry(model, data, settings, _summary(settings), dict(expected), tolerance)
        RECIPES.add(entry.name, entry)
        return settings

    return register


def find_model(name: str) -> tuple[ModelEntry, str | None]:
    """Return the entry and the variant for a name such as "cnn" or "cnn/tiny".

    Raises:
        UnknownNameError: there is no such model or variant; the message gives the nearest name.
    """
    if not isinstance(name, str):
        raise UsageError(f"A model's name is a string, for example 'cnn'. Received: {name!r}. See zoo.list_models().")
    base, slash, variant = name.partition("/")
    if base not in MODELS:
        raise UnknownNameError("model", name, MODELS)
    entry = MODELS[base]
    if slash and variant not in entry.variants:
        raise UnknownNameError(f"variant of model {base!r}", variant, entry.variants)
    return entry, variant or None


def find_dataset(name: str) -> DatasetEntry | None:
    """Return the entry of a registered data set, or None."""
    return DATASETS.get(name)


def find_recipe(model: str, data: str) -> RecipeEntry | None:
    """Return the recipe for a model or variant on a data set, falling back to the variant's model, or None."""
    return RECIPES.get(f"{model}@{data}") or RECIPES.get(f"{model.partition('/')[0]}@{data}")


def list_recipes(pattern: str = "*") -> list[str]:
    """Return the names of recipes, MODEL@DATA.

    Args:
        pattern: shell pattern on the name, for example "*@mnist"; default `"*"`.

    Example:
        >>> list_recipes("linear@*")
        ['linear@diabetes']
    """
    return sorted(name for name in RECIPES if fnmatch.fnmatchcase(name, pattern))


def list_models(
    pattern: str = "*",
    *,
    task: str | None = None,
    max_params: int | None = None,
    tags: str | Sequence[str] = (),
    sort: str = "name",
) -> list[str]:
    """Return the names of models and their variants.

    Args:
        pattern: shell pattern on the name, for example "*net*" or "cnn/*"; default `"*"`.
        task: only models that serve this task; default None.
        max_params: only models with at most this many parameters at default arguments; models of unknown size are left out.
        tags: a tag, or several tags that must all be present; default `()`.
        sort: "name" or "params" (smallest first, unknown last); default `"name"`.

    Raises:
        UnknownNameError: the task, a tag or the sort order is unknown.

    Example:
        >>> list_models("lenet*")
        ['lenet', 'lenet/tiny']
    """
    _check_choice("sort order", sort, {"name", "params"})
    found: list[tuple[str, int | None]] = []
    for entry in _matching(MODELS, task, tags):
        for name in (entry.name, *(f"{entry.name}/{variant}" for variant in entry.variants)):
            parameters = facts().get(name, {}).get("parameters")
            if not fnmatch.fnmatchcase(name, pattern):
                continue
            if max_params is None or (parameters is not None and parameters <= max_params):
                found.append((name, parameters))
    if sort == "params":
        found.sort(key=lambda row: (row[1] is None, row[1] or 0, row[0]))
    else:
        found.sort()
    return [name for name, _ in found]


def list_datasets(pattern: str = "*", *, task: str | None = None, tags: str | Sequence[str] = ()) -> list[str]:
    """Return the names of registered data sets; `load_data` also takes any other TensorFlow Datasets name.

    Args:
        pattern: shell pattern on the name; default `"*"`.
        task: only data sets for this task; default None.
        tags: a tag, or several tags that must all be present; default `()`.

    Raises:
        UnknownNameError: the task or a tag is unknown.

    Example:
        >>> list_datasets("mnist*")
        ['mnist', 'mnist_sample']
    """
    return sorted(entry.name for entry in _matching(DATASETS, task, tags) if fnmatch.fnmatchcase(entry.name, pattern))


def _matching(shelf: Shelf[Listed], task: str | None, tags: str | Sequence[str]) -> list[Listed]:
    """Return the entries for a task that have all of these tags."""
    wanted = {tags} if isinstance(tags, str) else set(tags)
    _check_choice("task", task, {known for entry in shelf.values() for known in entry.tasks})
    for tag in wanted:
        _check_choice("tag", tag, {known for entry in shelf.values() for known in entry.tags})
    return [entry for entry in shelf.values() if (task is None or task in entry.tasks) and wanted <= set(entry.tags)]


def info(name: str) -> ModelInfo | DatasetInfo | RecipeInfo:
    """Return facts about a model, a variant, a data set or a recipe ("cnn@mnist"), without importing TensorFlow.

    Raises:
        UnknownNameError: no model, registered data set or recipe has this name.

    Example:
        >>> info("lenet").parameters
        61706
    """
    if "@" in name:
        return _recipe_info(name)
    dataset = find_dataset(name)
    if dataset is not None:
        pairs = tuple(recipe.name for recipe in RECIPES.values() if recipe.data == name)
        return DatasetInfo(name, dataset.summary, dataset.task, dataset.tags, pairs)
    if name.partition("/")[0] not in MODELS:
        raise UnknownNameError("model or data set", name, {*MODELS, *DATASETS})
    entry, variant = find_model(name)
    known = facts().get(name, {})
    return ModelInfo(
        name=name,
        summary=_variant_summary(entry, variant) if variant else entry.summary,
        tasks=entry.tasks,
        tags=entry.tags,
        variants=tuple(entry.variants),
        arguments={**entry.defaults, **entry.arguments(variant, {})},
        parameters=known.get("parameters"),
        operations=known.get("operations"),
        recipes=tuple(recipe.name for recipe in RECIPES.values() if recipe.model in (entry.name, name)),
    )


def _recipe_info(name: str) -> RecipeInfo:
    model, _, data = name.partition("@")
    recipe = find_recipe(model, data)
    if recipe is None:
        raise UnknownNameError("recipe", name, RECIPES)
    documentation = inspect.getdoc(recipe.settings) or ""
    return RecipeInfo(recipe.name, recipe.summary, documentation, recipe.expected, recipe.tolerance, dict(recipe.settings()))


@cache
def facts() -> dict[str, dict[str, int]]:
    """Return the counts that `make facts` computed with Keras: `{name: {"parameters": ..., "operations": ...}}`."""
    loaded: dict[str, dict[str, int]] = json.loads(FACTS_PATH.read_text(encoding="utf-8"))
    return loaded


def _summary(function: Callable[..., Any]) -> str:
    text = inspect.getdoc(function)
    if not text:
        raise UsageError(
            "A registered function needs a docstring; its first line is the summary. "
            f"Received: {function.__name__} without one. Write one."
        )
    return text.splitlines()[0]


def _variant_summary(entry: ModelEntry, variant: str) -> str:
    changes = ", ".join(f"{name}={value!r}" for name, value in entry.variants[variant].items())
    return f"{entry.name} with {changes}"


def _check_choice(kind: str, name: str | None, choices: set[str]) -> None:
    if name is not None and name not in choices:
        raise UnknownNameError(kind, name, choices)
