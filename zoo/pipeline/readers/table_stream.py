"""CSV, TSV and Parquet files read in chunks, for a model that knows its columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import compute, csv, parquet

from zoo.errors import DataError
from zoo.pipeline.readers.tables import check_is_text, parse_options, plain, read_errors
from zoo.pipeline.tables import TablePreprocessor, as_table

CHUNK = 16_384  # rows of Parquet
BLOCK_BYTES = 2**20  # of CSV
TIMES = (pa.timestamp("s"), pa.timestamp("ns"), pa.timestamp("s", "UTC"), pa.timestamp("ns", "UTC"))  # ns ends in 2262
AS_NUMBERS = (pa.int64(), pa.float64(), pa.bool_(), *TIMES)


def stream_table(path: Path, columns: TablePreprocessor) -> Iterator[tuple[pd.DataFrame, float]]:
    """Yield the rows of a table in chunks, each with the share of the file that is read then.

    A CSV file's types are not guessed from a chunk, whose cells may all be empty or look like numbers: categories stay the
    text that they are, and a number is read as one, as true or false, or as a time.

    Args:
        path: of a CSV, TSV or Parquet file; empty cells and NA are missing values.
        columns: of the model; numbers keep their place in the file as the index.

    Raises:
        DataError: the file is empty, has rows of different lengths, or is not of its suffix's kind.
    """
    with read_errors(path):
        batches = _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path)
        kinds = {column.name: column.kind for column in columns.columns}
        start = 0
        for batch, share in batches:
            if not batch.num_rows:
                continue
            table = as_table(plain(_with_numbers(pa.Table.from_batches([batch]), kinds)).to_pandas(date_as_object=False))
            table.index = pd.RangeIndex(start, start + len(table))
            start += len(table)
            yield table, share
    if not start:
        raise DataError(f"The table is empty. Received: {path} without rows. Add rows below the header.")


def _parquet(path: Path) -> Iterator[tuple[pa.RecordBatch, float]]:
    file = parquet.ParquetFile(path)
    read = 0
    for batch in file.iter_batches(CHUNK):
        read += batch.num_rows
        yield batch, read / max(file.metadata.num_rows, 1)


def _csv(path: Path) -> Iterator[tuple[pa.RecordBatch, float]]:
    check_is_text(path)
    with path.open("rb") as file:
        names = csv.open_csv(file, parse_options=parse_options(path)).schema.names
    size = path.stat().st_size
    with path.open("rb") as file:
        reader = csv.open_csv(
            file,
            read_options=csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
            parse_options=parse_options(path),
            convert_options=csv.ConvertOptions(strings_can_be_null=True, column_types=dict.fromkeys(names, pa.string())),
        )
        for batch in reader:
            yield batch, file.tell() / size


def _with_numbers(table: pa.Table, kinds: Mapping[str, str]) -> pa.Table:
    for place, field in enumerate(table.schema):
        if kinds.get(field.name) == "number" and pa.types.is_string(field.type):
            table = table.set_column(place, field.name, _numbers(table.column(place)))
    return table


def _numbers(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    trimmed = compute.utf8_trim_whitespace(texts)
    for kind in AS_NUMBERS:
        try:
            return trimmed.cast(kind)
        except pa.ArrowInvalid:
            continue
    return texts  # what it is instead is said where it becomes a feature
