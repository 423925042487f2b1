"""What lies below `/kaggle/input`: one folder of the competition's files, or what else a kernel's code names.

A notebook that searches there must find each file once, as on Kaggle. So the folder bears one name; files lie
in `/kaggle/input` itself, as before 2019, only for a kernel that reads them there.
"""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from pipelines.plumbing.atomic import link_or_copy
from pipelines.values.competition import Competition
from pipelines.values.kernel import KernelFile

_FOLDS = "pilsa"
_SLUG = re.compile(r"kaggle\.com/(?:competitions|c)/([\w-]+)")
# BASE = "../input/", and what follows it: BASE + "train.csv", join(BASE, "train.csv"), f"{BASE}train.csv".
_ROOT = re.compile(
    r"^\s*(\w+)\s*=\s*(?:[\w.]*Path\()?\s*[\"'](?:[^\"'\n]*/)?input/?[\"']", re.MULTILINE
)
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
_JOINT = re.compile(r"[\"']\s*\)?\s*[+,/]\s*[rRfF]{0,2}[\"']/?")
_PATTERN = re.compile(r"\binput/([^/\"'\s]*[{*?][^/\"'\s]*\.[^/\"'\s]*)")
_SHOWN = 6


@dataclass(frozen=True)
class Layout:
    """Where the files of a view lie for one kernel.

    Attributes:
        folders: names of the competition's folder: one, more only where kernel.yaml asks for them.
        flat: files that lie in the input folder itself.
        has_folds: whether `pilsa/folds.csv` is there.
    """

    folders: tuple[str, ...]
    flat: tuple[str, ...]
    has_folds: bool


def layout(code: str, file: KernelFile, competition: Competition, names: Sequence[str]) -> Layout:
    """Decide where a kernel finds the files, by what its code and `inputs:` of its kernel.yaml name.

    Args:
        code: of its code cells.
        file: its kernel.yaml; a file's name or `pilsa` in `inputs:` asks for that file or the group's folds.
        competition: its name is the folder's, as is the one that it has on Kaggle.
        names: the files of the view.
    """
    text = _paths_in(code)
    slug = slug_of(competition)
    asked = [name for name in file.inputs if name not in names and name != _FOLDS]
    candidates = list(dict.fromkeys([*asked, *([slug] if slug else []), competition.name]))
    named = [name for name in candidates if _is_named(name, text)]
    patterns = [re.sub(r"\{[^}]*\}", "*", found) for found in _PATTERN.findall(text)]
    read_flat = [
        name for name in names
        if re.search(rf"\binput/{re.escape(name)}(?![\w/])", text) or any(fnmatch(name, each) for each in patterns)
    ]  # fmt: skip
    flat = {*read_flat, *(name for name in file.inputs if name in names)}
    has_folds = _FOLDS in file.inputs or _is_named(_FOLDS, text)
    if read_flat and not (named or asked):  # written when there was no folder
        return Layout((), tuple(sorted(names)), has_folds)
    folders = [name for name in named if name in asked] or named[:1] or candidates[:1]
    if not named and not asked:
        folders = [competition.name]
    return Layout(tuple(folders), tuple(sorted(flat)), has_folds)


def slug_of(competition: Competition) -> str | None:
    """Its name on Kaggle, which its folder bears there: that of `source:`, or of its page; None where it is not there."""
    if competition.source["platform"] == "kaggle":
        return str(competition.source["slug"])
    found = _SLUG.search(competition.url or "")
    return found[1] if found else None


def _paths_in(code: str) -> str:
    """Code without comments, its paths put together: `BASE + "train.csv"` is `"../input/train.csv"`."""
    text = _COMMENT.sub("", code)
    for variable in set(_ROOT.findall(text)):
        text = re.sub(rf"\{{{variable}\}}/?", "../input/", text)
        text = re.sub(rf"\b{variable}\b(?=\s*[+,/])", '"../input"', text)
    return re.sub(r"/+", "/", _JOINT.sub("/", text))


def _is_named(name: str, text: str) -> bool:
    """Whether a folder's name is a whole part of a path, or a whole text, other than in an address."""
    return bool(
        re.search(rf"(?<=[\"'/])(?<!competitions/)(?<!/c/){re.escape(name)}(?=[\"'/\s]|$)", text)
    )


def fill(into: Path, view: Path, wanted: Layout, may_share: bool) -> None:
    """Lay a view's files out as a kernel finds them.

    Args:
        into: the new folder `input/` of a run.
        view: what `view_files.kept` gave.
        wanted: where they lie.
        may_share: whether nothing can be written through `into`: then they are links to the kept files, else
            copies.
    """
    copy = link_or_copy if may_share else shutil.copyfile
    into.mkdir(parents=True)
    for name in wanted.folders:
        shutil.copytree(view / "files", into / name, copy_function=copy)
    for name in wanted.flat:
        copy(view / "files" / name, into / name)
    if wanted.has_folds:
        (into / _FOLDS).mkdir()
        copy(view / "folds.csv", into / _FOLDS / "folds.csv")


def explain_missing(message: str, folder: Path, may_name: bool) -> str:
    """Say which files there are, to whoever looked for another.

    Args:
        message: of the exception, with the path that was looked for.
        folder: `input/` of the run.
        may_name: whether `inputs:` of kernel.yaml can give the folder another name.
    """
    there = sorted(folder.iterdir())
    listed = [f"../input/{path.name}{_content(path)}" for path in there] or ["nothing"]
    said = f"A kernel's files lie below ../input/ (/kaggle/input/), and there is {', '.join(listed[:_SHOWN])}"
    found = re.findall(r"['\"]([^'\"\n]{1,300})['\"]", message)
    looked_for = Path(found[-1]) if found else Path()
    match = next(
        (path for path in sorted(folder.rglob(looked_for.name or "?")) if path.is_file()), None
    )
    advice = f"write {f'../input/{match.relative_to(folder)}' if match else 'such a path'}"
    other = re.search(r"\binput/([^/]+)/", looked_for.as_posix())
    if other and may_name and not (folder / other[1]).exists():
        advice += f", or `inputs: [{other[1]}]` into kernel.yaml"
    return f"{said}: {advice}."


def _content(path: Path) -> str:
    if not path.is_dir():
        return ""
    names = sorted(inner.name for inner in path.iterdir())
    return f"/ ({', '.join(names[:_SHOWN])}{' …' if len(names) > _SHOWN else ''})"
