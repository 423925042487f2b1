"""Taking packed files apart, whoever made them: nothing lands outside of the folder, and no small file fills the disk."""

import gzip
import os
import shutil
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from unicodedata import category, normalize

from pipelines.plumbing.atomic import disk_errors, writing
from pipelines.plumbing.errors import UserError

_CHUNK = 1 << 20
_TIME = 315_532_800  # of every file that comes out: 1980, as in the zips of `pack`
_UTF8 = 0x800  # the flag of an entry whose name is UTF-8
LONGEST = (
    200  # bytes of a name: file systems take 255, and a file that is written bears a longer one
)
_LONGEST_PATH = 2000
_AGAIN = "download it again"
_UNTRUSTED = "do not use this file, or take out by hand what is wanted of it"


@dataclass(frozen=True)
class Limits:
    """How much may come out of what was given.

    Attributes:
        files: at most so many.
        bytes: of all of them together.
        ratio: bytes that come out for one that was given, beyond the first `free` bytes.
        free: bytes that may come out at any ratio.
    """

    files: int = 1_000_000
    bytes: int = 200 << 30
    ratio: int = 200
    free: int = 100 << 20


_LIMITS = Limits()


@dataclass
class Budget:
    """How many files and bytes may still come out, also of a zip in a zip: what one command takes apart shares it."""

    files: int
    bytes: int

    @classmethod
    def of(cls, given: int, limits: Limits = _LIMITS) -> "Budget":
        """What may come out of so many bytes."""
        return cls(limits.files, min(limits.bytes, limits.free + limits.ratio * given))

    def take(self, file: Path, files: int, out: int) -> None:
        """Take from it what comes out of a file.

        Raises:
            UserError: there is less left.
        """
        if files > self.files or out > self.bytes:
            raise UserError(
                f"{file.name} must give at most {self.files:,} files of {self.bytes:,} bytes together, which is left for "
                f"the size of what was given, found {files:,} files of {out:,} bytes or more: {_UNTRUSTED}"
            )
        self.files -= files
        self.bytes -= out


def check_gzip(file: Path, budget: Budget) -> None:
    """Take what comes out of a gzip file from the budget, read in pieces; a broken one is left to who reads it.

    Raises:
        UserError: more comes out than is left.
    """
    try:
        with gzip.open(file) as source:
            while chunk := source.read(_CHUNK):
                budget.take(file, 0, len(chunk))
    except (OSError, EOFError, zlib.error):
        return


def extract(file: Path, into: Path, budget: Budget | None = None) -> list[Path]:
    """Write every file of a zip below a folder; on an error the folder holds nothing new of use.

    Names that no UTF-8 flag marks are read as UTF-8, then as cp949 (Korean Windows).

    Args:
        file: the zip.
        into: the folder; made where it does not exist, and it must be empty.
        budget: from which files and bytes are taken; by default one for this file alone. What entries claim is
            checked against what comes.

    Returns:
        The paths of the files, relative to `into`, in the order of the zip.

    Raises:
        UserError: it is no zip, is damaged or needs a password, a name leads out of the folder or can be none, an
            entry is a link or a device, two entries have one name, or more comes out than `budget` allows.
    """
    try:
        with zipfile.ZipFile(file) as archive, disk_errors(into):
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            paths = [_path_of(file, entry) for entry in entries]
            _check(file, entries, paths)
            budget = budget or Budget.of(file.stat().st_size)
            budget.take(file, len(entries), sum(entry.file_size for entry in entries))
            into.mkdir(parents=True, exist_ok=True)
            if any(into.iterdir()):
                raise UserError(f"{into} must be empty before {file.name} is taken apart: clear it")
            for entry, path in zip(entries, paths, strict=True):
                _write(file, archive, entry, into / path)
    except FileNotFoundError:
        raise UserError(f"{file} must exist and was not found: {_AGAIN}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise UserError(
            f"{file} must be a whole zip file and is not ({error}; it begins with {_start(file)!r}): {_AGAIN}, signed "
            "in if the page asks for it"
        ) from None
    except (RuntimeError, NotImplementedError) as error:  # a password, or an unknown compression
        raise UserError(
            f"{file} must be a zip without a password in a common compression ({error}): take it apart by hand"
        ) from None
    return [Path(path) for path in paths]


def pack(named: Mapping[str, Path], into: Path) -> None:
    """Write files into a zip under the given names: the same ones give the same bytes.

    Nothing is compressed, since pictures are already.

    Raises:
        UserError: the disk is full or read-only.
    """
    with disk_errors(into), writing(into) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name in sorted(named, key=PurePosixPath):
            # Without a time of its own an entry bears that of 1980.
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.file_size = named[name].stat().st_size
            with named[name].open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target, _CHUNK)


def _path_of(file: Path, entry: zipfile.ZipInfo) -> PurePosixPath:
    name = _name(entry).replace("\\", "/")
    path = PurePosixPath(name)
    is_outside = not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]
    if is_outside or "\0" in entry.orig_filename or any(ord(letter) < 32 for letter in name):
        raise UserError(
            f"every name in {file.name} must lead into its own folder, found {name!r}: {_UNTRUSTED}"
        )
    if len(str(path).encode()) > _LONGEST_PATH or any(map(_is_no_name, path.parts)):
        raise UserError(
            f"every name in {file.name} must have letters that are seen and at most {LONGEST} bytes, with its folders "
            f"{_LONGEST_PATH:,}, found {name[:80]!r} of {len(name.encode()):,} bytes: {_UNTRUSTED}"
        )
    return path


def _is_no_name(part: str) -> bool:
    seen = [letter for letter in part if letter != "." and category(letter)[0] not in "CZ"]
    return (
        not seen or len(part.encode()) > LONGEST or any(category(letter) == "Cc" for letter in part)
    )


def _name(entry: zipfile.ZipInfo) -> str:
    if entry.flag_bits & _UTF8:
        return entry.filename
    given = entry.filename.encode("cp437", "replace")  # zipfile's own guess, undone
    for encoding in ("utf-8", "cp949"):
        try:
            return given.decode(encoding)
        except UnicodeDecodeError:
            continue
    return entry.filename


def _check(file: Path, entries: list[zipfile.ZipInfo], paths: list[PurePosixPath]) -> None:
    """What the table of contents already tells."""
    for entry, path in zip(entries, paths, strict=True):
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise UserError(
                f"{file.name} must hold plain files, and {path} is a link or a device: {_UNTRUSTED}"
            )
    seen = Counter(map(_alike, paths))
    folders = {_alike(folder) for path in paths for folder in path.parents}
    twice = [path for path in paths if seen[_alike(path)] > 1 or _alike(path) in folders]
    if twice:
        raise UserError(
            f"every file of {file.name} must have a name of its own, which no folder has either, found "
            f"{len(twice)} names twice, such as {str(twice[0])!r} (capital letters and how Unicode puts a letter "
            f"together do not count): {_UNTRUSTED}"
        )


def _alike(path: PurePosixPath) -> str:
    """One text for all names that some file system takes for the same."""
    return normalize("NFC", normalize("NFC", str(path)).casefold())


def _write(file: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # "x": a file that another entry has put there is never followed or replaced.
    with archive.open(entry) as source, path.open("xb") as target:
        left = entry.file_size
        while chunk := source.read(min(_CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise UserError(
                    f"{file.name} must hold what it says, and {path.name} is larger: {_UNTRUSTED}"
                )
            target.write(chunk)
    os.utime(
        path, (_TIME, _TIME)
    )  # when it came tells its place in the zip, where classes often follow each other


def _start(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(20)
