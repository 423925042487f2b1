"""A draft of a competition file: what is wished for, what came of it, and how it is written down."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from pipelines import platforms
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import disk_errors, write_text
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.printing import visible
from pipelines.plumbing.schema import check_name, validate
from pipelines.values.competition import Competition


@dataclass(frozen=True)
class Wishes:
    """What somebody knows better than the files say; None leaves it to them.

    Attributes:
        train, test, sample: names of files, or of folders of pictures.
        target: a column.
        metric: a name of `pipelines.values.metrics`.
        page: where others get the files.
        dacon: the number in its address on dacon.io, and the team's name there.
    """

    train: str | None = None
    test: str | None = None
    sample: str | None = None
    target: str | None = None
    metric: str | None = None
    page: str | None = None
    dacon: tuple[int, str] | None = None


@dataclass(frozen=True)
class Draft:
    """A competition file and how it came about.

    Attributes:
        keys: its content.
        why: a sentence for each choice, the files first.
        is_new: False where there is such a file already, of the same files.
    """

    keys: dict[str, Any]
    why: tuple[str, ...]
    is_new: bool = True

    @property
    def text(self) -> str:
        head = [
            "Written by `pilsa competition add` from the files themselves. What it saw:",
            *self.why,
        ]
        # A title or a cell of a stranger's may hold what no YAML may.
        lines = [visible(line) for sentence in head for line in sentence.splitlines()]
        comments = "".join(f"# {line}\n" for line in lines)
        return comments + yaml.safe_dump(self.keys, sort_keys=False, allow_unicode=True)


def place_of(slug: str) -> Path:
    """The path of a competition file.

    Raises:
        UserError: the name is none.
    """
    try:
        check_name(slug)
    except ValueError as error:
        raise UserError(f"the competition's name {error}: choose another") from None
    return paths.competition_file(slug)


def read(slug: str, keys: dict[str, Any]) -> Competition:
    """The competition of drafted keys, read as every stage will read it, with its `source:`.

    Raises:
        UserError: the file would be refused as soon as it is written.
    """
    competition = validate(Competition, {**keys, "name": slug}, f"competitions/{slug}.yaml")
    platforms.of(competition)
    return competition


def ignored(wishes: Wishes, drafted: Competition, there: Competition) -> list[str]:
    """A sentence for each wish that the competition file, which stays as it is, does not follow."""
    return [
        f"--{field.name} is not followed: competitions/{there.name}.yaml is there and says otherwise; edit it if it is wrong"
        for field in fields(Wishes)
        if getattr(wishes, field.name) is not None
        and _settled(drafted, field.name) != _settled(there, field.name)
    ]


def _settled(competition: Competition, wish: str) -> Any:
    """What a competition file says of a wish."""
    if wish in ("target", "metric"):
        return getattr(competition, wish)
    if wish in ("page", "dacon"):
        names = ("page",) if wish == "page" else ("platform", "cpt_id", "team")
        return [competition.source.get(name) for name in names]
    return [getattr(part, wish, None) for part in (competition.files, competition.pictures)]


def write(place: Path, draft: Draft) -> None:
    with disk_errors(place):
        write_text(place, draft.text)


def source_of(slug: str, wishes: Wishes) -> dict[str, Any]:
    source: dict[str, Any] = {"platform": "files", "mirror": slug}
    if wishes.dacon:
        number, team = wishes.dacon
        source |= {"platform": "dacon", "cpt_id": number, "team": team}
    return source | ({"page": wishes.page} if wishes.page else {})
