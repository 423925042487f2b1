"""A new kernel: its folder, its header and its notes to fill in, and whose work it is."""

import shutil
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from pipelines.cells import conversion
from pipelines.platforms import _kaggle_client
from pipelines.plumbing import atomic, paths
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.schema import check_name, validate
from pipelines.transcription import originals
from pipelines.values import competition as competitions
from pipelines.values.kernel import NOTES, KernelFile, Source

if TYPE_CHECKING:
    from nbformat import NotebookNode

Platform = Literal["kaggle", "dacon", "github", "course", "own"]
_KAGGLE = "kaggle:"


@dataclass(frozen=True)
class Wanted:
    """What a member says of a new kernel; None: not told.

    Attributes:
        competition: a study kernel has none.
        origin: path of an .ipynb or .py, or `kaggle:owner/slug`; None: written from nothing.
        title, author, url, licence, platform, published: of the original; what is told goes before what is
            found.
    """

    competition: str | None = None
    kind: Literal["competition", "study"] = "competition"
    origin: str | None = None
    week: int | None = None
    title: str | None = None
    author: str | None = None
    url: str | None = None
    licence: str | None = None
    platform: Platform | None = None
    published: date | None = None


@dataclass(frozen=True)
class Created:
    """A new kernel.

    Attributes:
        folder: `kernels/<member>/<slug>`.
        remarks: what is to be said aloud, a sentence each.
    """

    folder: Path
    remarks: tuple[str, ...] = ()


def new(member: str, slug: str, wanted: Wanted) -> Created:
    """Make a kernel's folder: kernel.py with its header, kernel.yaml, notes.md with its headings.

    The original of `wanted.origin` is kept by its hash, and lies beside kernel.py only where its licence
    allows that. Nothing is overwritten.

    Raises:
        UserError: a name holds more than letters, digits, Hangul, `_` and `-`; the member has such a kernel
            already, perhaps spelled in other case; the competition is unknown; the original cannot be had;
            what is said of it is no text, or cannot be written. Nothing is left of the folder then.
    """
    folder = _free_folder(_name("member", member), _name("kernel", slug))
    if wanted.competition is not None:
        competitions.load(wanted.competition)
    source, content = _source(wanted)
    _check_text(wanted.title, source.title, source.author, source.url, source.licence)
    name = f"{folder.parent.name}/{folder.name}"
    file = validate(KernelFile, _settings(wanted, source), f"kernels/{name}/kernel.yaml")
    code = conversion.to_percent(_starter(name, wanted, source))
    remarks, proposal = _remarks(source, content)
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise UserError(f"{folder} must not exist yet, and does: choose another name") from None
    try:
        if content is not None and source.may_be_committed:
            atomic.write_bytes(folder / originals.COMMITTED, _as_ipynb(content, name))
        atomic.write_text(folder / "notes.md", "".join(f"## {heading}\n\n\n" for heading in NOTES))
        atomic.write_text(folder / "kernel.py", code)
        atomic.write_text(folder / "kernel.yaml", _yaml(file) + proposal)
    except BaseException:  # half a folder would refuse the next try
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Created(folder, remarks)


def _check_text(*texts: str | None) -> None:
    """Refuse what no file can hold, such as an argument of a terminal that is not in UTF-8."""
    for text in texts:
        try:
            (text or "").encode()
        except UnicodeEncodeError:
            raise UserError(
                f"what is said of a kernel must be text in UTF-8, found {text!r}: give it anew"
            ) from None


def _name(what: str, text: str) -> str:
    try:
        return check_name(text)
    except ValueError as error:
        raise UserError(f"a {what}'s name {error}: choose another") from None


def _free_folder(member: str, slug: str) -> Path:
    """Where the kernel will lie; on some disks names that differ in case alone are one."""
    for place, name, what in (
        (paths.kernels(), member, "a member"),
        (paths.kernels() / member, slug, "a kernel"),
    ):
        there = [path.name for path in place.iterdir()] if place.is_dir() else []
        twins = [found for found in there if found.casefold() == name.casefold()]
        if twins and (twins[0] != name or what == "a kernel"):
            raise UserError(
                f"{what} of that name must not exist yet, and "
                f"{(place / twins[0]).relative_to(paths.root())} does: choose another name"
            )
    return paths.kernels() / member / slug


def _source(wanted: Wanted) -> tuple[Source, bytes | None]:
    """Whose it is, and the bytes of the original where there is one."""
    if wanted.origin is None:
        found = wanted if wanted.platform or wanted.author or wanted.url else None
        content = None
    elif wanted.origin.startswith(_KAGGLE):
        found, content = _from_kaggle(wanted)
    else:
        found, content = _from_file(wanted)
    if found is None:
        return Source(platform="own", licence=wanted.licence or "unknown"), None
    facts: dict[str, Any] = {
        key: getattr(found, key) for key in ("title", "author", "url", "published")
    }
    facts |= {"platform": found.platform or "course", "licence": found.licence or "unknown"}
    if content is not None:
        facts["sha256"] = originals.keep(content, str(wanted.origin))
    return validate(Source, facts, "the kernel's source"), content


def _from_kaggle(wanted: Wanted) -> tuple[Wanted, bytes]:
    name = _kaggle_client.reference_of(str(wanted.origin))
    pulled = _kaggle_client.pull(name)
    language = str(pulled.metadata.get("language") or "python")
    if language.casefold() != "python":
        raise UserError(
            f"{name} must be written in Python, found {language}: choose another notebook, or transcribe it by "
            "hand (`pilsa kernel new` without --from)"
        )
    found = replace(
        wanted,
        platform="kaggle",
        title=wanted.title or pulled.metadata.get("title") or name,
        author=wanted.author or name.partition("/")[0],
        url=wanted.url or f"https://www.kaggle.com/code/{name}",
        published=wanted.published or _kaggle_client.last_run(name),
    )
    return found, pulled.content


def _from_file(wanted: Wanted) -> tuple[Wanted, bytes]:
    path = Path(str(wanted.origin)).expanduser()
    content = originals.read(path)
    notebook = originals.as_notebook(content, str(path))
    url = wanted.url or ""
    by_url = {"kaggle.com": "kaggle", "dacon.io": "dacon", "github.com": "github"}
    platform: Any = wanted.platform or next(
        (platform for host, platform in by_url.items() if host in url), None
    )
    if platform is None and "kaggle" in notebook.metadata:
        platform = "kaggle"
    found = replace(
        wanted,
        platform=platform,
        title=wanted.title or _heading(notebook) or path.stem,
        author=wanted.author or "unknown",
    )
    return found, content


def _heading(notebook: "NotebookNode") -> str | None:
    """The first heading of the original's text, in one line."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                if line.startswith("#") and line.strip("# \t"):
                    return " ".join(line.strip("# \t").split())[:120]
    return None


def _settings(wanted: Wanted, source: Source) -> dict[str, Any]:
    content: dict[str, Any] = {"kind": wanted.kind, "source": source.model_dump()}
    given = {"competition": wanted.competition, "week": wanted.week, "title": wanted.title}
    return content | {key: value for key, value in given.items() if value is not None}


def _yaml(file: KernelFile) -> str:
    content = file.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    content["source"] = file.source.model_dump(mode="json", exclude_none=True)
    return str(yaml.safe_dump(content, allow_unicode=True, sort_keys=False))


def _starter(name: str, wanted: Wanted, source: Source) -> "NotebookNode":
    """A header cell that says whose work this is, and a first code cell that shows the input files."""
    from nbformat import v4

    title = " ".join((wanted.title or source.title or name.partition("/")[2]).split())
    lines = [f"# {title}", "", f"필사: {name.partition('/')[0]}"]
    if source.platform != "own":
        where = source.url or source.title or ""
        lines += [
            "",
            f"원본: {source.title or title} — {source.author} ({source.platform}, {where}), 라이선스 {source.licence}",
        ]
    first = 'from pathlib import Path\n\nprint(*sorted(Path("../input").rglob("*")), sep="\\n")'
    header = v4.new_markdown_cell("\n".join(lines))
    code = v4.new_code_cell(first)
    return v4.new_notebook(cells=[header, code])


def _remarks(source: Source, content: bytes | None) -> tuple[tuple[str, ...], str]:
    """What to say of the original, and the line of kernel.yaml that proposes its environment."""
    if source.platform == "own":
        return (), ""
    remarks = []
    if source.author == "unknown":
        remarks.append("the original's author is not known: write `source.author` into kernel.yaml")
    if source.licence == "unknown":
        remarks.append(
            "the original's licence is not known, so its text stays in .cache/pilsa/originals and is not "
            "committed: look on its page and write `source.licence` into kernel.yaml"
        )
    elif not source.may_be_committed:
        remarks.append(
            f"the original's licence ({source.licence}) does not let its text be committed: it stays in "
            ".cache/pilsa/originals"
        )
    if content is None or source.published is None:
        return tuple(remarks), ""
    from pipelines.notebooks import environments

    code = "\n\n".join(
        cell.source
        for cell in conversion.code_cells(originals.as_notebook(content, "the original"))
    )
    day = environments.propose_as_of(source.published, code)
    remarks.append(
        f"the original is of {source.published}: where it breaks on today's packages, take those of {day} "
        "(remove `# ` before `as_of:` in kernel.yaml)"
    )
    return tuple(remarks), f"# as_of: {day}\n"


def _as_ipynb(content: bytes, where: str) -> bytes:
    """A notebook's own bytes; a script as a notebook."""
    if originals.is_script(content):
        return conversion.to_text(originals.as_notebook(content, where)).encode()
    return content
