"""The interface of a kind of input, and the shelf of kinds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from zoo.errors import UsageError
from zoo.shelf import Shelf

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

    from zoo.settings import DataArguments, Settings
    from zoo.sources.source import Source
    from zoo.text import Tokenizer

CHUNK = 256  # examples that are predicted at once
REQUEST = 64  # examples of a request to an exported signature
Batches: TypeAlias = "tuple[np.ndarray | None, Iterator[np.ndarray]]"  # their order of examples, if it is not the input's
Chunk = tuple[Sequence[Any], Any, list[str]]  # names of examples, the examples, and a line for each unreadable one


@dataclass(frozen=True)
class Twin:
    """The steps of a preprocessor as TensorFlow functions.

    Args:
        spec: a batch of features; its name is that of the exported tensor.
        raw: exported signatures that take raw examples: the specs of their inputs, and the function to features.
        requests: a made-up example for each exported signature, as tensors by name.
        tables: what holds the tables that the functions use; a SavedModel must keep it.
    """

    spec: tf.TensorSpec
    raw: Mapping[str, tuple[Any, Callable[..., tf.Tensor]]]
    requests: Mapping[str, Mapping[str, tf.Tensor]]
    tables: Any = None


class InputKind(ABC):
    """What one example is, as far as it is known before any data are read.

    Each kind is one instance, registered with `register_input`. What is learned from data is in its `Preprocessor`. The
    methods here suit features that readers deliver as a `Source`; a subclass overrides what differs.
    """

    name: ClassVar[str]
    """What one example is called: "image". With an "s" it names several."""
    prediction_hint: ClassVar[str]
    """What to type after `zoo predict RUN`."""
    bulk_hint: ClassVar[str] = "Use --data rows.csv --out predictions.csv."
    """How to predict many examples at once."""
    argument: ClassVar[str] = "input_shape"
    """The factory argument that the form of the data decides."""
    row_name: ClassVar[str] = "row"
    """Header of the column that names each example in a CSV file of predictions."""
    is_plain_text: ClassVar[bool] = False
    """Whether an example is plain text, so that any file and standard input can hold examples."""
    fails_on_empty_batch: ClassVar[bool] = False
    """Whether models fail on a batch without examples, so that each device needs one."""

    def hashes(self, features: Any) -> np.ndarray:
        """Return a hash of each example, `(rows,)`, uint64, equal for equal content."""
        hashes: np.ndarray = features.hashes
        return hashes

    def join(self, first: Any, second: Any) -> Any:
        """Return the examples of two parts, those of the first in front.

        Raises:
            DataError: one part is in memory and the other is not.
        """
        return first.joined(second)

    @abstractmethod
    def fit(self, features: Any, rows: np.ndarray, shape: tuple[int, ...] | None, arguments: DataArguments) -> Preprocessor:
        """Learn from the training rows what turns examples into the features of a model.

        Args:
            features: the examples of the part that has the training rows, as a reader delivered them.
            rows: positions of the training rows.
            shape: shape of one example, where the reader knows it.
            arguments: the user's arguments for reading data.

        Raises:
            DataError: there is nothing to learn from.
        """

    @abstractmethod
    def load(self, plain: Mapping[str, Any] | None, shape: tuple[int | None, ...]) -> Preprocessor:
        """Return the preprocessor that `Preprocessor.to_dict` described.

        Raises:
            KeyError, TypeError, ValueError: the data are damaged.
        """

    def fits(self, arguments: Mapping[str, Any]) -> bool:
        """Return whether factory arguments ask for a model of this kind."""
        return self.argument in arguments

    def augmentation(self, settings: Settings) -> Any:
        """Return how training batches are changed at random, or None.

        Raises:
            UsageError: the settings ask for changes that this kind does not have.
        """
        used = ", ".join(f"{name}={value}" for name, value in settings if name.startswith("augment_") and value)
        if used:
            raise UsageError(
                f"Augmentation is for images only. Received: {used} for {self.name}s. Omit it; for texts, use "
                "model.token_dropout."
            )


class Preprocessor(ABC):
    """What turns the raw examples of one kind into the features that a model takes; learned from the training part.

    The methods here suit a kind whose features are float32 arrays of one shape, equal to the raw examples.
    """

    kind_name: ClassVar[str]
    """Name of the kind of input."""
    signature: ClassVar[str] = "serving_default"
    """Name of the exported signature that takes features."""
    feature_dtype: ClassVar[str] = "float32"
    """The dtype of a batch of features."""
    takes_strings: ClassVar[bool] = False
    """Whether the model itself takes strings."""

    @property
    def kind(self) -> InputKind:
        """The kind of input."""
        return find_input(self.kind_name)

    @property
    @abstractmethod
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of one example's features; None where it varies."""

    def to_dict(self) -> dict[str, Any] | None:
        """Return plain data, ready for JSON; None where the input shape says it all."""
        return None

    # Training

    def source(self, features: Any, hashes: np.ndarray, arguments: DataArguments) -> Source:
        """Return a part's features as a source of batches."""
        source: Source = features
        return source

    def statistics(self, source: Any, rows: np.ndarray) -> dict[str, tuple[float, ...]]:
        """Return the factory arguments that follow from the features of the training rows."""
        return {}

    def summary(self, source: Any, rows: np.ndarray) -> dict[str, float]:
        """Return what the report says of the features of a part."""
        return {}

    def model_arguments(self) -> dict[str, Any]:
        """Return the factory arguments that follow from the form of the features."""
        return {"input_shape": self.input_shape}

    def reading_arguments(self, name: str | None = None) -> dict[str, Any]:
        """Return the arguments of `load_data` by which other data get these features.

        Args:
            name: name or directory of the run that the preprocessor comes from.
        """
        return {}

    def suits_weights_of(self, other: Preprocessor) -> bool:
        """Return whether weights that were trained on the features of another preprocessor mean the same on these."""
        return True

    def spec(self) -> tf.TensorSpec:
        """Return the spec of a batch of features."""
        import tensorflow as tf

        return tf.TensorSpec((None, *self.input_shape), self.feature_dtype)

    def example_batch(self, rows: int, *, longest: bool = False) -> np.ndarray:
        """Return a batch of noise in the form of features.

        Args:
            rows: number of examples.
            longest: whether examples of varying size have the largest size that is allowed.
        """
        import numpy as np

        shape = (rows, *(size or 1 for size in self.input_shape))
        return np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)

    # Prediction

    @abstractmethod
    def batches(self, raw: Any, *, takes_strings: bool = False, dtype: np.dtype | None = None) -> Batches:
        """Return the batches of raw input, and the order in which its examples are in them; None for their own order.

        Args:
            raw: one example, or many.
            takes_strings: whether the engine takes strings rather than features.
            dtype: the dtype that the engine takes; None for any number.

        Raises:
            DataError: the input does not fit the model.
        """

    def read_inputs(self, inputs: Sequence[str]) -> tuple[str, Iterator[Chunk]]:
        """Return what the words of a command line are, and the examples that they name.

        Raises:
            UsageError: they are no examples; the message says what to pass instead.
        """
        received = ", ".join(inputs) or "none"
        raise UsageError(f"This model takes {self.kind.name}s in a file. Received: {received:.200}. {self.kind.bulk_hint}")

    # Raw examples of a part

    @property
    def feature_names(self) -> list[str] | None:
        """Names of the features, in order; None where they have none."""
        return None

    @property
    def tokenizer(self) -> Tokenizer | None:
        """The tokenizer of texts that become ids; None for anything else."""
        return None

    def examples(self, source: Any, rows: np.ndarray) -> Iterator[Any]:
        """Yield the examples of ascending rows, as near to their raw form as the source keeps them."""
        from zoo.sources.source import Pass

        for features, _ in source.one_pass(Pass(rows, rows, CHUNK)).as_numpy_iterator():
            yield from features

    def shown(self, example: Any) -> Any:
        """Return what a report shows of an example."""
        return example

    # Export

    def choose(self, parts: Iterable[Iterable[Any]], count: int) -> Any:
        """Return raw examples to prove an export with: at most `count` of these, and unusual ones where there are any."""
        import numpy as np

        return np.stack([*islice(chain.from_iterable(parts), count)])

    def export_facts(self) -> dict[str, Any]:
        """Return what `export.json` says of the raw input."""
        return {}

    @abstractmethod
    def twin(self, dtype: Any) -> Twin:
        """Return the same steps as TensorFlow functions.

        Args:
            dtype: dtype of the raw examples.
        """

    def neighbours(self, raw: Any) -> Iterator[tuple[Any, Any, Any]]:
        """Yield examples on which the others of a batch may have an influence: an example, it alone, and it with another."""
        yield from ()

    def one(self, raw: Any, row: int) -> Any:
        """Return one of raw examples."""
        return raw[row]

    def described(self, raw: Any, row: int) -> str:
        """Return one of raw examples in a few words."""
        return f"{' '.join(repr(self.one(raw, row)).split()):.80}"

    def requests(self, raw: Any, signatures: Iterable[str]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Yield the exported signatures that zoo does not run itself, each with requests of at most `REQUEST` examples."""
        yield from ()


INPUTS: Shelf[InputKind] = Shelf("zoo.inputs", "kind of input")


def register_input(kind: InputKind) -> InputKind:
    """Register a kind of input under its name.

    Raises:
        UsageError: the name is taken.
    """
    INPUTS.add(kind.name, kind)
    return kind


def find_input(name: str) -> InputKind:
    """Return the kind of input of this name.

    Raises:
        UnknownNameError: there is none; the message has the nearest name.
    """
    return INPUTS.find(name)


def slices(rows: Any, size: int) -> Iterator[Any]:
    """Yield rows in slices of at most this size."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
