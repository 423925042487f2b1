"""CSV files in Kaggle's form: train, test and a sample submission."""

from pathlib import Path

from pipelines.readers import Reader
from pipelines.values import raw as tables
from pipelines.values.raw import RawTables


class Csv(Reader):
    """Encodings, delimiters and quotes are found out, or stand in the competition file."""

    def read(self, raw: Path, scratch: Path) -> RawTables:
        return tables.read(self.competition, raw)
