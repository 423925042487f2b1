"""Showing a kernel to others: a page for the meeting, or a push to Kaggle; neither against the rules."""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.cells import conversion
from pipelines.notebooks import catalogue, input_folder, page
from pipelines.notebooks.checking import secrets
from pipelines.notebooks.exchange import on_kaggle
from pipelines.platforms import _kaggle_client
from pipelines.plumbing import atomic, paths
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.pages import Language, Say
from pipelines.tracking.kernel_facts import ELSEWHERE, KNOWS, QUICK, UNSEEDED
from pipelines.values import competition as competitions
from pipelines.values import kernel
from pipelines.values.competition import Competition
from pipelines.values.kernel import Kernel

if TYPE_CHECKING:
    from nbformat import NotebookNode

_HEADING = re.compile(r" {0,3}(#{1,6})(?:\s|$)")
_FENCE = re.compile(r" {0,3}(?:```|~~~)")
_COMMENT = re.compile(r"<!--.*?-->", re.S)
_MEANS = {  # mark → what it tells the reader of a score
    KNOWS: "it does well on shuffled training targets too, and is never ranked",
    UNSEEDED: "a rerun moves by more than the score's interval",
    ELSEWHERE: "on Colab or Kaggle; nobody here has seen it run",
    QUICK: "with the quick values of kernel.yaml; not to be compared with a full run",
    "labels only": "the metric asks for probabilities, and it gives labels",
}
_OLDER = (
    "kernel.py or kernel.yaml was changed since the run: the scores and the executed notebook are of the code "
    "before; `pilsa kernel run {name}` makes them anew"
)
_SHORTEST = 5  # what Kaggle takes as a title and as a name


@dataclass(frozen=True)
class Shared:
    """A page that was made.

    Attributes:
        path: of the HTML file.
        remarks: what is to be said aloud, a sentence each.
    """

    path: Path
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Push:
    """How a kernel shall stand on Kaggle.

    Attributes:
        owner: whose; None: who is signed in.
        title: in ASCII letters, digits and spaces; None: the kernel's own title or name, where that is so.
    """

    owner: str | None = None
    title: str | None = None
    is_private: bool = True
    enable_internet: bool = False
    enable_gpu: bool = False


def share_html(
    shared: Kernel, executed: bytes | None, result: Mapping[str, Any] | None,
    language: Language = "ko",
) -> Shared:  # fmt: skip
    """Write the page for the meeting: whose it is, scores, notes, and the notebook.

    Args:
        shared: the kernel.
        executed: the executed .ipynb; None shows the code alone.
        result: what `catalogue.result_of` gives; None where the kernel was never run.
        language: of the page's own words.

    Raises:
        UserError: the competition is live and the group is not one team; the kernel, its notes or its
            outputs hold what looks like a secret; the executed notebook cannot be read.
    """
    check_allowed(shared)
    outputs = None
    if executed is not None:
        outputs = conversion.upgraded(executed, f"the executed notebook of {shared.name}")
    notes = _notes(shared)
    _check_no_secrets(shared, outputs, notes)
    notes, ran = _without_empty_headings(notes), _Lenient(result or {})
    licence, source = _licence_remarks(shared), shared.file.source
    say = page.words(language)
    is_older = catalogue.is_changed(shared, result)
    content = page.render(
        title=shared.file.title or source.title or shared.name, kernel=shared, language=language,
        result=None if result is None else ran, folds=_folds(ran, say), marks=_marks(ran, say),
        link=source.url if re.match(r"https?://", source.url or "") else None, is_closed=bool(licence),
        is_older=is_older, notes=page.markdown(notes), is_executed=outputs is not None,
        cells=page.cells(outputs or conversion.from_percent(shared.code)),
    )  # fmt: skip
    path = paths.bundle(shared.name) / "share.html"
    atomic.write_text(path, content)
    return Shared(path, (*licence, *([_OLDER.format(name=shared.name)] if is_older else [])))


def push_to_kaggle(pushed: Kernel, wanted: Push | None = None) -> _kaggle_client.Pushed:
    """Put a kernel's code on Kaggle, without outputs; Kaggle runs it there at once.

    Raises:
        UserError: see `share_html`; no ASCII title; Kaggle shows other cells than were pushed from here, refuses it,
            or does not show it afterwards.
    """
    wanted = wanted or Push()
    check_sendable(pushed)
    owner = wanted.owner or _kaggle_client.username()
    metadata = kaggle_metadata(pushed, owner, wanted)
    notebook = conversion.from_percent(pushed.code)
    if not any(cell.source.strip() for cell in conversion.code_cells(notebook)):
        raise UserError(f"{pushed.name} must have a code cell before it is shared, and has none")
    text, reference = conversion.to_text(notebook), str(metadata["id"])
    if not on_kaggle.is_news(pushed, reference, text.encode()):
        url = f"https://www.kaggle.com/code/{reference}"
        return _kaggle_client.Pushed(url, ("Kaggle shows it as it is here: nothing was pushed",))
    with tempfile.TemporaryDirectory(prefix="pilsa-push-") as temporary:
        folder = Path(temporary)
        atomic.write_text(folder / metadata["code_file"], text)
        atomic.write_json(folder / "kernel-metadata.json", metadata)
        done = _kaggle_client.push(folder)
    on_kaggle.remember(pushed, reference, text.encode())
    remarks = (
        *_licence_remarks(pushed),
        *done.remarks,
        "Kaggle runs it now, on the quota of your account",
    )
    return _kaggle_client.Pushed(done.url, remarks)


def kaggle_metadata(pushed: Kernel, owner: str, wanted: Push) -> dict[str, Any]:
    """The content of kernel-metadata.json.

    Its title becomes exactly its name on Kaggle, and nothing is left to a default: the client's differ from
    its documentation.

    Raises:
        UserError: no title can be made of ASCII letters and digits, or it is too short.
    """
    title = _title(pushed, wanted)
    slug = title.lower().replace(" ", "-")
    return {
        "id": f"{owner}/{slug}",
        "title": title,
        "code_file": f"{slug}.ipynb",
        "language": "python",
        "kernel_type": "notebook",
        "is_private": wanted.is_private,
        "enable_gpu": wanted.enable_gpu,
        "enable_tpu": False,
        "enable_internet": wanted.enable_internet,
        "competition_sources": _kaggle_names(_competition(pushed)),
        "dataset_sources": [],
        "kernel_sources": [],
        "model_sources": [],
    }


def _title(pushed: Kernel, wanted: Push) -> str:
    """Words of ASCII letters and digits, one space between them: Kaggle makes the name of exactly these."""
    for text in (wanted.title, pushed.file.title, pushed.slug):
        if text and text.isascii():
            title = " ".join(re.findall(r"[A-Za-z0-9]+", text))
            if wanted.title is None and 0 < len(title) < _SHORTEST:
                title = f"{title} by {pushed.member}" if pushed.member.isascii() else title
            if len(title) >= _SHORTEST:
                return " ".join(re.findall(r"[A-Za-z0-9]+", title))
    raise UserError(
        f"a title on Kaggle must have {_SHORTEST} or more ASCII letters and digits, found "
        f"{wanted.title or pushed.file.title or pushed.slug!r}: give one with --title"
    )


def _competition(shared: Kernel) -> Competition | None:
    name = shared.file.competition
    return None if name is None else competitions.load(name)


def _kaggle_names(found: Competition | None) -> list[str]:
    """The competition's name on Kaggle; one from elsewhere has none."""
    slug = input_folder.slug_of(found) if found else None
    return [slug] if slug else []


def check_allowed(shared: Kernel) -> None:
    """Keep to the rule of live competitions against private sharing.

    Raises:
        UserError: the kernel's competition is marked `live`, and not every member of kernels/ is in its
            `team:`.
    """
    one = _competition(shared)
    if one is None or not one.live:
        return
    members = {name.partition("/")[0] for name in kernel.names()} | {shared.member}
    outside = sorted(members - set(one.team))
    if outside:
        raise UserError(
            f"{shared.name} must not be shared now. No private sharing outside of Teams: while {one.name} is "
            "live, code and data may pass in private only between members of one team on the platform, and "
            f"{', '.join(outside)} of kernels/ {'is' if len(outside) == 1 else 'are'} not in its `team:`. "
            f"Merge into one team there and list its members in competitions/{one.name}.yaml, publish the "
            "notebook for all participants on the competition's own pages, or wait for its end (`live: false`)"
        )


def check_sendable(pushed: Kernel) -> None:
    """Check that its code may go to a site.

    Raises:
        UserError: the rules do not let it, or it holds what looks like a secret.
    """
    check_allowed(pushed)
    _check_no_secrets(pushed, None, None)


def _check_no_secrets(shared: Kernel, outputs: "NotebookNode | None", notes: str | None) -> None:
    found = secrets.search(shared.code, outputs, notes)
    if found:
        places = {"source": "line {} of kernel.py", "output": "the output of code cell {}", "notes": "line {} of notes.md"}  # fmt: skip
        first = found[0]
        raise UserError(
            f"{shared.name} must hold no secrets before others see it, found {first.kind} in "
            f"{places[first.where].format(first.number)}: remove it, make it invalid where it was issued, and run "
            "the kernel again"
        )


def _licence_remarks(shared: Kernel) -> tuple[str, ...]:
    source = shared.file.source
    if source.platform == "own" or source.may_be_committed:
        return ()
    what = "is not known" if source.licence == "unknown" else f"is {source.licence}, no open one"
    return (
        f"the licence of the original {what}: show it within the group, with its author's name, and do not "
        "publish it without asking",
    )


def _notes(shared: Kernel) -> str:
    path = shared.folder / "notes.md"
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _without_empty_headings(notes: str) -> str:
    """Markdown without the headings that nothing stands below, also nothing under a smaller heading."""
    is_code, sections = False, [[""]]  # of lines; the first has no heading
    for line in notes.splitlines():
        is_code ^= bool(_FENCE.match(line))
        if _HEADING.match(line) and not is_code:
            sections.append([])
        sections[-1].append(line)
    kept: list[list[str]] = []
    below = 0  # level of the heading that follows
    for section in reversed(sections):
        heading = _HEADING.match(section[0])
        level = len(heading[1]) if heading else 0
        text = _COMMENT.sub("", "\n".join(section[1:]))
        if below > level > 0 or text.strip(" \t\n-*"):
            kept.insert(0, section)
            below = level
    return "\n".join(line for section in kept for line in section).strip()


def _folds(result: Mapping[str, Any], say: Say) -> str:
    """The score of each fold, or that only the mock exam was taken."""
    scores = result["fold_scores"] or []
    known = [number for number, score in enumerate(scores) if score is not None]
    if known == [0] and len(scores) > 1:
        return say("fold 0 only")
    return " · ".join(map(page.score, scores)) if known else "–"


def _marks(result: Mapping[str, Any], say: Say) -> list[str]:
    """What a reader of the score must know, a line each."""
    facts = _Lenient(result["kernel"] or {})
    found = list(result["marks"] or ())
    found += [QUICK] if facts["is_quick"] else []
    found += [ELSEWHERE] if facts["ran_elsewhere"] else []
    return [
        say.recorded(mark) + (f": {say(_MEANS[mark])}" if mark in _MEANS else "")
        for mark in dict.fromkeys(found)
    ]


class _Lenient(dict[str, Any]):
    """A result of any age, as `catalogue.result_of` has checked it: what it lacks is None."""

    def __missing__(self, key: str) -> None:
        return None
