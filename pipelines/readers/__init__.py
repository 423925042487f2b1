"""Readers: how the files of a competition become tables or pictures. `files.format` names one, a file of this folder."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

import pandas as pd

from pipelines.plumbing import registry
from pipelines.values import raw as tables
from pipelines.values.competition import Competition
from pipelines.values.raw import RawTables


class Reader(ABC):
    """Reads one form of files."""

    def __init__(self, competition: Competition) -> None:
        self.competition = competition

    @abstractmethod
    def read(self, raw: Path, scratch: Path) -> RawTables:
        """Read the files of a competition.

        Args:
            raw: the folder that holds them.
            scratch: an empty folder for what is too large for memory; it must stay until the dataset is saved.

        Raises:
            UserError: a file is missing, damaged, or not as the competition file says.
        """


class TableReader(Reader):
    """Reads files that hold one table each; what is called .csv among them is read as a CSV.

    Attributes:
        endings: of such files, by which `pilsa competition add` knows them.
    """

    endings: ClassVar[tuple[str, ...]]

    @staticmethod
    @abstractmethod
    def table(path: Path) -> pd.DataFrame:
        """One file with the types that it has; an error of the library is told by whoever calls."""

    @staticmethod
    @abstractmethod
    def write(table: pd.DataFrame, path: Path) -> None:
        """Write a table as `table` reads it: a kernel's view shows the same form."""

    def read(self, raw: Path, scratch: Path) -> RawTables:
        return tables.read(self.competition, raw, self.table)


def of_tables() -> dict[str, type[TableReader]]:
    """Those of them that read tables, by name."""
    found = {name: registry.load(Reader, name) for name in registry.names("readers")}
    return {name: kind for name, kind in found.items() if issubclass(kind, TableReader)}


def of(competition: Competition) -> Reader:
    """The reader that a competition names.

    Raises:
        UserError: there is no such file in pipelines/readers/.
    """
    return registry.load(Reader, competition.files.format)(competition)
