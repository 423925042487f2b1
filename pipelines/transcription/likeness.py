"""Which statement was changed into which: what is in neither notebook as it is in the other, by likeness."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pipelines.transcription.matching import Matching
from pipelines.transcription.scopes import Own
from pipelines.transcription.syntax import Statement

if TYPE_CHECKING:
    import numpy as np

# Cosines of word counts. In the same place little has to be alike; elsewhere it must be the same with a word
# or two changed, or every `x = f(y)` would be a change of every other.
_IN_PLACE, _ANYWHERE = 0.3, 0.7
_STRUCTURE = 0.25  # what a node of the tree weighs beside a name, an attribute or a value
_BRACKETS = {"", "[", "]", "None"}
# Of the table of likenesses: 16 MB; beyond it only the same place is looked at.
_MOST_CELLS = 4_000_000


def likeliest(
    ours: Sequence[Statement], original: Sequence[Statement], found: Matching
) -> dict[int, int]:
    """Pairs of statements, ours → the original's, that `found` does not have and that are alike.

    First between the same neighbours, then anywhere; each statement is in one pair at most.
    """
    anchors = {j: j for j in found.pairs.values()}
    pairs: dict[int, int] = {}
    for step in (1, -1):
        # Where a statement stands: by the original's number of the nearest before it, then after it, that both have.
        in_ours = _places(range(len(ours))[::step], found.pairs)
        in_original = _places(range(len(original))[::step], anchors)
        left, right = _grouped(in_ours, pairs), _grouped(in_original, pairs.values())
        for place in left.keys() & right.keys():
            words = _words(ours, left[place], found), _words(original, right[place], None)
            # One in the place of one was changed, however much.
            is_single = len(left[place]) == len(right[place]) == 1
            for i, j in _greedy(*words, 0 if is_single else _IN_PLACE):
                pairs[left[place][i]] = right[place][j]
    rest = sorted(in_ours.keys() - pairs.keys())
    gone = sorted(in_original.keys() - set(pairs.values()))
    for i, j in _greedy(_words(ours, rest, found), _words(original, gone, None), _ANYWHERE):
        pairs[rest[i]] = gone[j]
    return pairs


def _places(order: Iterable[int], pairs: dict[int, int]) -> dict[int, int]:
    """Statement without a partner → the partner of the nearest that comes before it in `order`."""
    places: dict[int, int] = {}
    last = -1
    for index in order:
        if index in pairs:
            last = pairs[index]
        else:
            places[index] = last
    return places


def _grouped(places: dict[int, int], taken: Iterable[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for index in sorted(places.keys() - set(taken)):
        found.setdefault(places[index], []).append(index)
    return found


def _words(
    statements: Sequence[Statement], chosen: list[int], found: Matching | None
) -> list[Counter[object]]:
    """How often each token is in each chosen statement, with our names as the original has them."""
    names: dict[Own, Own] = found.renaming.to_original if found else {}
    # An own name that stands for none of the original's is a word of its own.
    own = (lambda name: names.get(name, ("ours", name))) if found else (lambda name: name)
    return [
        Counter(own(word) if isinstance(word, Own) else word for word in statements[index].tokens)
        for index in chosen
    ]


def _greedy(
    left: list[Counter[object]], right: list[Counter[object]], least: float
) -> list[tuple[int, int]]:
    """Pairs of positions, the most alike first, down to a cosine of `least`."""
    import numpy as np

    if not left or not right or len(left) * len(right) > _MOST_CELLS:
        return []
    numbers: dict[object, int] = {}
    for words in (*left, *right):
        for word in words:
            numbers.setdefault(word, len(numbers))
    cosines = _vectors(left, numbers) @ _vectors(right, numbers).T
    rows, columns = np.nonzero(cosines >= least)
    order = np.argsort(-np.round(cosines[rows, columns], 4), kind="stable")
    taken: tuple[set[int], set[int]] = (set(), set())
    pairs = []
    for i, j in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if i not in taken[0] and j not in taken[1]:
            taken[0].add(i)
            taken[1].add(j)
            pairs.append((i, j))
    return pairs


def _vectors(rows: list[Counter[object]], numbers: dict[object, int]) -> "np.ndarray":
    """Unit vectors of word counts, shape (n_rows, n_words)."""
    import numpy as np

    table: np.ndarray = np.zeros((len(rows), len(numbers)), dtype=np.float32)
    for row, words in enumerate(rows):
        for word, count in words.items():
            is_node = isinstance(word, str) and (word.startswith("<") or word in _BRACKETS)
            table[row, numbers[word]] = count * (_STRUCTURE if is_node else 1.0)
    norms = np.linalg.norm(table, axis=1, keepdims=True)
    return table / np.where(norms == 0, 1, norms)
