"""Runs that several tests read but do not change."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import zoo


@pytest.fixture(scope="package")
def image_run(tmp_path_factory: pytest.TempPathFactory) -> zoo.Run:
    return zoo.train("linear", data="digits", epochs=3, out=tmp_path_factory.mktemp("runs") / "image", verbose=0)


@pytest.fixture(scope="package")
def table() -> pd.DataFrame:
    number = np.arange(60)
    colour = np.where(number % 3, "红", "blue")
    return pd.DataFrame({"width": number / 10, "colour": colour, "label": np.where(number < 30, "小", "large")})


@pytest.fixture(scope="package")
def table_run(tmp_path_factory: pytest.TempPathFactory, table: pd.DataFrame) -> zoo.Run:
    return zoo.train("linear", data=table, epochs=3, out=tmp_path_factory.mktemp("runs") / "table", verbose=0)


@pytest.fixture(scope="package")
def value_run(tmp_path_factory: pytest.TempPathFactory) -> zoo.Run:
    return zoo.train("linear", data="diabetes", epochs=2, out=tmp_path_factory.mktemp("runs") / "values", verbose=0)
