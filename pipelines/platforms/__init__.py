"""Platforms: where competitions live. One file each; all give the same files in Kaggle's form."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from pipelines.plumbing import registry
from pipelines.plumbing.schema import Strict, validate
from pipelines.values.competition import Competition
from pipelines.values.seeds import derive

if TYPE_CHECKING:
    from pipelines.platforms._remote import Remote


class Source(Strict):
    """What `source:` of a competition file must hold; each platform adds its own keys.

    Attributes:
        platform: a file of `pipelines/platforms/`.
    """

    platform: str


class Platform(ABC):
    """Fetches a competition's files and, where it may, knows the solution.

    Attributes:
        Source: the schema of `source:` for this platform.
        given_away: folders of installed packages, below site-packages, that hold the solution too: no kernel
            of such a competition may see them.
    """

    Source: ClassVar[type[Source]] = Source
    given_away: ClassVar[tuple[str, ...]] = ()

    def __init__(self, competition: Competition, source: Any) -> None:
        self.competition, self.source = competition, source

    @abstractmethod
    def download(self, into: Path) -> None:
        """Write the competition's files into the existing folder `into`.

        Raises:
            UserError: no network, a hash that differs, a disk that is full; nothing half-written stays.
        """

    def leaderboard(self) -> pd.DataFrame | None:
        """Columns `team` and `score`: everybody's best on the public part, as it stands now; None where none is given.

        Raises:
            UserError: the platform cannot be reached, or does not give it.
        """
        return None

    def check_present(self) -> None:  # noqa: B027 (where nothing must be fetched by hand, nothing can lack)
        """Check that `download` needs nobody's hands.

        Raises:
            UserError: a file that the platform gives to its members alone is not where they put it.
        """

    def solution(self) -> pd.DataFrame | None:
        """The hidden truth, where this platform grades locally; None where only its server knows.

        Returns:
            Columns `id` and `target` (text as in train.csv, or numbers), and `usage`, Public or Private.
            It is derived anew at each call and never written into `data/`, where a notebook could read it.
        """
        return None

    def remote(self) -> "Remote | None":
        """The platform's server, to which a submission is sent; None where grading is local."""
        return None

    def notebook_remote(self, reference: str, version: int, file: str) -> "Remote | None":
        """The same for a version of a notebook that lies there already; None where no notebooks are taken.

        Args:
            reference: owner/slug there.
            version: its number.
            file: the output that is graded.
        """
        return None


def of(competition: Competition) -> Platform:
    """The platform of a competition, its `source:` checked.

    Raises:
        UserError: the platform is unknown, or a key of `source:` is unknown or missing.
    """
    found = registry.load(Platform, str(competition.source["platform"]))
    where = f"competitions/{competition.name}.yaml: source"
    return found(competition, validate(found.Source, competition.source, where))


def draw_usage(target: np.ndarray, seed: int) -> np.ndarray:
    """Which half of the leaderboard each test row counts for.

    Rows of one class, or of neighbouring values, are paired, and a coin decides which of a pair is public:
    so both halves are as alike as chance alone would seldom make them.

    Args:
        target: text or numbers (n,), the truth of the test rows.
        seed: of the drawing.

    Returns:
        Text (n,), Public or Private; the two counts differ by at most 1.
    """
    generator = np.random.default_rng(derive(seed, "usage"))
    ranks = np.unique(target, return_inverse=True)[1]
    order = np.lexsort((generator.permutation(len(target)), ranks))
    coins = generator.integers(0, 2, (len(target) + 1) // 2)
    is_public = np.empty(len(target), dtype=bool)
    is_public[order] = np.stack([coins, 1 - coins], axis=1).ravel()[: len(target)] == 1
    return np.where(is_public, "Public", "Private")
