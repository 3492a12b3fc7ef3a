"""Release models: `python scripts/release.py cnn@mnist` trains its recipe and writes saved_models/cnn@mnist/ with a card.

The recipe runs with three seeds; the model of the first seed is released, even if another one scored better. Its weights are
stored in float16 if that costs nothing on the validation part. `zoo.load_data` finds the real data. A LiteRT file is written
next to the Keras file and verified against it.

With `--words` or `--litert`, nothing is trained: `--words` puts the text of `releases.yaml` into the cards, and `--litert`
writes the LiteRT files again.
"""

from __future__ import annotations

import argparse
import io
import shutil
import statistics
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import yaml

import zoo
from zoo.artefacts import export, files
from zoo.artefacts.data_facts import DATA_FILE
from zoo.artefacts.released import CARD_FILE, FORMAT, INDEX_FILE
from zoo.artefacts.run import MODEL_FILE, RUN_FILE
from zoo.artefacts.shared_tables import read_weights

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "saved_models"
SEEDS = (0, 1, 2)
RESAMPLES = 10_000
LARGEST_FILE, LARGEST_FOLDER = 8_000_000, 16_000_000  # bytes
SAME_LABELS = 0.999  # minimum fraction of validation examples with the same label in float16
SMALLEST_TABLE = 100_000  # bytes; smaller tables are stored in both files
MOST_LOST = 0.0005  # maximum loss of validation accuracy in float16
SHOWN = ("accuracy", "macro_f1")


def read_facts() -> dict[str, Any]:
    """Return the contents of `releases.yaml`."""
    facts: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("releases.yaml").read_text(encoding="utf-8"))
    return facts


def command_of(model: str, data: str, changes: Mapping[str, Any]) -> str:
    """Return the command line that trains the model."""
    return " ".join([f"zoo train {model} --data {data}", *(f"--set {name}={value}" for name, value in changes.items())])


def interval_of(confusion: Sequence[Sequence[int]]) -> dict[str, list[float]]:
    """Return 95 % intervals of accuracy and macro F1: percentiles over resampled test examples (Efron, 1979).

    Args:
        confusion: rows are labels, columns predictions; counts.
    """
    counts = np.asarray(confusion, np.int64)
    classes, total = len(counts), counts.sum()
    drawn = np.random.default_rng(0).multinomial(total, counts.ravel() / total, RESAMPLES).reshape(-1, classes, classes)
    right = np.diagonal(drawn, axis1=1, axis2=2)  # (resamples, classes)
    f1 = 2 * right / np.maximum(drawn.sum(axis=1) + drawn.sum(axis=2), 1)
    found = {"accuracy": right.sum(axis=1) / total, "macro_f1": f1.mean(axis=1)}
    return {name: [round(float(edge), 4) for edge in np.percentile(values, (2.5, 97.5))] for name, values in found.items()}


def halve(source: Path, target: Path) -> None:
    """Write a `.keras` file again with its float32 weights as float16, compressed; Keras reads them into float32 variables."""
    with zipfile.ZipFile(source) as before, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            content = before.read(name)
            after.writestr(zipfile.ZipInfo(name), _halved(content) if name.endswith(".h5") else content, zipfile.ZIP_DEFLATED)


def _halved(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(io.BytesIO(content)) as source, h5py.File(buffer, "w") as target:

        def copy(name: str, thing: h5py.Group | h5py.Dataset) -> None:
            if isinstance(thing, h5py.Dataset):
                values = thing[()]
                target.create_dataset(name, data=values.astype(np.float16) if values.dtype == np.float32 else values)
            else:
                target.require_group(name)
            target[name].attrs.update(thing.attrs)

        source.visititems(copy)
        target.attrs.update(source.attrs)
    return buffer.getvalue()


def save_small(run: zoo.Run, data: zoo.Splits, folder: Path) -> tuple[Path, str]:
    """Save a run's model without its optimizer's state; return the file, and "float16" if that costs no accuracy."""
    import keras

    from zoo.artefacts.keras_files import load_keras
    from zoo.evaluation.scores import answers
    from zoo.training.compile import compile_model

    model = keras.models.clone_model(run.model)
    model.set_weights(run.model.get_weights())
    compile_model(model, run.info.task, run.info.num_outputs, "sgd", None)  # has no state of its own
    full, half = folder / "full.keras", folder / "half.keras"
    model.save(full)
    halve(full, half)
    truth, expected = answers(model, data, "validation")
    found = answers(load_keras(half), data, "validation")[1]
    same = (expected.argmax(axis=1) == found.argmax(axis=1)).mean()
    lost = (expected.argmax(axis=1) == truth).mean() - (found.argmax(axis=1) == truth).mean()
    print(f"float16: {same:.4%} of the validation labels stay, accuracy {-lost:+.4%}")
    return (half, "float16") if same >= SAME_LABELS and lost <= MOST_LOST else (full, "float32")


def cut_tables(content: bytes, keras_file: Path) -> tuple[bytes, list[tuple[int, int, int]]]:
    """Return a LiteRT file without the tables that a Keras file also holds, and the positions at which `join_tables` adds them.

    Args:
        content: the LiteRT file.
        keras_file: a Keras file of the same model.
    """
    weights, tables = read_weights(keras_file), []

    def find(_: str, item: h5py.Group | h5py.Dataset) -> None:
        start = item.id.get_offset() if isinstance(item, h5py.Dataset) else None  # None where it is in several pieces
        if start is not None and item.nbytes >= SMALLEST_TABLE:
            place = content.find(weights[start : start + item.nbytes])
            if place >= 0:
                tables.append((place, start, item.nbytes))

    with h5py.File(io.BytesIO(weights)) as file:
        file.visititems(find)
    rest, done = bytearray(), 0
    for place, _, size in sorted(tables):
        rest += content[done:place]
        done = place + size
    return bytes(rest + content[done:]), sorted(tables)


def add_litert(data: zoo.Splits, folder: Path) -> dict[str, Any]:
    """Add a LiteRT file to a released model, and verify on real examples that its predictions equal the Keras file's.

    A text model is stored in float16, because the weights in its Keras file are already rounded to float16. An image model
    stays in float32: the converter folds batch normalisation into the convolutions, and the products would be rounded again.

    Args:
        data: data that the model was trained on.
        folder: folder of the released model.

    Returns:
        The number of examples compared, and the largest difference between two probabilities.
    """
    import tensorflow as tf

    from zoo.exporting.examples import choose_examples
    from zoo.exporting.litert import convert_to_litert
    from zoo.exporting.proof import prove
    from zoo.exporting.signatures import Servable

    run, examples = zoo.Run.open(folder), choose_examples(data)
    whole = convert_to_litert(Servable(run.model, run.info, tf.float32), half=run.info.kind.is_plain_text)
    content, tables = cut_tables(whole, folder / MODEL_FILE)
    place = export.CUT_FILE if tables else export.PLACES["litert"]
    (folder / place).write_bytes(content)
    listed = {name: files.sha256(folder / name) for name in (str(DATA_FILE), MODEL_FILE, place)}
    facts = {"format": export.FORMAT, "formats": {"litert": {}, "keras": {}}, "files": listed, "tables": tables}
    files.write_json(folder / export.EXPORT_FILE, facts)
    facts["formats"] = prove(folder, examples, run.predict(examples))
    files.write_json(folder / export.EXPORT_FILE, facts)
    return {name: facts["formats"]["litert"][name] for name in ("examples", "largest_difference")}


def baseline_of(run: zoo.Run, data: str) -> dict[str, Any]:
    """Return the score of a simple model on the same test part."""
    if "baseline" in run.content:
        found = run.content["baseline"]
        return {"name": "TF-IDF of words and pairs of words, logistic regression", "accuracy": found["accuracy"]}
    with tempfile.TemporaryDirectory() as folder:
        linear = zoo.train("linear", data=data, out=Path(folder) / "run", epochs=5)
    return {"name": "one linear layer on the pixels, 5 epochs", "accuracy": linear.metrics["accuracy"]}


def with_words(card: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return a card with the text of `releases.yaml` about its model and data."""
    release = facts["models"][card["name"]]
    words = {key: release[key] for key in ("intended_use", "example", "limits")}
    changes = {"settings": release["set"], "why": release["why_set"]} if "set" in release else None
    return {**card, **words, "changes": changes, "data": {**card["data"], **facts["data"][card["data"]["name"]]}}


def make_card(name: str, facts: Mapping[str, Any], run: zoo.Run, **measured: Any) -> dict[str, Any]:
    """Return the card of a model, as plain data; `files` are added last."""
    release = facts["models"][name]
    model, _, data = release["recipe"].partition("@")
    card = {
        "name": name,
        "model": model,
        "task": run.info.task_name,
        "parameters": run.model.count_params(),
        "labels": list(run.info.labels),
        "data": {"name": data, "fingerprint": run.info.fingerprint, "num_examples": run.info.num_examples},
        "recipe": release["recipe"],
        "command": command_of(model, data, release.get("set", {})),
        "hardware": f"{run.content['device']['cpus']} cores, {run.content['device']['machine']}, no GPU",
        "seconds": round(run.content["timings"]["fit_s"]),
        "seed": run.settings["seed"],
        "versions": run.content["versions"],
        "commit": run.content["commit"],
        **measured,
    }
    return with_words(card, facts)


def readme_of(card: Mapping[str, Any]) -> str:
    """Return the card as a page."""
    name, data, scores, parts = card["name"], card["data"], card["scores"], card["data"]["num_examples"]
    proof = card["litert"]
    example = f'"{card["example"]}"' if card["task"] == "text_classification" else card["example"]
    model, _, short = name.partition("@")
    limits = "\n".join(f"- {limit}" for limit in card["limits"])
    rows = "\n".join(
        f"| {score} | {scores[score]:.4f} | {card['intervals'][score][0]:.4f} to {card['intervals'][score][1]:.4f} |"
        for score in SHOWN
    )
    changed = f" {card['changes']['why']}" if card["changes"] else ""
    sums = "\n".join(f"| {path} | {file['bytes']:,} | `{file['sha256']}` |" for path, file in card["files"].items())
    return f"""# {name}

{card["intended_use"]}

```bash
zoo predict {name} {example}
zoo verify {name}
```

```python
import zoo

predictor = zoo.load("{name}")  # raw input in, labels and probabilities out
model = zoo.build("{model}", weights="{short}")  # for further training; num_classes=3 replaces the last layer
```

## Limits

{limits}

## Scores

On the {parts["test"]:,} test examples, which were used once:

| score | value | 95 % interval |
|---|---|---|
{rows}

Baseline ({card["baseline"]["name"]}): accuracy {card["baseline"]["accuracy"]:.4f}.
The intervals come from resampling the test examples. This model is the first of three seeds; their test accuracies
with float32 weights are {", ".join(f"{value:.4f}" for value in card["seeds"])}.

## Data

{data["title"]}: {data["what"]}. {parts["train"]:,} training examples, {parts["validation"]:,} validation examples.
Labels: {", ".join(map(str, card["labels"]))}.
Source: {data["source"]}.
Licence: {data["licence"]}.

## Training

`{card["command"]}`: recipe `{card["recipe"]}`.{changed} {card["parameters"]:,} parameters,
{card["seconds"]} s of training on {card["hardware"]}. Seed {card["seed"]}.
`make release NAME={name}` trains all seeds and writes this folder.

Weights are stored in {card["weights"]} and loaded as float32. The model is compiled with plain SGD, which has no state;
`zoo.build(..., weights=...)` compiles it with your settings. Everything else is in `card.json`, `run.json` and `config.yaml`.

## Engines

`zoo.load("{name}")` runs the model in LiteRT, without TensorFlow; `engine="keras"` runs the Keras model. Both gave the same
labels on {proof["examples"]:,} real examples; probabilities differ by at most {proof["largest_difference"]:.1e}.

## Files

| file | bytes | SHA-256 |
|---|---|---|
{sums}
"""


def write_release(name: str, facts: Mapping[str, Any], run: zoo.Run, seeds: Sequence[float], folder: Path) -> None:
    """Fill an empty folder with a released model: a run directory without checkpoints, logs and examples, and its card."""
    from zoo.artefacts.keras_files import load_keras
    from zoo.evaluation.scores import score

    release = facts["models"][name]
    data_name = release["recipe"].partition("@")[2]
    data = zoo.load_data(data_name, batch_size=256, task=run.info.task_name, **run.info.arguments)
    with tempfile.TemporaryDirectory() as workshop:
        small, weights = save_small(run, data, Path(workshop))
        evaluation = score(load_keras(small), data, "test")
        shutil.copyfile(small, folder / MODEL_FILE)
    for path in ("config.yaml", "history.csv"):
        shutil.copyfile(run.directory / path, folder / path)
    (folder / "assets").mkdir()
    facts_of_data = run.info.to_dict()
    facts_of_data["report"]["broken"] = []  # lines of the source
    files.write_json(folder / DATA_FILE, {**facts_of_data, "location": None})
    kept = (
        "format",
        "settings",
        "data",
        "versions",
        "device",
        "commit",
        "started",
        "status",
        "epochs_finished",
        "kept",
        "timings",
    )
    content = {key: run.content[key] for key in kept}
    files.write_json(
        folder / RUN_FILE, {**content, "metrics": dict(evaluation.metrics), "evaluation": evaluation.to_dict(), "findings": []}
    )
    card = make_card(
        name, facts, run, weights=weights, scores=dict(evaluation.metrics), intervals=interval_of(evaluation.confusion),
        seeds=list(seeds), baseline=baseline_of(run, data_name), litert=add_litert(data, folder),
    )  # fmt: skip
    write_card(card, folder)


def write_card(card: Mapping[str, Any], folder: Path) -> None:
    """Write a card for programs and for people, with the SHA-256 of all other files."""
    others = [path for path in files_in(folder) if path not in (CARD_FILE, "README.md")]
    card = {**card, "files": {path: describe(folder / path) for path in others}}
    files.write_json(folder / CARD_FILE, card)
    files.write_text(folder / "README.md", readme_of(card))


def convert(name: str) -> None:
    """Write the LiteRT file of a released model again."""
    from zoo.artefacts.loading import own_data

    folder = FOLDER / name
    card = files.read_json(folder / CARD_FILE)
    for path in (export.CUT_FILE, export.PLACES["litert"], export.EXPORT_FILE):
        (folder / path).unlink(missing_ok=True)
    card["litert"] = add_litert(own_data(zoo.Run.open(folder)), folder)
    write_card(card, folder)
    write_index(FOLDER)
    print(name, card["litert"])


def files_in(folder: Path) -> list[str]:
    """Return the paths of all files in a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def describe(path: Path) -> dict[str, Any]:
    """Return the SHA-256 and the size of a file."""
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise SystemExit(f"{path.name} has {size:,} bytes; at most {LARGEST_FILE:,} go into git.")
    return {"sha256": files.sha256(path), "bytes": size}


def write_index(folder: Path) -> None:
    """List all models of a folder, with the SHA-256 of every file."""
    models = {}
    for path in sorted(folder.glob(f"*/{CARD_FILE}")):
        card = files.read_json(path)
        known = {key: card[key] for key in ("recipe", "task", "parameters")}
        scores = {key: card["scores"][key] for key in SHOWN}
        models[card["name"]] = {
            **known,
            "scores": scores,
            "files": {each: describe(path.parent / each) for each in files_in(path.parent)},
        }
    size = sum(file["bytes"] for model in models.values() for file in model["files"].values())
    if size > LARGEST_FOLDER:
        raise SystemExit(f"The models have {size:,} bytes together; at most {LARGEST_FOLDER:,} are released.")
    files.write_json(folder / INDEX_FILE, {"format": FORMAT, "models": models})
    print(f"{len(models)} models, {size:,} bytes")


def release(name: str) -> list[float]:
    """Train the recipe of a model with each seed, release the model of the first seed, and return all test accuracies."""
    facts = read_facts()
    model, _, data = facts["models"][name]["recipe"].partition("@")
    changes = facts["models"][name].get("set", {})
    with tempfile.TemporaryDirectory() as runs:
        trained = [
            zoo.train(model, data=data, config=changes, seed=seed, out=Path(runs) / str(seed), baseline=seed == SEEDS[0])
            for seed in SEEDS
        ]
        accuracies = [run.metrics["accuracy"] for run in trained]
        new = FOLDER / f".new-{name}"
        with files.new_directory(new):
            write_release(name, facts, trained[0], accuracies, new)
    if (FOLDER / name).exists():
        shutil.rmtree(FOLDER / name)
    new.rename(FOLDER / name)
    write_index(FOLDER)
    return accuracies


def main(words: list[str] | None = None) -> int:
    """Release the named models."""
    names = sorted(read_facts()["models"])
    parser = argparse.ArgumentParser(description="Train recipes and release their models.")
    parser.add_argument("name", nargs="+", metavar="NAME", help=f"released model: {', '.join(names)}")
    parser.add_argument("--words", action="store_true", help="without training, put the text of releases.yaml into the cards")
    parser.add_argument("--litert", action="store_true", help="without training, write the LiteRT files again")
    given = parser.parse_args(words)
    for name in given.name:
        if name not in names:
            raise zoo.UnknownNameError("model to release", name, names)
    sys.path.append(str(ROOT / "benchmarks"))
    from rows import add_row

    FOLDER.mkdir(exist_ok=True)
    for name in given.name:
        if given.words:
            write_card(with_words(files.read_json(FOLDER / name / CARD_FILE), read_facts()), FOLDER / name)
            write_index(FOLDER)
            continue
        if given.litert:
            convert(name)
            continue
        accuracies = release(name)
        add_row("release", f"{name}, mean test accuracy", statistics.mean(accuracies), "accuracy", len(accuracies))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except zoo.ZooError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
