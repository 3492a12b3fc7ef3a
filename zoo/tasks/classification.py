"""Classification: one label for each example."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from zoo.errors import DataError, UnknownNameError, UsageError
from zoo.tasks.answers import Evaluation, Mistake, OutputKind, Predictions, Section
from zoo.tasks.task import Direction, Task, register_task, training_space

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf

    from zoo.targets import Label

MAX_CHANGED = 2  # examples whose label may differ on another machine: processors round sums differently
MAX_NAMES = 10  # class names per message
PER_CLASS = ("precision", "recall", "f1", "support")


class Classification(Task):
    """Each example has one label; a model returns one logit per class."""

    scores: ClassVar[Mapping[str, Direction]] = {
        "loss": "min", "accuracy": "max", "precision": "max", "recall": "max", "macro_f1": "max", "micro_f1": "max",
    }  # fmt: skip
    headline = "accuracy"
    monitor = "accuracy"
    output_argument = "num_classes"
    has_labels = True
    output_noun = "class"

    def fits(self, targets: np.ndarray) -> bool:
        """Return whether raw targets are text, booleans, one-hot rows or a few distinct whole numbers."""
        from zoo.targets import look_like_classes

        return look_like_classes(targets)

    def find_labels(
        self, targets: np.ndarray, source: tuple[Label, ...] | None, *, are_numbers_names: bool
    ) -> tuple[Label, ...]:
        """Return the class names in the order of the logits."""
        from zoo.targets import find_labels

        return find_labels(targets, are_numbers_names=are_numbers_names) if source is None else source

    def encode(self, targets: np.ndarray, labels: Sequence[Label], source: Sequence[Label] | None = None) -> np.ndarray:
        """Return the class number of each row, `(rows,)`, int64."""
        import numpy as np

        from zoo.targets import encode

        if source is None:
            return encode(targets, labels)
        is_number = targets.ndim == 1 and targets.dtype.kind in "uif"
        numbers = encode(targets, source, are_numbers=is_number)
        return numbers if source == labels else encode(np.array(source, object)[numbers], labels)

    def learn(self, targets: np.ndarray, labels: Sequence[Label]) -> dict[str, tuple[float, ...]]:
        """Check that the training part has two classes."""
        if targets.min() == targets.max():
            raise DataError(
                f"The training part needs at least two classes. Received: only {labels[targets[0]]!r}. Add rows "
                "of another class."
            )
        return {}

    def strata(self, targets: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Return the class numbers themselves."""
        return targets

    def counts(self, targets: np.ndarray, labels: Sequence[Label]) -> dict[str, int]:
        """Return the number of rows of each label."""
        counts = Counter(targets.tolist())
        return {str(label): counts[number] for number, label in enumerate(labels)}

    def class_weights(self, given: str | Mapping[str, float], targets: np.ndarray, labels: Sequence[Label]) -> dict[int, float]:
        """Return the weight of each class number in the loss."""
        if isinstance(given, str):  # "balanced"
            import numpy as np
            from sklearn.utils.class_weight import compute_class_weight

            present = np.unique(targets)
            weights = compute_class_weight("balanced", classes=present, y=targets)
            return dict(zip(present.tolist(), weights.tolist(), strict=True))
        names = [str(label) for label in labels]
        for name in given:
            if name not in names:
                raise UnknownNameError("label in class_weight", name, names)
        return {number: float(given.get(name, 1.0)) for number, name in enumerate(names)}

    def loss(self, label_smoothing: float = 0.0, kind: OutputKind = "logits") -> keras.losses.Loss:
        """Return the cross-entropy on logits, or on the probabilities of a user's own model."""
        from zoo import losses

        if kind == "logits":
            return losses.ClassificationCrossentropy(label_smoothing)
        if label_smoothing:
            raise UsageError(
                f"Label smoothing needs a model that returns logits. Received: a softmax output and {label_smoothing=}. "
                "Remove one of them."
            )
        import keras

        return keras.losses.SparseCategoricalCrossentropy()

    def metrics(self, num_outputs: int) -> list[keras.metrics.Metric]:
        """Return new metrics for a model with this many classes."""
        from zoo import metrics

        return [metrics.Accuracy(), metrics.MacroF1(num_outputs)]

    def output_kind(self, outputs: np.ndarray) -> OutputKind:
        """Return "probabilities" if every row is a distribution; in practice, eight rows of logits do not all sum to 1."""
        are_distributions = (outputs >= 0).all() and (abs(outputs.sum(axis=1) - 1.0) < 1e-2).all()
        return "probabilities" if are_distributions else "logits"

    def answers(self, outputs: np.ndarray, kind: OutputKind) -> np.ndarray:
        """Return probabilities `(rows, num_classes)`; rows sum to 1."""
        if kind == "probabilities":
            return outputs
        from scipy.special import softmax

        probabilities: np.ndarray = softmax(outputs, axis=-1)
        return probabilities

    def graph_answers(self, outputs: tf.Tensor, kind: OutputKind, labels: Sequence[Label]) -> dict[str, tf.Tensor]:
        """Return `labels` (`(batch,)`, int64 if all are whole numbers, else strings), `probabilities` and any `logits`."""
        import tensorflow as tf

        are_numbers = all(isinstance(label, int) and not isinstance(label, bool) for label in labels)
        names = tf.constant(labels, tf.int64) if are_numbers else tf.constant([str(label) for label in labels])
        found = tf.gather(names, tf.argmax(outputs, axis=-1))
        if kind == "probabilities":
            return {"labels": found, "probabilities": outputs}
        return {"labels": found, "probabilities": tf.nn.softmax(outputs), "logits": outputs}

    def predictions(self, answers: np.ndarray, labels: Sequence[Label]) -> Predictions:
        """Return the most probable label of each row, and all probabilities."""
        return Predictions([labels[number] for number in answers.argmax(axis=1)], answers, answers[:, :0])

    def header(self, labels: Sequence[Label], num_outputs: int) -> list[str]:
        """Return `label` and a column for each probability."""
        return ["label", *(f"probability_{label}" for label in labels)]

    def described(self, predictions: Predictions, labels: Sequence[Label]) -> list[dict[str, Any]]:
        """Return `label`, its `probability`, and the `probabilities` of all labels."""
        names = [str(label) for label in labels]
        return [
            {"label": label, "probability": float(row.max()), "probabilities": dict(zip(names, row.tolist(), strict=True))}
            for label, row in zip(predictions.labels, predictions.probabilities, strict=True)
        ]

    def score(self, truth: np.ndarray, answers: np.ndarray, labels: Sequence[Label]) -> Evaluation:
        """Return the scores of probabilities `(rows, num_classes)` against class numbers `(rows,)`, by scikit-learn."""
        import numpy as np
        from sklearn import metrics

        predicted = answers.argmax(axis=1)
        numbers, names = np.arange(len(labels)), [str(label) for label in labels]
        macro = metrics.precision_recall_fscore_support(truth, predicted, average="macro", zero_division=0)
        each = metrics.precision_recall_fscore_support(truth, predicted, labels=numbers, zero_division=0)
        chosen = np.maximum(answers[np.arange(len(truth)), truth], np.finfo(np.float32).tiny)
        return Evaluation(
            metrics={
                "loss": float(-np.log(chosen.astype(np.float64)).mean()),
                "accuracy": float(metrics.accuracy_score(truth, predicted)),
                "precision": float(macro[0]),
                "recall": float(macro[1]),
                "macro_f1": float(macro[2]),
                "micro_f1": float(metrics.f1_score(truth, predicted, average="micro")),
            },
            num_examples=len(truth),
            per_class={
                name: {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(s)}
                for name, p, r, f, s in zip(names, *each, strict=True)
            },
            confusion=tuple(tuple(row) for row in metrics.confusion_matrix(truth, predicted, labels=numbers).tolist()),
        )

    def tolerance(self, score: str, value: float, num_examples: int) -> float:
        """Return the share of two examples; for the loss, 1 %."""
        return super().tolerance(score, value, num_examples) if score == "loss" else MAX_CHANGED / num_examples

    def findings(self, evaluation: Evaluation) -> list[str]:
        """Report classes that are never predicted, or an accuracy that a constant prediction would reach."""
        advice = "Train longer or with another learning rate (zoo find-lr)"
        supports = {name: scores["support"] for name, scores in evaluation.per_class.items()}
        predicted = {name: sum(counts) for name, counts in zip(supports, zip(*evaluation.confusion, strict=True), strict=True)}
        never = [repr(name) for name, count in predicted.items() if not count and supports[name]]
        given = [repr(name) for name, count in predicted.items() if count]
        weights = "if some classes have few rows, set class_weight=balanced."
        if never and len(given) == 1:
            return [f"Every test example is predicted as {given[0]}: the model has learned nothing. {advice}; {weights}"]
        if never:
            more = f" and {len(never) - MAX_NAMES} more" if len(never) > MAX_NAMES else ""
            listed = f"{', '.join(never[:MAX_NAMES])}{more}"
            return [f"Never predicted, although they occur in the test part: {listed}. {advice}; {weights}"]
        accuracy = evaluation.metrics["accuracy"]
        if accuracy > max(supports.values()) / sum(supports.values()):
            return []
        return [f"The accuracy ({accuracy:.4f}) is no better than always predicting the most frequent class. {advice}."]

    def sections(self, evaluation: Evaluation) -> list[Section]:
        """Return the scores of each class, and the confusion matrix."""
        names = list(evaluation.per_class)
        return [
            Section(
                "Classes",
                ("class", *PER_CLASS),
                [(name, *(evaluation.per_class[name][score] for score in PER_CLASS)) for name in names],
            ),
            Section(
                "Confusion",
                ("", *names),
                [(name, *row) for name, row in zip(names, evaluation.confusion, strict=True)],
                note="Rows are labels and columns are predictions; the shade shows the share of the label's examples.",
                is_shaded=True,
            ),
        ]

    def mistakes(self, truth: np.ndarray, answers: np.ndarray, labels: Sequence[Label], most: int) -> list[Mistake]:
        """Return the mistakes with the lowest probability for the true class."""
        predicted = answers.argmax(axis=1)
        wrong = (predicted != truth).nonzero()[0]
        chosen = wrong[answers[wrong, truth[wrong]].argsort(kind="stable")[:most]]
        return [
            Mistake(int(row), str(labels[truth[row]]), str(labels[predicted[row]]), float(answers[row].max())) for row in chosen
        ]


_SMOOTHING: Mapping[str, Any] = {"label_smoothing": [0.0, 0.1, 0.2]}

register_task(
    Classification(
        "image_classification", "image", "mnist_sample",
        {"epochs": 10, "batch_size": 128, "learning_rate": 2e-3, "schedule": "cosine", "warmup": 0.1},
        {
            **training_space(), **_SMOOTHING, "batch_size": [32, 64, 128, 256], "augment_shift": [0.0, 0.05, 0.1],
            "augment_rotate": [0.0, 5.0, 10.0], "augment_zoom": [0.0, 0.05, 0.1],
        },
    )
)  # fmt: skip
register_task(
    Classification(
        "text_classification", "text", "reviews_sample",
        {"epochs": 5, "batch_size": 64, "learning_rate": 2e-3, "schedule": "cosine", "warmup": 0.1},
        {
            **training_space(), **_SMOOTHING, "batch_size": [16, 32, 64, 128], "data.vocabulary_size": [5_000, 10_000, 20_000],
            "data.min_frequency": [1, 2], "data.max_length": [64, 128, 256],
        },
    )
)  # fmt: skip
register_task(
    Classification(
        "tabular_classification", "table", "iris",
        {"epochs": 100, "batch_size": 32, "learning_rate": 1e-2, "schedule": "cosine", "warmup": 0.1},
        {**training_space(max_learning_rate=3e-2), "batch_size": [16, 32, 64, 128], **_SMOOTHING},
    )
)  # fmt: skip
