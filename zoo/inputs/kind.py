"""The interface of a kind of input, and the shelf of kinds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from zoo.errors import DataError, UsageError, one_line
from zoo.shelf import Shelf

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

    from zoo.settings import DataArguments, Settings
    from zoo.sources.source import Source
    from zoo.text import Tokenizer

CHUNK = 256  # examples per batch in prediction
REQUEST = 64  # maximum number of examples per request to an exported signature
# Batches, after the order of the examples in them if it differs from the input's.
Batches: TypeAlias = "tuple[np.ndarray | None, Iterator[np.ndarray]]"
Chunk = tuple[Sequence[Any], Any, list[str]]  # names of examples, the examples, and a line for each unreadable one


@dataclass(frozen=True)
class Twin:
    """The steps of a preprocessor as TensorFlow functions.

    Args:
        spec: spec of a batch of features; it has the exported tensor's name.
        raw: for each exported signature that takes raw examples, the specs of its inputs and the function that converts them
            to features.
        requests: a made-up example for each exported signature, as tensors by name.
        tables: object that owns the lookup tables of the functions, for a SavedModel to track; default None.
    """

    spec: tf.TensorSpec
    raw: Mapping[str, tuple[Any, Callable[..., tf.Tensor]]]
    requests: Mapping[str, Mapping[str, tf.Tensor]]
    tables: Any = None


class InputKind(ABC):
    """A kind of input: everything about it that is known before data are read.

    Each kind is one instance, registered with `register_input`. What is learned from data is in its `Preprocessor`. The
    methods here suit features that readers deliver as a `Source`; a subclass overrides what differs.
    """

    name: ClassVar[str]
    """Name of one example, such as "image"; the plural adds "s"."""
    prediction_hint: ClassVar[str] = "--data FILE --out predictions.csv"
    """What to type after `zoo predict RUN`."""
    argument: ClassVar[str] = "input_shape"
    """The factory argument that the data determine."""
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
        """Return the examples of the first part, followed by those of the second.

        Raises:
            DataError: one part is in memory and the other is not.
        """
        return first.joined(second)

    def fit(self, features: Any, rows: np.ndarray, shape: tuple[int, ...] | None, arguments: DataArguments) -> Preprocessor:
        """Return a preprocessor fitted on the training rows; here, one that depends only on the shape of the examples.

        Args:
            features: examples of the part that contains the training rows, as delivered by a reader.
            rows: positions of the training rows.
            shape: shape of one example, if the reader knows it.
            arguments: the user's arguments for reading data.

        Raises:
            DataError: there is nothing to learn from.
        """
        return self.load(None, shape or ())

    @abstractmethod
    def load(self, plain: Mapping[str, Any] | None, shape: tuple[int | None, ...]) -> Preprocessor:
        """Restore a preprocessor from the result of `Preprocessor.to_dict`.

        Raises:
            KeyError, TypeError, ValueError: the data are damaged.
        """

    def fits(self, arguments: Mapping[str, Any]) -> bool:
        """Return whether factory arguments are those of a model for this kind."""
        return self.argument in arguments

    def augmentation(self, settings: Settings) -> Any:
        """Return the random augmentation of training batches, or None.

        Raises:
            UsageError: the settings ask for augmentation that this kind does not support.
        """
        used = ", ".join(f"{name}={value}" for name, value in settings if name.startswith("augment_") and value)
        if used:
            raise UsageError(
                f"Augmentation is for images only. Received: {used} for {self.name}s. Omit it; for texts, use "
                "model.token_dropout."
            )


class Preprocessor(ABC):
    """Converts raw examples of one kind to the features that a model takes; fitted on the training part.

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
        """Return plain data, ready for JSON; None if the input shape is sufficient."""
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
        """Return facts about the features of a part, for the report."""
        return {}

    def model_arguments(self) -> dict[str, Any]:
        """Return the factory arguments that follow from the shape of the features."""
        return {"input_shape": self.input_shape}

    def reading_arguments(self, name: str | None = None) -> dict[str, Any]:
        """Return the arguments of `load_data` that give other data the same features.

        Args:
            name: name or directory of the run that the preprocessor comes from; default None.
        """
        return {}

    def suits_weights_of(self, other: Preprocessor) -> bool:
        """Return whether weights trained on another preprocessor's features are valid for these."""
        return True

    def spec(self) -> tf.TensorSpec:
        """Return the spec of a batch of features."""
        import tensorflow as tf

        return tf.TensorSpec((None, *self.input_shape), self.feature_dtype)

    def example_batch(self, rows: int, *, longest: bool = False) -> np.ndarray:
        """Return a batch of random features.

        Args:
            rows: number of examples.
            longest: whether examples of variable size have the maximum size; default False.
        """
        import numpy as np

        shape = (rows, *(size or 1 for size in self.input_shape))
        return np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)

    # Prediction

    def batches(self, raw: Any, *, takes_strings: bool = False, dtype: np.dtype | None = None) -> Batches:
        """Return the batches of raw input, and the order of the examples in them: None if it is the input's.

        Args:
            raw: one example, or many.
            takes_strings: whether the engine takes strings rather than features; default False.
            dtype: the dtype that the engine takes; None for any numeric dtype; default None.

        Raises:
            DataError: the input does not fit the model.
        """
        import numpy as np

        shape, hint = self.input_shape, f"Pass one {self.kind.name}, or an array of many."
        try:
            features = np.asarray(raw, self.feature_dtype)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{self.kind.name.capitalize()}s must be numbers: {one_line(error)}. Received: {raw!r:.80}. {hint}"
            ) from error
        if features.shape == shape:
            features = features[np.newaxis]
        if features.shape[1:] != shape:
            raise DataError(f"The shape of one {self.kind.name} is {shape}. Received: shape {features.shape}. {hint}")
        return None, slices(features, CHUNK)

    def read_inputs(self, inputs: Sequence[str]) -> tuple[str, Iterator[Chunk]]:
        """Return what the inputs of a command line are, such as "file", and the examples that they name.

        Raises:
            UsageError: the inputs are not examples; the message says what to pass instead.
        """
        received = ", ".join(inputs) or "none"
        raise UsageError(
            f"This model takes {self.kind.name}s in a file. Received: {received:.200}. Use {self.kind.prediction_hint}."
        )

    # Raw examples of a part

    @property
    def feature_names(self) -> list[str] | None:
        """Names of the features, in order; None if they have none."""
        return None

    @property
    def tokenizer(self) -> Tokenizer | None:
        """The tokenizer of texts that become ids; None for anything else."""
        return None

    def examples(self, source: Any, rows: np.ndarray) -> Iterator[Any]:
        """Yield the examples of ascending rows, in the rawest form that the source keeps."""
        from zoo.sources.source import Pass

        for features, _ in source.one_pass(Pass(rows, rows, CHUNK)).as_numpy_iterator():
            yield from features

    def shown(self, example: Any) -> Any:
        """Return an example in the form that a report shows."""
        return example

    # Export

    def choose(self, parts: Iterable[Iterable[Any]], count: int) -> Any:
        """Return raw examples to check an export with: at most `count` from the parts, and any unusual ones."""
        import numpy as np

        return np.stack([*islice(chain.from_iterable(parts), count)])

    def export_facts(self) -> dict[str, Any]:
        """Return facts about the raw input, for `export.json`."""
        return {}

    def twin(self, dtype: Any) -> Twin:
        """Return the same steps as TensorFlow functions.

        Args:
            dtype: dtype of the raw examples.
        """
        import tensorflow as tf

        name, spec = self.kind.name, self.spec()
        request = {name: tf.constant(self.example_batch(1))}
        return Twin(tf.TensorSpec(spec.shape, spec.dtype, name), {}, {self.signature: request})

    def neighbours(self, raw: Any) -> Iterator[tuple[Any, Any, Any]]:
        """Yield an example, a batch of it alone, and a batch of it with another, to check that rows are independent."""
        yield from ()

    def one(self, raw: Any, row: int) -> Any:
        """Return one raw example."""
        return raw[row]

    def described(self, raw: Any, row: int) -> str:
        """Return a short description of one raw example."""
        return f"{' '.join(repr(self.one(raw, row)).split()):.80}"

    def requests(self, raw: Any, signatures: Iterable[str]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Yield each exported signature that zoo itself does not run, with requests of at most `REQUEST` examples."""
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
        UnknownNameError: no kind has this name; the message suggests the nearest one.
    """
    return INPUTS.find(name)


def slices(rows: Any, size: int) -> Iterator[Any]:
    """Yield rows in slices of at most this size."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
