"""A kernel: one member's notebook, `kernels/<member>/<kernel>/`, and what its kernel.yaml says of it."""

import re
from dataclasses import dataclass
from datetime import date
from os.path import lexists
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from pipelines.plumbing import paths
from pipelines.plumbing.atomic import content_hash
from pipelines.plumbing.errors import UserError, did_you_mean
from pipelines.plumbing.schema import Name, Strict, check_kernel_name, read_yaml, validate

LONGEST_NAME = 255  # bytes that a disk takes
# The views that are no fold.
REAL, SHUFFLED, STUDY = "real", "shuffled", "study"
NOTES = ("특징", "장점", "단점", "배운 점", "질문", "개선방안")


def fold_view(fold: int) -> str:
    """The name of the view whose test rows are those of a fold."""
    return f"fold{fold}"


class Source(Strict):
    """Where a kernel comes from.

    Attributes:
        platform: kaggle, dacon, github, course (slides, lectures), or own: the member's own work, which
            needs nothing else.
        author: as the platform names them.
        licence: an SPDX name, or `unknown`.
        sha256: of the original file; its text lies in `.cache/pilsa/originals/<sha256>`.
        published: the day the original was last changed; what `as_of` is proposed from.
    """

    platform: Literal["kaggle", "dacon", "github", "course", "own"]
    title: str | None = None
    author: str | None = None
    url: str | None = None
    licence: str = "unknown"
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    published: date | None = None

    @model_validator(mode="after")
    def _says_whose_it_is(self) -> "Source":
        if self.platform != "own" and not (self.author and (self.url or self.title)):
            raise ValueError(
                "a transcribed kernel must name its author and its url or title (own work: `platform: own`)"
            )
        return self

    @property
    def may_be_committed(self) -> bool:
        """Whether the original's licence lets others have its text."""
        open_licences = ("apache", "mit", "bsd", "cc0", "cc-by", "unlicense", "isc")
        closed = ("-nc", "-nd")
        name = self.licence.casefold()
        return name.startswith(open_licences) and not any(part in name for part in closed)


class Claim(Strict):
    """A figure that the original prints, and the variable of the kernel that holds ours.

    Attributes:
        printed: the original's figure.
        tolerance: how far ours may lie from it and still count as reached.
        where: page, cell or table of the original.
    """

    printed: float
    tolerance: float = Field(default=0.0, ge=0)
    where: str | None = None


class KernelFile(Strict):
    """kernel.yaml.

    Attributes:
        kind: `competition`, or `study`: run, checked, compared, shared and logged, but neither views nor score.
        competition: a file of competitions/; a study kernel has none.
        week: of curriculum.yaml.
        inputs: further names of the competition's folder below `../input/`, where the notebook reads another
            than the competition's own, such as `digit-recognizer`.
        data: folders of $PILSA_DATA_DIR that a study kernel sees below `../input/`, read-only.
        output: the CSV that is the submission, where more than one fits the sample.
        as_of: packages as they were on that day, in an environment of the kernel's own.
        requires: further requirements of that environment: names, versions and extras.
        time_limit: seconds for one view, a week at most.
        memory_gb: for one view.
        quick: variables of the cell tagged `parameters`, and what they are in a quick run.
        claims: variable → the original's figure.
    """

    kind: Literal["competition", "study"] = "competition"
    competition: Name | None = None
    title: str | None = None
    week: int | None = Field(default=None, ge=1)
    source: Source
    inputs: list[str] = []
    data: list[Name] = []
    output: str | None = None
    as_of: date | None = None
    requires: list[str] = []
    time_limit: int = Field(default=1800, ge=1, le=7 * 24 * 3600)
    memory_gb: float = Field(default=8, ge=0.1, le=1024)
    quick: dict[str, int | float | str | bool | list[int]] = {}
    claims: dict[str, Claim] = {}

    @field_validator("inputs")
    @classmethod
    def _folders_stay_below(cls, inputs: list[str]) -> list[str]:
        for folder in inputs:
            if not re.fullmatch(r"[^./\\\0][^/\\\0]{0,99}", folder):
                raise ValueError(f"an input must be one plain folder name, found {folder[:40]!r}")
            if (size := len(folder.encode())) > LONGEST_NAME:
                raise ValueError(
                    f"an input's name must have {LONGEST_NAME} bytes of UTF-8 at most (85 of Hangul's syllables), "
                    f"found {size}"
                )
            if inputs.count(folder) > 1:
                raise ValueError(f"an input must be named once, found {folder!r} again")
        return inputs

    @field_validator("as_of")
    @classmethod
    def _is_past(cls, day: date | None) -> date | None:
        if day is not None and day > date.today():
            raise ValueError(
                "must not lie in the future: what is published until then is not known"
            )
        return day

    @model_validator(mode="after")
    def _fits_together(self) -> "KernelFile":
        if self.competition in self.inputs:
            raise ValueError(
                f"inputs are further names of the competition's folder, and {self.competition!r} is its own: remove it"
            )
        if self.kind == "competition" and self.competition is None:
            raise ValueError(
                "a kernel must name its competition (`competition: digits`), or be `kind: study`"
            )
        if self.kind == "study" and (self.competition or self.inputs or self.output):
            raise ValueError(
                "a study kernel must have no competition, inputs or output, since it is not scored"
            )
        if self.kind == "competition" and self.data:
            raise ValueError("`data:` is for study kernels: a competition kernel sees its views")
        return self


@dataclass(frozen=True, eq=False)
class Kernel:
    """A kernel as it lies in the repository.

    Attributes:
        name: member/slug.
        file: its kernel.yaml.
        code: the text of kernel.py, percent cells.
    """

    name: str
    file: KernelFile
    code: str

    @property
    def member(self) -> str:
        return self.name.partition("/")[0]

    @property
    def slug(self) -> str:
        return self.name.partition("/")[2]

    @property
    def folder(self) -> Path:
        return paths.kernel(self.name)

    @property
    def run_name(self) -> str:
        """Its name among all that predicts: `kernels/member/slug`."""
        return f"kernels/{self.name}"

    @property
    def code_hash(self) -> str:
        """16 hex digits of what decides a full run: the code, and what kernel.yaml says of inputs and packages."""
        settings: dict[str, Any] = self.file.model_dump(
            mode="json",
            include={"kind", "competition", "inputs", "data", "output", "as_of", "requires"},
        )
        return content_hash({"code": self.code, "settings": settings})


def load(name: str) -> Kernel:
    """Read a kernel.

    Args:
        name: member/slug.

    Raises:
        UserError: the name is none, the kernel does not exist, kernel.py or kernel.yaml is missing, cannot
            be read, is not UTF-8, or does not fit the schema.
    """
    folder = folder_of(name)
    name = f"{folder.parent.name}/{folder.name}"
    if not folder.is_dir():
        raise UserError(
            f"a kernel must be one of kernels/<member>/<kernel>/, found {name!r}{did_you_mean(name, names())}"
        )
    where = f"kernels/{name}/kernel.yaml"
    content = read_yaml(folder / "kernel.yaml")
    if "source" not in content:
        raise UserError(
            f"{where}: a kernel must name its source (platform, author, url, licence), found none: add "
            "`source:`; your own work is `source: {platform: own}`"
        )
    file = validate(KernelFile, content, where)
    return Kernel(name, file, _code(folder / "kernel.py"))


def folder_of(name: str) -> Path:
    """Where member/slug lies, whether it is there or not.

    Raises:
        UserError: the name is none.
    """
    try:
        return paths.kernel(check_kernel_name(name))
    except ValueError as error:
        raise UserError(f"a kernel's name {error}: write member/kernel") from None


def _code(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # Windows editors write a mark before the text
    except FileNotFoundError:
        raise UserError(
            f"{path} must exist and was not found: `pilsa kernel take FILE.ipynb` writes it"
        ) from None
    except OSError as error:
        raise UserError(
            f"{path} must be a file and cannot be read ({error.strerror}): restore it from git"
        ) from None
    except UnicodeDecodeError:
        raise UserError(f"{path} must be UTF-8 and is not: save it as UTF-8") from None


def names() -> list[str]:
    """Every member/slug of kernels/ that has a kernel.yaml, in alphabetical order."""
    # A kernel.yaml that is a link to nowhere makes a kernel too: a broken one.
    found = [path for path in paths.kernels().glob("*/*") if lexists(path / "kernel.yaml")]
    return sorted(f"{path.parent.name}/{path.name}" for path in found)
