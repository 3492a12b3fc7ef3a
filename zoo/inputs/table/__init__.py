"""Tables as a kind of input."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from zoo.errors import DataError
from zoo.inputs.kind import InputKind, register_input

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from zoo.inputs.table.preprocessor import TablePreprocessor
    from zoo.settings import DataArguments


class TableKind(InputKind):
    """Tables of named columns; readers deliver them as a DataFrame."""

    name = "table"
    prediction_hint = "--data rows.csv --out predictions.csv"

    def hashes(self, features: pd.DataFrame) -> np.ndarray:
        """Return a hash of each row.

        Raises:
            DataError: there is no column, or a cell contains neither a number nor text.
        """
        if not len(features.columns):
            raise DataError("A table needs a column to learn from. Received: only the label. Add a column.")
        import numpy as np
        import pandas as pd

        try:
            hashes: np.ndarray = pd.util.hash_pandas_object(features, index=False).to_numpy(np.uint64)
        except (TypeError, ValueError) as error:
            holds = {name: features[name].map(lambda cell: isinstance(cell, Hashable)).all() for name in features.columns}
            wrong = min(holds, key=lambda name: holds[name])  # the first column with lists or the like
            raise DataError(
                f"A cell must be one number or text. Received: column {wrong!r} with {type(features[wrong].iloc[0]).__name__}"
                f" in its cells ({error}). Split it into columns, or ignore it with data.ignore_columns."
            ) from error
        return hashes

    def join(self, first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of two tables."""
        import pandas as pd

        return pd.concat([first, second], ignore_index=True)

    def fit(
        self, features: pd.DataFrame, rows: np.ndarray, shape: tuple[int, ...] | None, arguments: DataArguments
    ) -> TablePreprocessor:
        """Learn the columns of the training rows."""
        from zoo.inputs.table.preprocessor import TablePreprocessor

        return TablePreprocessor.fit(features.iloc[rows])

    def load(self, plain: Mapping[str, Any] | None, shape: tuple[int | None, ...]) -> TablePreprocessor:
        """Restore a preprocessor from stored data."""
        from zoo.inputs.table.preprocessor import TablePreprocessor

        preprocessor = TablePreprocessor.from_dict(plain or {"columns": ()})
        if preprocessor.input_shape != tuple(shape):
            raise ValueError("the columns do not match the number of features")
        return preprocessor

    def fits(self, arguments: Mapping[str, Any]) -> bool:
        """Return whether factory arguments are those of a model for tables."""
        return len(arguments.get("input_shape", (0, 0, 0))) != 3


TABLE = register_input(TableKind())
