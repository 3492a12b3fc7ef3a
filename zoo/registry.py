"""Registers, lists and describes models, data sets and recipes.

Each kind of entry registers with one decorator. A model factory's name, summary and defaults are read from the function itself,
so nothing is stated twice. Other packages add entries through an entry-point group named like the shelf, for example
`zoo.models`; the entry point names a module that registers entries on import.
"""

from __future__ import annotations

import copy
import fnmatch
import inspect
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, get_type_hints

from zoo.errors import UnknownNameError, UsageError
from zoo.shelf import Shelf as Shelf

Factory = TypeVar("Factory", bound=Callable[..., Any])
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
    space: Mapping[str, Any]
    former_defaults: Mapping[str, Any]

    @property
    def annotations(self) -> dict[str, Any]:
        """The type of each argument; `Any` if the factory does not annotate it."""
        written = {name: hint for name, hint in self.factory.__annotations__.items() if name != "return"}
        holder = SimpleNamespace(__annotations__=written)
        known = get_type_hints(holder, self.factory.__globals__, include_extras=True)
        return {name: known.get(name, Any) for name in self.defaults}

    def arguments(self, variant: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
        """Merge a variant's arguments with the given ones; reject a name that the factory does not accept."""
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
    offline_twin: str | None

    @property
    def tasks(self) -> tuple[str, ...]:
        """The task as a tuple, like the tasks of a model."""
        return (self.task,)


class _Info:
    """Facts about a registered model or data set."""

    name: str

    @property
    def recipes(self) -> tuple[str, ...]:
        """The names of the recipes for this entry; a variant also has those of its model."""
        names = {self.name, self.name.partition("/")[0]}
        return tuple(recipe.name for recipe in RECIPES.values() if {recipe.model, recipe.data} & names)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, ready for JSON."""
        return {**asdict(self), "recipes": self.recipes}  # type: ignore[call-overload]


@dataclass(frozen=True)
class ModelInfo(_Info):
    """Facts about a model that is not built; `parameters` and `operations` are None if unknown."""

    name: str
    summary: str
    tasks: tuple[str, ...]
    tags: tuple[str, ...]
    variants: tuple[str, ...]
    arguments: Mapping[str, Any]
    parameters: int | None
    operations: int | None


@dataclass(frozen=True)
class DatasetInfo(_Info):
    """Facts about a data set that is not read."""

    name: str
    summary: str
    task: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class RecipeInfo:
    """Settings for one model on one data set, and their mean scores on the test part.

    Args:
        name: name of the recipe, for example "cnn@mnist".
        summary: first line of the documentation.
        documentation: command, hardware, time, expected score, and how the settings were chosen.
        expected: test scores, averaged over three seeds.
        tolerance: maximum difference between a run's score and the expected one.
        settings: flat settings, as in a YAML file for `zoo train --config`.
    """

    name: str
    summary: str
    documentation: str
    expected: Mapping[str, float]
    tolerance: float
    settings: Mapping[str, Any]

    @property
    def model(self) -> str:
        """The name of the model or variant."""
        return self.name.partition("@")[0]

    @property
    def data(self) -> str:
        """The name of the data set."""
        return self.name.partition("@")[2]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, ready for JSON."""
        return asdict(self)


MODELS: Shelf[ModelEntry] = Shelf("zoo.models", "model")
DATASETS: Shelf[DatasetEntry] = Shelf("zoo.datasets", "data set")
RECIPES: Shelf[RecipeInfo] = Shelf("zoo.recipes", "recipe")


def register_model(
    *,
    tasks: Sequence[str],
    variants: Mapping[str, Mapping[str, Any]] | None = None,
    tags: Sequence[str] = (),
    space: Mapping[str, Any] | None = None,
    former_defaults: Mapping[str, Any] | None = None,
) -> Callable[[Factory], Factory]:
    """Register a model factory under the name of its function.

    The factory takes flat, keyword-only arguments with defaults, and returns an uncompiled `keras.Model` with float32 logits
    (classification) or values (regression) as output.

    Args:
        tasks: names of the tasks of the model; the first is the default.
        variants: named sets of arguments; `zoo.build("NAME/VARIANT")` merges one; default None.
        tags: search words; default `()`.
        space: search ranges for arguments of the factory: a list of values, or a mapping with `min` and `max` and, optionally,
            `step` and `sampling` ("linear" or "log"); default None.
        former_defaults: defaults of zoo 0.1 that have changed; runs of that version did not record them; default None.

    Raises:
        UsageError: the name is taken, the docstring or the tasks are missing, an argument is not keyword-only with a default,
            or a variant, the space or a former default has an unknown argument.
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
        name, summary = factory.__name__, _documentation(factory).splitlines()[0]
        if not tasks:
            raise UsageError(f"A model needs at least one task. Received: tasks={tasks!r} for {name!r}. Name its tasks.")
        entry = ModelEntry(
            name, factory, summary, tuple(tasks), variants or {}, tuple(tags), defaults, space or {}, former_defaults or {}
        )
        for arguments in (*entry.variants.values(), entry.space, entry.former_defaults):
            entry.arguments(None, arguments)
        MODELS.add(name, entry)
        return factory

    return register


def register_dataset(*, task: str, tags: Sequence[str] = (), offline_twin: str | None = None) -> Callable[[Factory], Factory]:
    """Register a data set: a function without arguments that returns anything `zoo.load_data` reads.

    Args:
        task: name of the data set's task.
        tags: search words; default `()`.
        offline_twin: name of an embedded data set to suggest if there is no network; default None.

    Raises:
        UsageError: the name is taken or the docstring is missing.
    """

    def register(load: Factory) -> Factory:
        summary = _documentation(load).splitlines()[0]
        DATASETS.add(load.__name__, DatasetEntry(load.__name__, load, summary, task, tuple(tags), offline_twin))
        return load

    return register


def register_recipe(model: str, data: str, *, expected: Mapping[str, float], tolerance: float) -> Callable[[Factory], Factory]:
    """Register a recipe: a function without arguments that returns settings for one model on one data set.

    Its docstring needs lines that start with `Command:`, `Hardware:`, `Time:` and `Expected:`.

    Args:
        model: name of a model or variant; a variant without a recipe uses its model's.
        data: name of the data set.
        expected: test scores, averaged over three seeds.
        tolerance: maximum difference between a run's score and the expected one.

    Raises:
        UsageError: the pair has a recipe or the docstring is missing.
    """

    def register(settings: Factory) -> Factory:
        add_recipe(model, data, _documentation(settings), expected, tolerance, settings())
        return settings

    return register


def add_recipe(
    model: str, data: str, documentation: str, expected: Mapping[str, float], tolerance: float, settings: Mapping[str, Any]
) -> None:
    """Register a recipe; see `RecipeInfo` for the arguments.

    Raises:
        UsageError: the pair has a recipe.
    """
    name = f"{model}@{data}"
    summary = documentation.splitlines()[0]
    RECIPES.add(name, RecipeInfo(name, summary, documentation, dict(expected), tolerance, dict(settings)))


def find_model(name: str) -> tuple[ModelEntry, str | None]:
    """Return the entry and the variant for a name such as "cnn" or "cnn/tiny".

    Raises:
        UnknownNameError: the model or variant does not exist; the message suggests the nearest name.
    """
    if not isinstance(name, str):
        raise UsageError(f"The name of a model must be a string, for example 'cnn'. Received: {name!r}. See zoo.list_models().")
    base, slash, variant = name.partition("/")
    entry = MODELS.find(base)
    if slash and variant not in entry.variants:
        raise UnknownNameError(f"variant of model {base!r}", variant, entry.variants)
    return entry, variant or None


def find_dataset(name: str) -> DatasetEntry | None:
    """Return the entry of a registered data set, or None."""
    return DATASETS.get(name)


def find_recipe(model: str, data: str) -> RecipeInfo | None:
    """Return the recipe for a model or variant (or else the variant's model) on a data set; None if there is none."""
    return RECIPES.get(f"{model}@{data}") or RECIPES.get(f"{model.partition('/')[0]}@{data}")


def recipe_settings(model: str, data: str) -> dict[str, Any]:
    """Return the settings of the recipe for a model or variant and a data set, without those that the variant sets."""
    recipe = find_recipe(model, data)
    if recipe is None:
        return {}
    entry, variant = find_model(model)
    own = {} if variant is None or recipe.model == model else entry.variants[variant]
    return {key: value for key, value in recipe.settings.items() if key.removeprefix("model.") not in own}


def list_recipes(pattern: str = "*") -> list[str]:
    """Return the names of recipes, MODEL@DATA.

    Args:
        pattern: shell pattern for the name, for example "*@mnist"; default `"*"`.

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
        pattern: shell pattern for the name, for example "*net*" or "cnn/*"; default `"*"`.
        task: list only models for this task; default None.
        max_params: list only models with at most this number of parameters with default arguments, which excludes models of
            unknown size; default None.
        tags: a tag, or several tags that must all be present; default `()`.
        sort: "name" or "params" (smallest first, unknown last); default `"name"`.

    Raises:
        UnknownNameError: the task, a tag or the sort order is unknown.

    Example:
        >>> list_models("lenet*")
        ['lenet', 'lenet/tiny']
    """
    _check_choice("sort order", sort, {"name", "params"})
    sizes = {
        name: facts().get(name, {}).get("parameters", math.inf)
        for entry in _matching(MODELS, task, tags)
        for name in (entry.name, *(f"{entry.name}/{variant}" for variant in entry.variants))
        if fnmatch.fnmatchcase(name, pattern)
    }
    names = sorted(name for name, size in sizes.items() if max_params is None or size <= max_params)
    return sorted(names, key=sizes.__getitem__) if sort == "params" else names


def list_datasets(pattern: str = "*", *, task: str | None = None, tags: str | Sequence[str] = ()) -> list[str]:
    """Return the names of registered data sets; `load_data` also accepts any other name of TensorFlow Datasets.

    Args:
        pattern: shell pattern for the name; default `"*"`.
        task: list only data sets for this task; default None.
        tags: a tag, or several tags that must all be present; default `()`.

    Raises:
        UnknownNameError: the task or a tag is unknown.

    Example:
        >>> list_datasets("mnist*")
        ['mnist', 'mnist_sample']
    """
    return sorted(entry.name for entry in _matching(DATASETS, task, tags) if fnmatch.fnmatchcase(entry.name, pattern))


def _matching(shelf: Shelf[Listed], task: str | None, tags: str | Sequence[str]) -> list[Listed]:
    """Return the entries with a task and all of the given tags."""
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
        recipe = find_recipe(*name.split("@", 1))
        if recipe is None:
            raise UnknownNameError("recipe", name, RECIPES)
        return copy.deepcopy(recipe)  # a caller may change its settings
    dataset = find_dataset(name)
    if dataset is not None:
        return DatasetInfo(name, dataset.summary, dataset.task, dataset.tags)
    if name.partition("/")[0] not in MODELS:
        raise UnknownNameError("model or data set", name, {*MODELS, *DATASETS})
    entry, variant = find_model(name)
    known = facts().get(name, {})
    changes = ", ".join(f"{argument}={value!r}" for argument, value in entry.arguments(variant, {}).items())
    return ModelInfo(
        name=name,
        summary=f"{entry.name} with {changes}" if variant else entry.summary,
        tasks=entry.tasks,
        tags=entry.tags,
        variants=tuple(entry.variants),
        arguments={**entry.defaults, **entry.arguments(variant, {})},
        parameters=known.get("parameters"),
        operations=known.get("operations"),
    )


@cache
def facts() -> dict[str, dict[str, int]]:
    """Return the counts computed by `make facts` with Keras: `{name: {"parameters": ..., "operations": ...}}`."""
    loaded: dict[str, dict[str, int]] = json.loads(FACTS_PATH.read_text(encoding="utf-8"))
    return loaded


def _documentation(function: Callable[..., Any]) -> str:
    text = inspect.getdoc(function)
    if not text:
        raise UsageError(
            "A registered function needs a docstring; its first line is the summary. "
            f"Received: {function.__name__} without one. Add a docstring."
        )
    return text


def _check_choice(kind: str, name: str | None, choices: set[str]) -> None:
    if name is not None and name not in choices:
        raise UnknownNameError(kind, name, choices)
