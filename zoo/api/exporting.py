"""Trained models written as files that run without zoo."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.api.reading import load_data, own_data
from zoo.api.scoring import data_like
from zoo.errors import UsageError, ZooError

if TYPE_CHECKING:
    import keras

    from zoo.artefacts.export import Export
    from zoo.artefacts.run import Run


def export(
    model: Run | str | os.PathLike[str] | keras.Model,
    out: str | os.PathLike[str],
    *,
    format: str | Sequence[str] = "saved_model",  # noqa: A002 - as in `keras.Model.export`
    data: Any = None,
    **arguments: Any,
) -> Export:
    """Write a trained model in formats that run elsewhere, each proved equal to it on up to 1,000 real examples.

    - "saved_model": for TensorFlow and TensorFlow Serving, in `out/1`. Takes raw input: `text`, strings; `image`, uint8 of the
      model's size, or encoded PNG and JPEG files as `image_bytes` of the signature "image_bytes"; a table's columns by name,
      or its features as `features` of the signature "features".
    - "litert": for phones and small machines, `out/model.tflite`; built-in operations only.
    - "onnx": for ONNX Runtime, `out/model.onnx`. Both take `image`, `features`, or `token_ids`, whose tokenizer lies in
      `out/assets`; `zoo.load` uses it.
    - "keras": `out/model.keras`, to train on; loads after `import zoo`.

    They give `labels`, `probabilities` and `logits`, for regression `values`.

    Args:
        model: a run, its directory, or a trained `keras.Model`.
        out: the directory to make; TensorFlow Serving's base path.
        format: one, or several for the same directory.
        data: where the examples for the proof come from, as anything that `load_data` takes; by default the run's own data. A
            `keras.Model` needs it: it also says what the model takes.
        **arguments: arguments of `load_data`.

    Raises:
        ArtefactError: `out` holds something, a format cannot hold the model or is not equal to it; nothing is kept then.
        DataError: the data cannot be read, or do not fit the model.
        UsageError: an unknown format, a missing package, or no data.
    """
    from zoo.artefacts.files import check_new_directory
    from zoo.artefacts.run import Run
    from zoo.exporting.examples import choose_examples
    from zoo.exporting.export import check_formats, export_model
    from zoo.training.compile import check_fits

    formats = list(dict.fromkeys([format] if isinstance(format, str | None) else format))
    directory = Path(out)
    check_new_directory(directory)
    if isinstance(model, Run | str | os.PathLike):
        run = model if isinstance(model, Run) else Run.open(model)
        check_formats(formats, run.info)
        try:
            splits = own_data(run) if data is None else data_like(run, data, "test", arguments)[0]
        except ZooError as error:
            error.add_note("An export is proved on real examples: of the run's own data, or of data= (--data).")
            raise
        return export_model(run.model, run.info, choose_examples(splits), directory, formats, run.card)
    if data is None:
        raise UsageError("A keras.Model needs data, to know what it takes and to prove it. Received: none. Give data=.")
    splits = load_data(data, **arguments)
    check_formats(formats, splits.info)
    check_fits(model, splits.info)
    return export_model(model, splits.info, choose_examples(splits), directory, formats, {"model": model.name})
