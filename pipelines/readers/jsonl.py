"""JSON lines: an object per row."""

from pathlib import Path

import pandas as pd

from pipelines.readers import TableReader


class JsonLines(TableReader):
    """One file per table; the sample submission may be a CSV."""

    endings = (".jsonl", ".ndjson")

    @staticmethod
    def table(path: Path) -> pd.DataFrame:
        # "007" stays text.
        return pd.read_json(path, lines=True, dtype=False, encoding="utf-8")

    @staticmethod
    def write(table: pd.DataFrame, path: Path) -> None:
        table.to_json(path, orient="records", lines=True, force_ascii=False)
