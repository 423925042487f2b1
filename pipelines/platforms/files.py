"""Competitions whose files lie under plain addresses: fetched once, checked by hash, kept for the next time.

A folder of one's own comes before the network: `$PILSA_DATA_DIR/<mirror>/<name>`, then what `pilsa competition add`
has kept. They are the only places for a file without an address, which a member downloads by hand.
"""

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ClassVar
from unicodedata import normalize

import pandas as pd
from pydantic import (
    BeforeValidator,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from pipelines import platforms
from pipelines.platforms import _solutions
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import disk_errors, file_hash, writing
from pipelines.plumbing.errors import UserError, did_you_mean
from pipelines.plumbing.schema import Name, Strict
from pipelines.values import raw, tables, typed_files
from pipelines.values.competition import Competition

DATA_DIR = "PILSA_DATA_DIR"
_RETRIES = 2
_TIMEOUT_SECONDS = 30
_CHUNK_BYTES = 1 << 16

_ADDRESS = r"^https?://[^/]+/"
_LETTER = r"[\p{L}\p{N}_()\[\]]"
# A name becomes a path, so it must not lead out of the folder. Dacon's are Korean at times, with spaces; a Mac
# takes Korean letters apart, so all are put together first.
FileName = Annotated[
    str,
    BeforeValidator(lambda name: normalize("NFC", name) if isinstance(name, str) else name),
    StringConstraints(pattern=rf"^{_LETTER}(?:(?:{_LETTER}|[ .,-])*{_LETTER})?$"),
]


def is_name(name: str) -> bool:
    """Whether a file of a competition may be called so."""
    try:
        TypeAdapter(FileName).validate_python(name)
    except ValidationError:
        return False
    return True


class RemoteFile(Strict):
    """Where one file lies and what its bytes must be.

    Attributes:
        url: http or https; none for a member's own file, or one that the platform gives to members alone.
        md5: 32 hex digits; must be given with a `url`. Without it the file may be any, and a new one is taken
            by `dvc repro -s -f download@COMPETITION` alone.
    """

    url: str | None = Field(default=None, pattern=_ADDRESS)
    md5: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$")

    @model_validator(mode="before")
    @classmethod
    def _may_be_a_bare_name(cls, content: Any) -> Any:
        return {} if content is None else content

    @model_validator(mode="after")
    def _what_is_fetched_is_checked(self) -> "RemoteFile":
        if self.url is not None and self.md5 is None:
            raise ValueError("a file with a url must have the md5 of its bytes, found none")
        return self


class FilesSource(platforms.Source):
    """What is fetched.

    Attributes:
        mirror: the folder below $PILSA_DATA_DIR that may hold the same files.
        files: name → address and hash.
        page: where a member downloads the files that have no `url`; none for files of one's own.
        solution: the one of `files` that holds the labels of test, in idx form or in a CSV with the ids; it never
            reaches `raw/`. A test file that has them may be it: it gets there without the column of the target.
        seed: of the drawing of the public half.
    """

    mirror: Name | None = None
    page: str | None = Field(default=None, pattern=_ADDRESS)
    files: dict[FileName, RemoteFile] = Field(min_length=1)
    solution: FileName | None = None
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _solution_is_a_file(self) -> "FilesSource":
        if self.solution is not None and self.solution not in self.files:
            near = did_you_mean(self.solution, self.files)
            raise ValueError(f"solution must be one of `files`, found {self.solution!r}{near}")
        return self

    @model_validator(mode="after")
    def _every_file_can_be_had(self) -> "FilesSource":
        lacking = [name for name, file in self.files.items() if file.url is None]
        if lacking and not self.mirror:
            raise ValueError(
                f"a file must have a url, or the source a `mirror:` to find it in, found neither for {lacking[0]!r}"
            )
        return self


class Files(platforms.Platform):
    """Fetches named files; where one of them holds the test labels, grades locally."""

    Source: ClassVar[type[platforms.Source]] = FilesSource

    def __init__(self, competition: Competition, source: Any) -> None:
        """Check that what the competition reads is fetched, and that the solution is not read.

        Raises:
            UserError: a file of `files:` is not among `source.files`, or is the solution.
        """
        super().__init__(competition, source)
        files = competition.files
        where = f"competitions/{competition.name}.yaml"
        pictures = competition.pictures
        of_pictures = [pictures.train, pictures.test] if pictures else []
        tables = [*files.train_files, *files.test_files, *([files.sample] * bool(files.sample))]
        for name in [*tables, *of_pictures]:
            if name not in source.files:
                raise UserError(
                    f"{where}: every name under `files:` and `pictures:` must be among `source.files`, found "
                    f"{name!r}{did_you_mean(str(name), source.files)}"
                )
            is_cut = name in files.test_files and files.format == "csv"
            if name == source.solution and not is_cut:
                raise UserError(
                    f"{where}: the solution must stay hidden, and {name!r} is also under `files:`: "
                    "remove it from one of the two, or write a test that holds its labels as CSV, out of which they are cut"
                )

    def download(self, into: Path) -> None:
        self.check_present()
        for name in self.source.files:
            if name != self.source.solution:
                self._place(self._fetch(name), into / name)
            elif name in self.competition.files.test_files:
                _solutions.cut_out(self.competition, self._fetch(name), into / name)

    def check_present(self) -> None:
        """Name every file that must be downloaded by hand and is not in the mirror, all at once."""
        lacking = [
            name
            for name, file in self.source.files.items()
            if file.url is None and self._in_mirror(name) is None
        ]
        if not lacking:
            return
        folder = os.environ.get(DATA_DIR)
        where = str(Path(folder).expanduser()) if folder else f"${DATA_DIR}"
        first = "" if folder else f"set {DATA_DIR} to a folder for such files, "
        names, folder = ", ".join(lacking), f"{where}/{self.source.mirror}"
        fetch = f"download {names} from {self.source.page} and " if self.source.page else ""
        # Zips of pictures are mostly made by `add`: no page has them.
        given = f", or give what the page hands out to `pilsa competition add {self.competition.name} --from`"
        raise UserError(
            f"{names} of {self.competition.name} must lie in {folder}, since no address is known that gives it to "
            f"everybody, and nothing was found there: {first}{fetch}put {names} into {folder}"
            f"{given if self.competition.pictures else ''}"
        )

    def solution(self) -> pd.DataFrame | None:
        if self.source.solution is None:
            return None
        known = _solutions.read(self.competition, self._fetch(self.source.solution), self._sample())
        usage = platforms.draw_usage(known["target"].to_numpy(), self.source.seed)
        return known.assign(usage=usage)

    def _sample(self) -> pd.DataFrame | None:
        """The sample submission, where it is a CSV."""
        name = self.competition.files.sample
        path = self._fetch(name) if name else None
        if path is None or not typed_files.is_csv(path):
            return None
        return tables.read_csv(path, "all", raw.form_of(self.competition, path))

    def _fetch(self, name: str) -> Path:
        """The path of a checked file: in the mirror, or among the downloads that are kept."""
        return self._in_mirror(name) or self._from_network(name)

    def _mirror_path(self, name: str) -> Path | None:
        folder = os.environ.get(DATA_DIR)
        if not folder or self.source.mirror is None:
            return None
        mirror = Path(folder).expanduser() / self.source.mirror
        found = mirror.iterdir() if mirror.is_dir() else ()
        return next((path for path in found if normalize("NFC", path.name) == name), mirror / name)

    def _in_mirror(self, name: str) -> Path | None:
        given = paths.added(self.competition.name) / name
        path = self._mirror_path(name)
        path = path if path is not None and path.is_file() else given
        return self._checked(path, name) if path.is_file() else None

    def _checked(self, path: Path, name: str) -> Path:
        expected = self.source.files[name].md5
        if expected and (found := file_hash(path, "md5")) != expected:
            raise UserError(
                f"{path} must have the md5 {expected}, found {found}: {self._original_of(name)}"
            )
        return path

    def _original_of(self, name: str) -> str:
        """What to do about a file in the mirror that is not the one that was meant."""
        if self.source.files[name].url is not None:
            return f"put the original file there, remove it, or unset {DATA_DIR} to download it"
        again = (
            f"download {name} again from {self.source.page}" if self.source.page else "put it back"
        )
        return f"{again}; if another file is meant now, write its md5 into competitions/{self.competition.name}.yaml"

    def _from_network(self, name: str) -> Path:
        import pooch

        folder = paths.downloads() / self.competition.name
        wanted = self.source.files[name]
        shelf = pooch.create(
            folder, base_url="", urls={name: wanted.url}, registry={name: f"md5:{wanted.md5}"},
            retry_if_failed=_RETRIES,
        )  # fmt: skip
        downloader = pooch.HTTPDownloader(
            progressbar=sys.stderr.isatty(), chunk_size=_CHUNK_BYTES, timeout=_TIMEOUT_SECONDS
        )
        with disk_errors(folder / name), self._network_errors(name):
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK):  # pooch's own refusal carries no error number
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return Path(shelf.fetch(name, downloader=downloader))

    @contextmanager
    def _network_errors(self, name: str) -> Iterator[None]:
        """Turn what may go wrong on the way into a UserError that says what to do."""
        import requests

        try:
            yield
        except (requests.RequestException, ValueError) as error:
            raise UserError(f"{self._problem(name, error)}{self._other_way(name)}") from None

    def _problem(self, name: str, error: Exception) -> str:
        import requests

        wanted, where = self.source.files[name], f"competitions/{self.competition.name}.yaml"
        match error:
            case requests.HTTPError():
                answer = str(error).split(" for url")[0]
                return (
                    f"{wanted.url} must hold {name} and answers {answer}: try again later, or correct "
                    f"its url in {where}"
                )
            case requests.Timeout():
                return (
                    f"{wanted.url} must answer within {_TIMEOUT_SECONDS} s and did not: try again"
                )
            case requests.RequestException():
                return (
                    f"{wanted.url} must be reachable and is not ({_reason(error)}): check the network "
                    "and try again"
                )
        # A ValueError is pooch's word for another hash; it has deleted what came.
        found = str(error).split(". ", maxsplit=1)[0]
        return (
            f"{name} from {wanted.url} must have the md5 {wanted.md5} and has not ({found}): try again; "
            f"if it stays so, the file has changed: check its md5 in {where}"
        )

    def _other_way(self, name: str) -> str:
        if self.source.mirror is None:
            return ""
        path = self._mirror_path(name)
        if path is not None:
            return f"; or put the file into {path.parent}"
        return f"; or set {DATA_DIR} to a folder that holds {self.source.mirror}/{name}"

    def _place(self, source: Path, target: Path) -> None:
        """Let `target` hold the bytes of `source`: as a second name of a download, else as a copy."""
        with writing(target) as temporary:
            if source.is_relative_to(paths.downloads()):
                temporary.unlink()
                try:
                    os.link(source, temporary)
                    return
                except OSError:  # another disk, or a file system without hard links
                    pass
            # A mirror belongs to somebody else: a second name would let changes of one reach the other.
            shutil.copyfile(source, temporary)


def _reason(error: Exception) -> str:
    """The innermost cause in a few words; requests wraps it three times."""
    while isinstance(inner := error.args[0] if error.args else None, Exception):
        error = inner
    reason = getattr(error, "reason", None)
    return str(reason or error)
