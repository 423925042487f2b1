"""Which statement of one notebook is which of another, whatever its variables are called.

The renaming is one for the whole notebook and goes both ways: one variable of ours stands for one of the
original's. It is found by vote. Parts that look alike with all own names left blank propose what each name
stands for; the pairs with most votes that do not contradict each other are the renaming; and then only what
agrees with it counts as present. Two proposals are tried, names left blank and names as written, because the
first sees through a renaming and the second through a new order; the one that explains more is taken.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import groupby

from pipelines.transcription.scopes import Own
from pipelines.transcription.syntax import Statement

_ROUNDS = 5  # of learning more names from what is matched; two are usual
_MOST_REPEATS = 20_000  # pairs of equal keys
_MOST_PLACES = 50  # that are tried for one statement


@dataclass(eq=False)
class Renaming:
    """Which own name of ours stands for which of the original's, and back."""

    to_original: dict[Own, Own] = field(default_factory=dict)
    to_ours: dict[Own, Own] = field(default_factory=dict)

    def allows(self, pairs: Iterable[tuple[Own, Own]]) -> bool:
        """Whether (ours, original) pairs contradict neither this renaming nor each other."""
        there: dict[Own, Own] = {}
        back: dict[Own, Own] = {}
        return all(
            self.to_original.get(ours, original) == original
            and self.to_ours.get(original, ours) == ours
            and there.setdefault(ours, original) == original
            and back.setdefault(original, ours) == ours
            for ours, original in pairs
        )

    def add(self, pairs: Iterable[tuple[Own, Own]]) -> bool:
        """Take in pairs that it allows; whether any was new."""
        before = len(self.to_original)
        for ours, original in pairs:
            self.to_original[ours] = original
            self.to_ours[original] = ours
        return len(self.to_original) > before


@dataclass(frozen=True, eq=False)
class Matching:
    """What was found.

    Attributes:
        pairs: index of our statement → index of the original's, those that are the same up to names.
    """

    pairs: dict[int, int]
    renaming: Renaming


@dataclass(frozen=True, eq=False)
class _Part:
    """Statements in a row that are matched as one: a cell, one at the margin with its body, or one alone."""

    start: int
    statements: tuple[Statement, ...]

    def blank(self) -> Hashable:
        """The trees with own names numbered as they occur."""
        numbers: dict[Own, int] = {}
        names = tuple(
            numbers.setdefault(own, len(numbers)) for each in self.statements for own in each.own
        )
        return (tuple(each.blank for each in self.statements), names)

    def literal(self) -> Hashable:
        """The trees with the names as written."""
        return tuple((each.blank, each.spelled) for each in self.statements)

    def named(self, names: dict[Own, Own]) -> Hashable | None:
        """The trees with the names that `names` gives; None where it does not know one."""
        found = tuple(names.get(own) for each in self.statements for own in each.own)
        return None if None in found else (tuple(each.blank for each in self.statements), found)

    def as_is(self) -> Hashable:
        """The trees with their own names, to be found by `named`."""
        found = tuple(own for each in self.statements for own in each.own)
        return (tuple(each.blank for each in self.statements), found)


Statements = Sequence[Statement]
Look = Callable[[_Part], Hashable | None]


def match(ours: Statements, original: Statements) -> Matching:
    """Find the reading under which most statements of `original` are present in `ours`.

    Statements may have moved; each is used once.
    """
    blank = _reading(ours, original, _Part.blank)
    if len(blank.pairs) == len(original) and all(i == j for i, j in blank.pairs.items()):
        return blank
    literal = _reading(ours, original, _Part.literal)

    def explained(matching: Matching) -> tuple[int, int]:
        identical = sum(ours[i].spelled == original[j].spelled for i, j in matching.pairs.items())
        return len(matching.pairs), identical

    return max(literal, blank, key=explained)


def _reading(ours: Statements, original: Statements, look: Look) -> Matching:
    """One reading: what `look` finds alike proposes the names, and they decide what is present."""
    renaming = _elected(ours, original, _alike(ours, original, look, look))
    for _ in range(_ROUNDS):
        names = dict(renaming.to_original)
        pairs = _alike(ours, original, lambda part: part.named(names), _Part.as_is)  # noqa: B023 - used at once
        if not _learn(ours, original, pairs, renaming):
            break
    _as_written(ours, original, pairs, renaming)
    return Matching(dict(sorted(pairs.items())), renaming)


def _alike(ours: Statements, original: Statements, mine: Look, theirs: Look) -> dict[int, int]:
    """Pairs of statements whose parts look alike: whole cells first, then smaller and smaller parts.

    A function is found as a whole before its lines are, and so its variables stay together.
    """
    pairs: dict[int, int] = {}
    levels: list[Callable[[int, Statement], int]] = [
        lambda _, each: each.cell,
        lambda _, each: each.top,
        lambda index, _: index,
    ]
    for level in levels:
        left = _parts(ours, level, set(pairs))
        right = _parts(original, level, set(pairs.values()))
        for i, j in _rows([mine(part) for part in left], [theirs(part) for part in right]):
            size = len(left[i].statements)
            pairs.update({left[i].start + k: right[j].start + k for k in range(size)})
    return pairs


def _parts(
    statements: Statements, level: Callable[[int, Statement], int], taken: set[int]
) -> list[_Part]:
    rest = [(index, each) for index, each in enumerate(statements) if index not in taken]
    groups = (list(group) for _, group in groupby(rest, lambda pair: level(*pair)))
    return [_Part(group[0][0], tuple(each for _, each in group)) for group in groups]


def _rows(
    left: Sequence[Hashable | None], right: Sequence[Hashable | None]
) -> list[tuple[int, int]]:
    """Pairs of equal keys: those in the same order first, then what has moved; None equals nothing."""
    numbers: dict[Hashable, int] = {}
    a = [
        -1 - i if key is None else numbers.setdefault(key, len(numbers))
        for i, key in enumerate(left)
    ]
    b = [numbers.get(key, -1 - len(left) - j) for j, key in enumerate(right)]
    if a == b:
        return [(i, i) for i in range(len(a))]
    often = Counter(b)
    # What is everywhere (`plt.show()`) does not begin a block where that would take seconds; it extends one.
    is_repetitive = sum(often[key] for key in a) > _MOST_REPEATS
    blocks = SequenceMatcher(None, a, b, autojunk=is_repetitive).get_matching_blocks()
    found = {i + k: j + k for i, j, size in blocks for k in range(size)}
    places: dict[int, list[int]] = defaultdict(list)
    for j in sorted(set(range(len(b))) - set(found.values())):
        places[b[j]].append(j)
    for i in range(len(a)):
        if i not in found and places[a[i]]:
            # What follows a moved one has most likely moved with it.
            follows = found.get(i - 1, -2) + 1
            free = places[a[i]]
            found[i] = free.pop(free.index(follows) if follows in free else 0)
    return sorted(found.items())


def _elected(ours: Statements, original: Statements, proposed: dict[int, int]) -> Renaming:
    """The renaming that most of the proposed pairs vote for; a rare statement has more to say."""
    often = Counter(each.blank for each in original)
    votes: dict[tuple[Own, Own], float] = defaultdict(float)
    for i, j in proposed.items():
        if len(ours[i].own) == len(original[j].own):
            for pair in dict.fromkeys(zip(ours[i].own, original[j].own, strict=True)):
                votes[pair] += 1 / often[original[j].blank]
    renaming = Renaming()
    for pair in sorted(votes, key=lambda pair: -votes[pair]):
        if renaming.allows([pair]):
            renaming.add([pair])
    return renaming


def _learn(
    ours: Statements, original: Statements, pairs: dict[int, int], renaming: Renaming
) -> bool:
    """Learn names from what is alike but for names not yet known; whether there were any."""
    places: dict[Hashable, list[int]] = defaultdict(list)
    for j in sorted(set(range(len(original))) - set(pairs.values())):
        places[_Part(j, (original[j],)).blank()].append(j)
    learned = False
    for i in range(len(ours)):
        if i in pairs:
            continue
        best: tuple[int, list[tuple[Own, Own]]] | None = None
        for j in places[_Part(i, (ours[i],)).blank()][:_MOST_PLACES]:
            names = list(zip(ours[i].own, original[j].own, strict=True))
            known = sum(renaming.to_original.get(mine) == theirs for mine, theirs in names)
            if renaming.allows(names) and (best is None or known > best[0]):
                best = known, names
        learned |= best is not None and renaming.add(best[1])
    return learned


def _as_written(
    ours: Statements, original: Statements, pairs: dict[int, int], renaming: Renaming
) -> None:
    """Add what is written alike where a name is the notebook's own on one side only.

    Where a member imports what the original defines, or leaves its definition out, the lines that use it
    are still there.
    """
    left = [i for i in range(len(ours)) if i not in pairs]
    right = sorted(set(range(len(original))) - set(pairs.values()))
    for i, j in _rows([ours[i].spelled for i in left], [original[j].spelled for j in right]):
        both = list(zip(ours[left[i]].tokens, original[right[j]].tokens, strict=True))
        own = [(a, b) for a, b in both if isinstance(a, Own) and isinstance(b, Own)]
        is_same_import = all(a == b for a, b in both if isinstance(a, str) and isinstance(b, str))
        if is_same_import and renaming.allows(own):
            pairs[left[i]] = right[j]
