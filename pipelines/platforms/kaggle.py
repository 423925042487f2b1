"""Competitions of kaggle.com: files come as one zip by the real client, submissions go the same way.

A download that was cut goes on where it stopped, also in a later call. What came is a whole zip with the sizes that
Kaggle lists before it takes its place, and has the hashes of the competition file before `raw/` is filled.
"""

import re
import shutil
import tempfile
import zipfile
import zlib
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import AfterValidator, Field

from pipelines import platforms
from pipelines.platforms import _kaggle_calls as calls
from pipelines.platforms._kaggle_calls import Details, KaggleError
from pipelines.platforms._remote import Allowance, Listed, Refused, Remote, UnknownOutcome
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import disk_errors, file_hash
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.printing import say
from pipelines.plumbing.process import exclusive
from pipelines.plumbing.schema import Strict
from pipelines.values import unzip

# Kaggle's words for metrics, loosely → ours; the first that fits counts.
_METRICS = (
    (r"squared log|rmsle", "rmsle"),
    (r"root mean squared? error|rmse", "rmse"),
    (r"mean absolute error|\bmae\b", "mae"),
    (r"quadratic|kappa", "qwk"),
    (r"\bauc\b|area under|\broc\b", "roc_auc"),
    (r"log ?loss|multiclass loss|cross.?entropy", "log_loss"),
    (r"macro.*\bf|\bf.*macro", "f1_macro"),
    (r"\bf-?1\b|\bf.?score", "f1_binary"),
    (r"\br2\b|\br.?squared|determination", "r2"),
    (r"accuracy", "accuracy"),
)
_SHOWN = 3


def _inside(name: str) -> str:
    if not name or name.startswith("/") or ".." in name.split("/") or "\\" in name:
        raise ValueError("must be a path below the competition's own folder")
    return name


class KaggleFile(Strict):
    """What one file must be.

    Attributes:
        bytes: its size.
        sha256: 64 hex digits.
    """

    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class KaggleSource(platforms.Source):
    """What is fetched.

    Attributes:
        slug: the competition's name in its address on Kaggle.
        deadline: when it ends; `pilsa competition add` writes down what Kaggle says.
        files: name → size and hash; a file that is not listed may be any.
    """

    slug: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    deadline: datetime | None = None
    files: dict[Annotated[str, AfterValidator(_inside)], KaggleFile] = {}


class Kaggle(platforms.Platform):
    """Fetches what a signed-in member who accepted the rules may have, and hands submissions in."""

    Source = KaggleSource

    def download(self, into: Path) -> None:
        archive = _place(self.source.slug)
        if not archive.is_file():
            fetch(calls.details(self.source.slug))
        try:
            unzip.extract(archive, into)
            self._check(into)
        except UserError:
            archive.unlink(missing_ok=True)  # the next call fetches it anew
            raise

    def _check(self, folder: Path) -> None:
        """Every file that the competition file lists is there and has its hash."""
        where = f"competitions/{self.competition.name}.yaml"
        for name, wanted in self.source.files.items():
            path = folder / name
            found = (path.stat().st_size, file_hash(path)) if path.is_file() else None
            if found != (wanted.bytes, wanted.sha256):
                what = (
                    "is not among its files"
                    if found is None
                    else f"has {found[0]} bytes and sha256 {found[1]}"
                )
                raise UserError(
                    f"{name} of {self.source.slug} must have {wanted.bytes} bytes and sha256 {wanted.sha256}, and "
                    f"{what}: try again; if it stays so, Kaggle gives other data now: write the new ones into {where}"
                )

    def remote(self) -> Remote:
        return KaggleRemote(self.source.slug, self.source.deadline)

    def notebook_remote(self, reference: str, version: int, file: str) -> Remote:
        return KaggleNotebookRemote(self.source.slug, reference, version, file)

    def leaderboard(self) -> pd.DataFrame:
        slug = self.source.slug
        with tempfile.TemporaryDirectory(prefix="pilsa-kaggle-") as folder:
            came = Path(folder)
            calls.ask("leaderboard", slug, folder=folder)
            tables = unzip.extract(came / f"{slug}.zip", came / "out")
            if len(tables) != 1:
                raise UserError(
                    f"Kaggle's leaderboard must be one table, found {len(tables)} files: try again"
                )
            read = pd.read_csv(came / "out" / tables[0])
        # Its columns may change: only these two are asked for, however they are written.
        columns = {re.sub(r"\W|_", "", name).lower(): name for name in read.columns}
        if not {"teamname", "score"} <= set(columns):
            raise UserError(
                f"Kaggle's leaderboard must have the columns TeamName and Score, found {list(read.columns)}"
            )
        named = read[[columns["teamname"], columns["score"]]].set_axis(["team", "score"], axis=1)
        return named.astype({"team": str, "score": float}).dropna().reset_index(drop=True)


class KaggleRemote(Remote):
    """A competition's submissions at Kaggle, those of the team that is signed in."""

    def __init__(self, slug: str, deadline: datetime | None = None) -> None:
        self.slug, self.deadline = slug, deadline

    def upload(self, path: Path, name: str, message: str) -> str | None:
        with tempfile.TemporaryDirectory(prefix="pilsa-kaggle-") as folder:
            # The client tells Kaggle the name that the file has.
            named = Path(folder) / Path(name).name
            shutil.copyfile(path, named)
            try:
                done = calls.ask_once("submit", self.slug, named, file=str(named), message=message)
            except KaggleError as error:
                raise _outcome(self.slug, error) from None
        if not done["uploaded"]:
            raise Refused(
                f"Kaggle must take the whole file {name} and did not; no submission was made: try again"
            )
        return str(done["ref"]) if done.get("ref") else None

    def submissions(self) -> list[Listed]:
        return [_listed(row) for row in calls.ask("submissions", self.slug)]

    def allowance(self) -> Allowance:
        found = calls.ask("limits", self.slug)
        today, left = int(found.get("numToday", 0)), int(found.get("numAllowedNow", 0))
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        resets = tomorrow.replace(hour=0, minute=0, second=0, microsecond=0)
        if not (today or left or found.get("numTotal")):  # as for somebody who is in no team yet
            return Allowance(calls.details(self.slug).daily_limit, None, resets)
        per_day = None if found.get("limitedByTotal") else today + left
        return Allowance(per_day, left, resets)


class KaggleNotebookRemote(KaggleRemote):
    """The same for a code competition: a version of a notebook is handed in, and no file is uploaded.

    Args:
        slug: the competition.
        reference: owner/slug of the notebook.
        version: the number of a version that has run.
        file: what it wrote for the public test, and what is graded after the rerun.
    """

    def __init__(self, slug: str, reference: str, version: int, file: str) -> None:
        super().__init__(slug)
        self.reference, self.version, self.file = reference, version, file

    def upload(self, path: Path, name: str, message: str) -> str | None:
        try:
            done = calls.ask_once(
                "submit_notebook", self.slug, notebook=self.reference, version=self.version, file=self.file,
                message=message,
            )  # fmt: skip
        except KaggleError as error:
            raise _outcome(self.slug, error) from None
        return str(done["ref"]) if done.get("ref") else None


def _outcome(slug: str, error: KaggleError) -> UserError:
    """Whether a failed upload has spent something: only a clear no before the last step says that it has not."""
    is_no = (
        error.status is not None
        and 400 <= error.status < 500
        and error.status != HTTPStatus.REQUEST_TIMEOUT
    )
    if is_no or error.operation in ("IntrospectToken", "StartSubmissionUpload"):
        return Refused(str(error))
    return UnknownOutcome(
        f"Kaggle must confirm a submission and did not ({error}): it may be there all the same, see "
        f"{calls.page(slug)}/submissions"
    )


def _listed(row: dict[str, Any]) -> Listed:
    public, private = (_score(row.get(key)) for key in ("publicScore", "privateScore"))
    return Listed(
        str(row["ref"]), row.get("fileName") or "", row.get("description") or "", calls.moment(row["date"]),
        row.get("status") or "PENDING", public, private, row.get("errorDescription") or "",
    )  # fmt: skip


def _score(text: str | None) -> float | None:
    """Kaggle tells scores as text, and none as an empty one."""
    try:
        return float(text or "")
    except ValueError:
        return None


def metric_of(words: str) -> str | None:
    """Our name for a metric in Kaggle's words; None where none of ours is meant."""
    return next((ours for pattern, ours in _METRICS if re.search(pattern, words, re.I)), None)


def fetch(found: Details) -> Path:
    """Download all files of a competition as one zip, or take the one that is here.

    Args:
        found: what `details` said of it.

    Raises:
        UserError: the rules were not accepted, Kaggle refuses or is out of reach, or what came is no whole zip of the
            sizes that Kaggle lists. What came of a cut download stays for the next call.
    """
    place = _place(found.slug)
    with disk_errors(place), exclusive(place.with_suffix(".lock"), f"downloading {found.slug}"):
        if place.is_file():  # another process was at it
            return place
        if not found.joined:
            raise UserError(
                f"Kaggle gives the files of {found.slug} to those who accepted its rules, and you have not: open "
                f"{found.url}/rules in a browser and accept them; nobody else can"
            )
        sizes = {
            row["name"]: int(row.get("totalBytes", 0)) for row in calls.ask("files", found.slug)
        }
        incoming = place.with_name("incoming")
        incoming.mkdir(exist_ok=True)
        say(f"{found.slug}: {sum(sizes.values()):,} bytes in {len(sizes)} files", is_error=True)
        calls.ask("download", found.slug, incoming, folder=str(incoming))
        came = incoming / f"{found.slug}.zip"
        if not came.is_file():
            raise UserError(f"Kaggle must give the files of {found.slug}, and none came: try again")
        _check_whole(came, sizes)
        came.replace(place)
        return place


def _place(slug: str) -> Path:
    return paths.downloads() / slug / f"{slug}.zip"


def _check_whole(came: Path, sizes: dict[str, int]) -> None:
    """Refuse, and remove, what is no zip or holds other sizes than were listed."""
    try:
        with zipfile.ZipFile(came) as archive:
            broken = archive.testzip()
            found = {entry.filename: entry.file_size for entry in archive.infolist()}
        wrong = [name for name, size in sizes.items() if found.get(name, size) != size]
        problem = (
            f"{broken} in it is damaged"
            if broken
            else f"{wrong[:_SHOWN]} differ in it"
            if wrong
            else ""
        )
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        with came.open("rb") as file:
            problem = f"it is none ({error}; it begins with {file.read(20)!r})"
    if problem:
        came.unlink()
        raise UserError(
            f"Kaggle must give a whole zip with the files and sizes that it lists, and {problem}: it was removed, try "
            "again"
        )
