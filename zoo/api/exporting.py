"""`zoo.export`: trained models written as files that run without zoo."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.api.old_keywords import explains_data_arguments
from zoo.artefacts.loading import data_like, load_splits, own_data
from zoo.errors import UsageError, ZooError
from zoo.settings import data_arguments as checked

if TYPE_CHECKING:
    import keras

    from zoo.artefacts.export import Export
    from zoo.artefacts.run import Run
    from zoo.keywords import DataKeywords


@explains_data_arguments
def export(
    model: Run | str | os.PathLike[str] | keras.Model,
    out: str | os.PathLike[str],
    *,
    format: str | Sequence[str] = "saved_model",  # noqa: A002 - as in `keras.Model.export`
    data: Any = None,
    data_arguments: DataKeywords | None = None,
) -> Export:
    """Export a trained model, and check that each format gives equal results on up to 1,000 real examples.

    - "saved_model": for TensorFlow and TensorFlow Serving, in `out/1`. The input is raw: strings as `text`; uint8 images of
      the model's size as `image`, or PNG and JPEG files as `image_bytes` of the signature "image_bytes"; a table's columns by
      name, or its features as `features` of the signature "features".
    - "litert": for phones and embedded devices, `out/model.tflite`; built-in operations only.
    - "onnx": for ONNX Runtime, `out/model.onnx`. This and "litert" take `image`, `features`, or `token_ids`; the tokenizer is
      in `out/assets`, and `zoo.load` uses it.
    - "keras": `out/model.keras`, for further training; loads after `import zoo`.

    The outputs are `labels`, `probabilities` and `logits`, or `values` for regression.

    Args:
        model: a run, its directory, a released model's name, or a trained `keras.Model`.
        out: the directory to create; TensorFlow Serving's base path.
        format: one format, or several for the same directory; default "saved_model".
        data: the source of the examples, as anything that `load_data` accepts; by default the run's own data. Required for a
            `keras.Model`, whose input it describes.
        data_arguments: arguments of `load_data` for `data`; default None.

    Raises:
        ArtefactError: `out` is not empty, or a format cannot represent the model or gives different results. Nothing is
            written.
        DataError: the data cannot be read, or do not fit the model.
        UsageError: a format is unknown, its package is missing, or a `keras.Model` is passed without data.
    """
    from zoo.artefacts.files import check_new_directory
    from zoo.artefacts.run import find_run
    from zoo.exporting.examples import choose_examples
    from zoo.exporting.export import check_formats, export_model
    from zoo.training.compile import check_fits

    formats = list(dict.fromkeys([format] if isinstance(format, str | None) else format))
    directory = Path(out)
    check_new_directory(directory)
    run = find_run(model)
    if run is not None:
        check_formats(formats, run.info)
        try:
            splits = own_data(run) if data is None else data_like(run, data, data_arguments)[0]
        except ZooError as error:
            error.add_note("An export is checked on real examples, from the run's own data or from data= (--data).")
            raise
        return export_model(run.model, run.info, choose_examples(splits), directory, formats, run.card)
    if data is None:
        raise UsageError("Exporting a keras.Model needs data that describe its input. Received: none. Pass data=.")
    own: Any = model
    splits = load_splits(data, checked(data_arguments or {}))
    check_fits(own, splits.info)
    return export_model(own, splits.info, choose_examples(splits), directory, formats, {"model": own.name})
