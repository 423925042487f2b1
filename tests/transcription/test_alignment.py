"""A transcription beside its original: what counts as present, and how alike members are beyond it."""

import ast
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.transcription.alignment import Comparison, compare, matrix

ORIGINAL = [
    "import numpy as np\nimport pandas as pd",
    "%matplotlib inline",
    "train = pd.read_csv('../input/train.csv')\ntest = pd.read_csv('../input/test.csv')\ntrain.head()",
    "# a word about the model",
    "def scaled(data, factor=3):\n    '''Scale.'''\n    result = data * factor\n    return result",
    "class Net(Model):\n    def __init__(self, size):\n        self.d1 = Dense(size)\n    def call(self, x):\n        return self.d1(x)",
    "for epoch in range(10):\n    loss = step(train)\n    print(epoch, loss)",
    "net = Net(size=3)\nnet.fit(scaled(train, factor=2))",
    "best = sorted([(w, s) for w, s in net.votes], key=lambda pair: pair[1])\nprint(f'{best[0]:.3f}')",
    "train.plot()\nplt.show()",
]
NAMES = {"np": "n", "pd": "판다스", "train": "tr", "test": "train", "scaled": "scale_it", "data": "x", "factor": "k",
         "result": "out", "Net": "MyNet", "size": "units", "d1": "dense", "x": "batch", "epoch": "e", "loss": "l",
         "net": "model", "best": "top", "w": "a", "s": "b", "pair": "p"}  # fmt: skip


def renamed(cells: list[str]) -> list[str]:
    """The cells with every own name as in NAMES, and notes and spaces of a member's own."""
    swapped = [
        re.sub(
            r"(?<![\w'/.])(self\.)?(\w+)\b",
            lambda word: (word[1] or "") + NAMES.get(word[2], word[2]),
            cell,
        )
        for cell in cells
    ]
    return [
        cell
        if cell.startswith("%")
        else "# 메모\n" + cell.replace(", ", ",  ").replace("Scale.", "늘린다")
        for cell in swapped
    ]


def states(comparison: Comparison) -> dict[int | None, str]:
    return {pair.original: pair.state for pair in comparison.pairs}


def test_the_same_notebook_is_all_there() -> None:
    found = compare(ORIGINAL, ORIGINAL)
    assert found.coverage == 1
    assert set(states(found).values()) == {"same"}
    assert (found.additions, found.renames) == (0, {})
    assert 3 not in states(found), "a cell with notes only"


def test_a_pasted_original_with_renamed_variables_is_all_renamed() -> None:
    found = compare(renamed(ORIGINAL), ORIGINAL)
    assert found.coverage == 1
    assert found.additions == 0
    assert {cell for cell, state in states(found).items() if state == "same"} == {1}, "the magic"
    assert set(states(found).values()) == {"same", "renamed"}
    assert found.renames["train"] == "tr"
    assert found.renames["test"] == "train"
    assert found.renames["scaled.factor"] == "k"
    assert found.renames["Net.self.d1"] == "dense"
    assert "np" not in found.renames, "an alias stands for what was imported"


@pytest.mark.parametrize("rename", [list, renamed])
@pytest.mark.parametrize(
    ("cell", "before", "after"),
    [(2, "test.csv", "test2.csv"), (4, "* ", "+ "), (5, "Dense(", "Conv("), (6, "range(10)", "range(20)"),
     (7, "fit", "predict"), (9, "plot", "hist"), (1, "inline", "notebook"), (8, "[1]", "[0]")],
)  # fmt: skip
def test_one_changed_line_is_exactly_this_cell(
    rename: object, cell: int, before: str, after: str
) -> None:
    ours = list(renamed(ORIGINAL) if rename is renamed else ORIGINAL)
    assert before in ours[cell]
    ours[cell] = ours[cell].replace(before, after)
    found = compare(ours, ORIGINAL)
    assert [pair.original for pair in found.pairs if pair.state not in ("same", "renamed")] == [
        cell
    ]
    assert states(found)[cell] == "changed"
    total = sum(pair.statements for pair in found.pairs)
    assert found.coverage == pytest.approx(1 - 1 / total)
    assert found.additions == 0
    marks = [mark for pair in found.pairs for mark, _ in pair.lines if mark != " "]
    assert marks == ["-", "+"]


def test_two_variables_made_one_are_a_change() -> None:
    original = ["a = 1\nb = 2", "print(a)", "print(b)", "print(a, b)"]
    found = compare(["x = 1\nx = 2", "print(x)", "print(x)", "print(x, x)"], original)
    assert found.coverage < 0.7
    assert "changed" in states(found).values()
    assert compare(["x = 1\ny = 2", "print(x)", "print(y)", "print(x, y)"], original).coverage == 1


def test_one_variable_made_two_is_a_change() -> None:
    found = compare(["a = f()", "b = g(a)", "h(b)"], ["a = f()", "a = g(a)", "h(a)"])
    assert found.coverage < 1


def test_two_variables_that_changed_places_are_renamed_or_changed_by_what_they_hold() -> None:
    original = ["a = 1", "b = 2", "print(a - b)"]
    assert compare(["b = 1", "a = 2", "print(b - a)"], original).coverage == 1
    assert compare(["b = 1", "a = 2", "print(a - b)"], original).coverage == pytest.approx(2 / 3)


def test_a_local_name_may_be_renamed_in_one_function_alone() -> None:
    original = ["def f(x):\n    return x", "def g(x):\n    return x + 1", "f(x=g(2))"]
    ours = ["def f(data):\n    return data", "def g(x):\n    return x + 1", "f(data=g(2))"]
    found = compare(ours, original)
    assert found.coverage == 1
    assert states(found) == {0: "renamed", 1: "same", 2: "renamed"}
    assert found.renames == {"f.x": "data"}


def test_imported_names_are_no_variables() -> None:
    original = ["from sklearn.metrics import accuracy_score", "print(accuracy_score(a, b))"]
    other = ["from sklearn.metrics import f1_score", "print(f1_score(a, b))"]
    alias = ["from sklearn.metrics import accuracy_score as acc", "print(acc(a, b))"]
    elsewhere = ["from mine import accuracy_score", original[1]]
    assert compare(other, original).coverage == compare(elsewhere, original).coverage == 0
    assert set(states(compare(alias, original)).values()) == {"renamed"}


def test_cells_put_together_and_cells_taken_apart_are_all_there() -> None:
    together = ["\n".join(ORIGINAL[:1] + ORIGINAL[2:6]), ORIGINAL[1], "\n".join(ORIGINAL[6:])]
    apart = [line for cell in ORIGINAL[:3] for line in cell.splitlines()] + ORIGINAL[4:]
    for ours in (together, apart):
        found = compare(ours, ORIGINAL)
        assert found.coverage == 1
        assert set(states(found).values()) == {"same"}
    assert next(pair.ours for pair in compare(apart, ORIGINAL).pairs if pair.original == 2) == (
        3,
        4,
        5,
    )


def test_moved_cells_are_there_and_lines_that_changed_places_are_a_change() -> None:
    moved = compare(ORIGINAL[5:] + ORIGINAL[:5], ORIGINAL)
    assert moved.coverage == 1
    assert set(states(moved).values()) == {"same"}
    swapped = list(ORIGINAL)
    swapped[7] = "\n".join(reversed(ORIGINAL[7].splitlines()))
    found = compare(swapped, ORIGINAL)
    assert found.coverage == 1
    assert {cell for cell, state in states(found).items() if state == "changed"} == {7}


def test_the_reading_with_the_names_as_they_are_is_preferred() -> None:
    found = compare(
        ["b = 1", "a = 1", "print(a)", "print(b)"], ["a = 1", "b = 1", "print(a)", "print(b)"]
    )
    assert set(states(found).values()) == {"same"}
    assert found.renames == {}


def test_one_line_in_the_place_of_one_was_changed_however_much() -> None:
    ours = ["a = 1", "%%time", "print(a)"]
    assert states(compare(ours, ["a = 1", "assert open('x')", "print(a)"])) == {
        0: "same",
        1: "changed",
        2: "same",
    }


def test_what_follows_tells_the_place_where_what_went_before_has_moved() -> None:
    found = compare(["assert open('x')", "b = 2", "a = 1"], ["a = 1", "print(a)", "b = 2"])
    assert states(found) == {0: "same", 1: "changed", 2: "same"}


def test_an_added_line_is_shown_with_the_nearest_before_it_also_a_changed_one() -> None:
    original = ["a = 1", "loss = step(train, 3)"]
    found = compare(["a = 1\nloss = step(train, 4)\nprint('mine')"], original)
    assert [(pair.original, pair.added) for pair in found.pairs] == [(0, 0), (1, 1)]


def test_left_out_and_added_cells_stand_where_they_belong() -> None:
    ours = [*ORIGINAL[:4], *ORIGINAL[5:7], "import shap\nexplain(net, shap, 'mine')", *ORIGINAL[7:]]
    found = compare(ours, ORIGINAL)
    assert [(pair.original, pair.state) for pair in found.pairs if pair.state != "same"] == [
        (4, "left out"),
        (None, "added"),
    ]
    order = [pair.original for pair in found.pairs]
    assert order[order.index(None) - 1] == 6
    assert found.additions == 2


def test_a_line_added_inside_a_cell_changes_it_and_takes_nothing_away() -> None:
    ours = list(ORIGINAL)
    ours[6] += "\n    assert loss < 9"
    found = compare(ours, ORIGINAL)
    assert found.coverage == 1
    assert [pair.original for pair in found.pairs if pair.state == "changed"] == [6]
    assert found.additions == 1


def test_a_definition_left_out_leaves_the_lines_that_use_it() -> None:
    ours = ["from mine import scaled", *ORIGINAL[:4], *ORIGINAL[5:]]
    found = compare(ours, ORIGINAL)
    assert [cell for cell, state in states(found).items() if state == "left out"] == [4]


def test_a_notebook_that_cannot_be_parsed_is_compared_by_lines() -> None:
    original = ["library(dplyr)\nx <- read.csv('a')", "for x in y:\n  exec 'a'\nz = [", "print 'a'"]
    assert compare(original, original).coverage == 1
    found = compare([original[0].replace("'a'", "'b'"), *original[1:]], original)
    assert states(found) == {0: "changed", 1: "same", 2: "same"}
    assert states(compare([*original[:2], "print('a')"], original))[2] == "same"


def test_an_empty_side() -> None:
    assert compare([], []).coverage == 1
    assert compare(ORIGINAL, ["# nothing"]).coverage == 1
    nothing = compare([], ORIGINAL)
    assert nothing.coverage == 0
    assert set(states(nothing).values()) == {"left out"}


OWN = [
    "weights = np.random.rand(7)",
    "blend = sum(w * p for w, p in zip(weights, preds))\nblend.to_csv('mine.csv')",
]


def test_members_are_alike_by_what_the_original_has_not() -> None:
    theirs = [
        cell.replace("weights", "ww").replace("blend", "mix").replace("np.", "n.") for cell in OWN
    ]
    members = {
        "m03": ORIGINAL,
        "m01": ORIGINAL + OWN,
        "m02": renamed(ORIGINAL) + theirs,
        "m04": [*ORIGINAL, "net.save('own idea')", OWN[0]],
        "m05": ORIGINAL,
    }
    found = matrix(members, ORIGINAL)
    assert found.of("m01", "m02") == 1, "their own part is the same up to names"
    assert found.of("m03", "m05") == 1, "identical text"
    assert found.of("m03", "m01") == 0, "nothing beyond the original is no evidence"
    assert found.of("m01", "m04") == pytest.approx(2 * 1 / (3 + 2))
    assert found.own == (0, 3, 3, 2, 0)
    assert all(found.of(a, b) == found.of(b, a) for a in members for b in members)
    assert all(found.of(a, a) == 1 for a in members)
    assert matrix(members, None).of("m03", "m01") > 0.5, "without an original all of it counts"


# --- random programs ------------------------------------------------------------------------------------

VARIABLES = ["a", "b", "c", "d"]
names = st.sampled_from(VARIABLES)
values = st.one_of(names, st.integers(0, 2).map(str), st.tuples(names, names).map(" + ".join), names.map("len({})".format),
                   names.map("[i for i in {}]".format), names.map("(lambda b: b + 1)({})".format))  # fmt: skip
simple = st.one_of(
    st.tuples(names, values).map(" = ".join),
    values.map("print({})".format),
    names.map("{}.head()".format),
    st.just("plt.show()"),
)
blocks = st.one_of(
    st.tuples(names, simple, simple).map(
        lambda p: f"for {p[0]} in range(3):\n    {p[1]}\n    {p[2]}"
    ),
    st.tuples(names, names, simple, names).map(
        lambda p: f"def {p[0]}({p[1]}):\n    {p[2]}\n    return {p[3]}"
    ),
    st.tuples(values, simple).map(lambda p: f"if {p[0]}:\n    {p[1]}"),
)
programs = st.lists(st.lists(st.one_of(simple, blocks), min_size=1, max_size=4).map("\n".join), max_size=8)  # fmt: skip
renamings = st.permutations([*VARIABLES, "e", "f"]).map(
    lambda new: dict(zip(VARIABLES, new, strict=False))
)


class _Renamer(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit(self, node: ast.AST) -> ast.AST:
        for field in ("id", "arg", "name"):
            if isinstance(found := getattr(node, field, None), str):
                setattr(node, field, self.names.get(found, found))
        return self.generic_visit(node)


@settings(max_examples=150, deadline=None)
@given(programs)
def test_any_program_is_itself(cells: list[str]) -> None:
    found = compare(cells, cells)
    assert found.coverage == 1
    assert found.additions == 0
    assert all(pair.state == "same" and pair.ours == (pair.original,) for pair in found.pairs)


@settings(max_examples=150, deadline=None)
@given(programs, renamings)
def test_any_renaming_of_all_variables_leaves_all_there(
    cells: list[str], names: dict[str, str]
) -> None:
    cells = ["a = b = c = d = start()", *cells]  # a name that nobody binds is no variable
    ours = [ast.unparse(_Renamer(names).visit(ast.parse(cell))) for cell in cells]
    found = compare(ours, cells)
    assert found.coverage == 1
    assert found.additions == 0
    assert {pair.state for pair in found.pairs} <= {"same", "renamed"}


@settings(max_examples=150, deadline=None)
@given(programs, st.randoms(use_true_random=False))
def test_any_order_of_the_cells_leaves_all_there(cells: list[str], chance: random.Random) -> None:
    ours = chance.sample(cells, len(cells))
    found = compare(ours, cells)
    assert found.coverage == 1
    assert found.additions == 0


@settings(max_examples=150, deadline=None)
@given(programs, programs)
def test_nothing_is_counted_twice(ours: list[str], original: list[str]) -> None:
    found = compare(ours, original)
    assert 0 <= found.coverage <= 1
    present = sum(pair.present for pair in found.pairs)
    theirs = sum(pair.statements for pair in found.pairs if pair.original is not None)
    assert found.coverage == (present / theirs if theirs else 1)
    assert found.additions == sum(pair.added for pair in found.pairs)
    shown = [mark for pair in found.pairs for mark, _ in pair.lines]
    assert shown.count(" ") + shown.count("-") >= theirs
    shares = matrix({"m01": ours, "m02": original}, None).shares
    assert shares[0][1] == shares[1][0]
    assert 0 <= shares[0][1] <= 1
