"""The competitions that the practice server holds: those whose solution is known here, as their sites would show them."""

import io
import shutil
import threading
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from pipelines import platforms, readers
from pipelines.plumbing.atomic import file_hash, write_bytes, write_text
from pipelines.submitting import grading
from pipelines.submitting.grading import Grade
from pipelines.values import competition as competitions
from pipelines.values import raw, submission, submission_file
from pipelines.values.competition import Competition

PREFIX = (
    "practice-"  # else `pilsa competition add` would meet the competition that is there already
)
_SHOWN_ROWS = 5  # of the test rows of a competition for notebooks
_FIRST_NUMBER = 236_001
_SAME_DATE = (2026, 1, 1, 0, 0, 0)  # the same files are the same zip, and so have one ETag
# Kaggle's words for metrics.
METRICS = {
    "accuracy": "Categorization Accuracy",
    "f1_macro": "Macro F-Score",
    "f1_binary": "F-Score",
    "log_loss": "Multiclass Loss",
    "roc_auc": "Area Under Receiver Operating Characteristic Curve",
    "qwk": "Quadratic Weighted Kappa",
    "rmse": "Root Mean Squared Error",
    "rmsle": "Root Mean Squared Logarithmic Error",
    "mae": "Mean Absolute Error",
    "r2": "R2 Score",
}


@dataclass(frozen=True)
class Rules:
    """What a submission is judged with.

    Attributes:
        sample: ids and columns that are asked for.
        classes: as in training; empty for values.
        solution: `id`, `target` and `usage`.
    """

    sample: pd.DataFrame
    classes: tuple[str, ...]
    solution: pd.DataFrame


class Held:
    """One competition of the practice server; its files are made when they are first asked for.

    Attributes:
        slug: its name there.
        number: Dacon's `cpt_id`.
        by_notebook: whether only notebooks are taken: then participants see the first test rows alone, and a
            submitted notebook runs again with all of them.
        folder: where its files lie.
    """

    def __init__(
        self, competition: Competition, number: int, folder: Path, by_notebook: bool = False
    ) -> None:
        self.competition, self.number, self.by_notebook = competition, number, by_notebook
        self.slug = PREFIX + competition.name + ("-code" if by_notebook else "")
        self.folder = folder / self.slug
        self._making = threading.Lock()

    @property
    def metric(self) -> str:
        return METRICS[self.competition.metric]

    @property
    def whole(self) -> Path:
        """The folder with all test rows."""
        return self.folder / ("hidden" if self.by_notebook else "raw")

    @cached_property
    def files(self) -> dict[str, Path]:
        """Name → path of every file that a participant gets."""
        given = self.folder / "raw"
        with self._making:
            if not given.is_dir():
                made = self.folder / "making"
                made.mkdir(parents=True, exist_ok=True)
                platforms.of(self.competition).download(made)
                if self.by_notebook:
                    shutil.copytree(made, self.whole, dirs_exist_ok=True)
                    self._shorten(made)
                made.replace(given)
        found = sorted(path for path in given.rglob("*") if path.is_file())
        return {path.relative_to(given).as_posix(): path for path in found}

    def _shorten(self, folder: Path) -> None:
        """Keep the first test rows alone, in the test file and in the sample."""
        files = self.competition.files
        for name in [*files.test_files, *([files.sample] if files.sample else [])]:
            lines = (folder / name).read_text(encoding="utf-8").splitlines(keepends=True)
            write_text(folder / name, "".join(lines[: 1 + _SHOWN_ROWS]))

    @cached_property
    def archive(self) -> Path:
        """All files in one zip."""
        files, archive = self.files, self.folder / f"{self.slug}.zip"
        with self._making:
            if not archive.is_file():
                write_bytes(archive, zipped(files))
        return archive

    @cached_property
    def etag(self) -> str:
        return file_hash(self.archive)

    @cached_property
    def rules(self) -> Rules:
        files, solution = self.files, platforms.of(self.competition).solution()
        assert solution is not None  # `held` takes no other
        scratch = self.folder / "scratch"
        with self._making:
            scratch.mkdir(exist_ok=True)
            tables = readers.of(self.competition).read(self.whole, scratch)
            dataset, _ = raw.build(self.competition, tables)
        assert files
        return Rules(tables.sample, dataset.classes, solution)

    def grade(self, path: Path) -> Grade:
        """Judge a submission.

        Raises:
            PilsaError: its form is wrong, or the metric is not defined for it.
        """
        rules, competition = self.rules, self.competition
        read = submission_file.read(path, competition, rules.sample)
        frame = submission.in_form(competition, read, rules.sample, rules.classes)
        return grading.grade(competition, frame, rules.solution, rules.classes)


def zipped(files: dict[str, Path]) -> bytes:
    """The same files give the same bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files.items():
            archive.writestr(
                zipfile.ZipInfo(name, _SAME_DATE), path.read_bytes(), zipfile.ZIP_DEFLATED
            )
    return content.getvalue()


def held(folder: Path) -> dict[str, Held]:
    """Slug → competition, of all in `competitions/` that the platform `bundled` grades here.

    Args:
        folder: where their files are kept.
    """
    every = [competitions.load(name) for name in competitions.names()]
    ours = [one for one in every if one.source["platform"] == "bundled"]
    made = [Held(one, _FIRST_NUMBER + place, folder) for place, one in enumerate(ours)]
    tables = [one for one in made if one.competition.files.format == "csv"]
    made += [
        Held(one.competition, one.number + len(ours), folder, by_notebook=True) for one in tables
    ]
    return {one.slug: one for one in made}
