"""Parquet files: columns with types of their own."""

from pathlib import Path

import pandas as pd

from pipelines.readers import TableReader


class Parquet(TableReader):
    """One file per table; the sample submission may be a CSV."""

    endings = (".parquet", ".pq")

    @staticmethod
    def table(path: Path) -> pd.DataFrame:
        return pd.read_parquet(path)

    @staticmethod
    def write(table: pd.DataFrame, path: Path) -> None:
        table.to_parquet(path, index=False)
