"""A competition file from Kaggle itself: what its list says, and what the downloaded files say."""

import re
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from textwrap import shorten
from typing import Any

from pipelines.adding import competition_draft, draft_file, found_files
from pipelines.adding.draft_file import Draft, Wishes, place_of, write
from pipelines.adding.found_files import Found
from pipelines.platforms import kaggle
from pipelines.platforms._kaggle_calls import Details, ask, details
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import file_hash
from pipelines.plumbing.errors import UserError
from pipelines.values import unzip
from pipelines.values.code_rules import Code

# Its competitions never end and are there to learn from: everybody's code is public anyhow.
_FOR_LEARNING = "getting started"
_TAG, _BLOCK_END = re.compile(r"<[^>]*>"), re.compile(r"</(?:p|li|h\d|div|td)>|<br ?/?>", re.I)
_TELLING = re.compile(
    r"private(?:ly)? shar|external data|pre-?trained|team size|submissions? per day|entries per day|final submissions",
    re.I,
)
_MOST, _LONGEST = 8, 200


def add(slug: str, wishes: Wishes) -> Draft:
    """Download a competition of Kaggle and write `competitions/<slug>.yaml` of what it says and is.

    Args:
        slug: its name in its address, and here.
        wishes: what somebody knows better; a metric or a page of theirs comes before Kaggle's.

    Raises:
        UserError: there is such a file already, Kaggle does not give the competition, or its files are none.
    """
    place = place_of(slug)
    if place.exists():
        raise UserError(
            f"{place.relative_to(paths.root())} must not be there yet, and is: `pilsa use {slug}` takes it as it is; "
            "else remove it first"
        )
    said = details(slug)
    archive = kaggle.fetch(said)
    with tempfile.TemporaryDirectory(dir=paths.cache(), prefix="added-") as made:
        budget = unzip.Budget.of(archive.stat().st_size)
        unzip.extract(archive, Path(made) / "raw", budget)
        draft = make(said, Path(made) / "raw", wishes, budget)
    draft = replace(draft, why=(*draft.why, *_rules(slug)))
    write(place, draft)
    return draft


def _rules(slug: str) -> list[str]:
    """What the rules say of what is most often done wrong, in their own words."""
    try:
        pages = {str(row.get("name")): str(row.get("content")) for row in ask("pages", slug)}
    except UserError as error:
        return [f"the rules could not be read ({error}): read them on their page"]
    return [f"the rules: {sentence}" for sentence in telling(pages.get("rules", ""))]


def telling(rules: str) -> list[str]:
    """The sentences of a page about limits, teams, sharing and data from outside, as plain text; few and short."""
    text = unescape(_TAG.sub(" ", _BLOCK_END.sub(". ", rules)))
    sentences = [" ".join(part.split()).strip(". ") for part in re.split(r"(?<=[.!?])\s", text)]
    found = [sentence for sentence in sentences if _TELLING.search(sentence)]
    return [shorten(sentence, _LONGEST, placeholder=" …") for sentence in dict.fromkeys(found)][
        :_MOST
    ]


def make(said: Details, folder: Path, wishes: Wishes, budget: unzip.Budget | None = None) -> Draft:
    """Draft a competition file, in memory.

    Args:
        said: what Kaggle says of the competition.
        folder: its files as they came.
        wishes: what somebody knows better.
        budget: what may still come out of the packed ones.

    Raises:
        UserError: the files are no competition.
    """
    with found_files.opened(folder, budget) as found:
        return _made(said, folder, found, wishes)


def _made(said: Details, folder: Path, found: Found, wishes: Wishes) -> Draft:
    ours = kaggle.metric_of(said.metric)
    asked = replace(wishes, metric=wishes.metric or ours, page=wishes.page or said.url)
    draft = competition_draft.make(said.slug, found, asked)
    moved = [
        name
        for name in draft.keys["source"]["files"]
        if not found.files[name].is_relative_to(folder)
    ]
    if moved:
        raise UserError(
            f"the files of {said.slug} must lie as they are read, and {moved[0]} is read out of a zip or a folder of its own: "
            f"they are in {paths.downloads() / said.slug}, so `pilsa competition add NAME --from` them"
        )
    keys = draft.keys | {"title": said.title, "live": _is_live(said)}
    if said.daily_limit:
        keys["daily_limit"] = said.daily_limit
    if said.by_notebook:
        keys["code"] = Code().model_dump(include={"hours", "memory_gb", "accelerator", "output"})
    keys["files"] = _below(folder, found, draft.keys["files"])
    keys["source"] = _source(said, folder, found, draft.keys)
    keys["baselines"] = keys.pop("baselines")
    draft_file.read(said.slug, keys)
    why = [sentence for sentence in draft.why if not sentence.startswith("metric ") or not ours]
    return Draft(keys, (*_told(said, wishes.metric, ours), *why))


def _is_live(said: Details) -> bool:
    is_running = said.deadline is None or said.deadline > datetime.now(UTC)
    return is_running and said.category.casefold() != _FOR_LEARNING


def _below(folder: Path, found: Found, named: dict[str, Any]) -> dict[str, Any]:
    """The names of files as paths below `raw/`, which is filled as the zip was."""

    def path(name: str) -> str:
        return found.files[name].relative_to(folder).as_posix()

    also = [path(name) for name in named.get("also", [])]
    files = {role: path(name) if name else None for role, name in named.items() if role != "also"}
    return files | ({"also": also} if also else {})


def _source(said: Details, folder: Path, found: Found, keys: dict[str, Any]) -> dict[str, Any]:
    source: dict[str, Any] = {"platform": "kaggle", "slug": said.slug}
    if said.deadline is not None:
        source["deadline"] = said.deadline.isoformat()
    names = sorted(keys["source"]["files"])
    source["files"] = {
        found.files[name].relative_to(folder).as_posix(): {
            "bytes": found.files[name].stat().st_size,
            "sha256": file_hash(found.files[name]),
        }
        for name in names
    }
    return source


def _told(said: Details, wished: str | None, ours: str | None) -> list[str]:
    """What Kaggle's list says, a sentence each."""
    limit = said.daily_limit or "an unknown number of"
    sentences = [
        f"Kaggle: {said.title}; you accepted its rules, which stand on {said.url}/rules",
        f"Kaggle: {limit} submissions a day, " + _ends(said.deadline),
    ]
    if wished:
        sentences.append(f"metric {wished}, as you said; Kaggle says {said.metric!r}")
    elif ours:
        sentences.append(f"metric {ours}: Kaggle says {said.metric!r}")
    else:
        sentences.append(f"Kaggle's metric {said.metric!r} is none of those known here")
    if said.by_notebook:
        sentences.append(
            "Kaggle takes notebooks alone here, no files: `pilsa kernel rehearse`, then `pilsa submit -k`; what stands "
            "under `code:` is what Kaggle usually allows: correct it by the competition's page"
        )
    if said.closed:
        sentences.append("Kaggle takes no submissions any more")
    if said.category.casefold() == _FOR_LEARNING:
        sentences.append(f"`live: false` since it is of the category {said.category}")
    return sentences


def _ends(deadline: datetime | None) -> str:
    if deadline is None:
        return "no deadline said"
    over = "was over on" if deadline <= datetime.now(UTC) else "ends on"
    return f"{over} {deadline:%Y-%m-%d %H:%M} UTC"
