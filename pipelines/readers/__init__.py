"""Readers: how the files of a competition become tables or pictures. `files.format` names one, a file of this folder."""

from abc import ABC, abstractmethod
from pathlib import Path

from pipelines.plumbing import registry
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


def of(competition: Competition) -> Reader:
    """The reader that a competition names.

    Raises:
        UserError: there is no such file in pipelines/readers/.
    """
    return registry.load(Reader, competition.files.format)(competition)
