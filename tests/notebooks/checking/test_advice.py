"""Advice: each rule on a notebook that asks for it, and on the one beside it that does not."""

import re
from typing import Any

import pytest
from nbformat import v4

from pipelines.cells import conversion
from pipelines.notebooks.checking.advice import advise
from pipelines.plumbing.pages import Say
from pipelines.values.kernel import NOTES

WRITTEN = "".join(f"## {heading}\nsomething\n\n" for heading in NOTES)


def advice_on(*cells: str, draft: Any = None, notes: str | None = WRITTEN) -> list[str]:
    text = "# %% [markdown]\n# # Title\n\n" + "".join(f"# %%\n{cell}\n\n" for cell in cells)
    return advise(conversion.from_percent(text), draft, notes, Say("en"))


def drafted(*counts: int | None, source: str = "x = 1") -> Any:
    cells = [v4.new_code_cell(source, execution_count=count) for count in counts]
    return v4.new_notebook(cells=[v4.new_markdown_cell("# Title"), *cells])


def one(found: list[str], pattern: str) -> None:
    assert len(found) == 1, found
    assert re.search(pattern, found[0]), found


def test_a_plain_notebook_asks_for_no_advice() -> None:
    assert advice_on("import numpy as np", "print(np.arange(3))", draft=drafted(1, 2)) == []


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((1, 3, 2), "Cell 3 of your notebook was run before cell 2"),
        ((2, 2), "Cell 2 of your notebook was run before cell 1"),
        ((1, 2, 5), "has the number 5, and there are 3 cells"),
        ((3, 4), "has the number 4, and there are 2 cells"),
    ],
)
def test_cells_run_out_of_order_or_twice(counts: tuple[int, ...], words: str) -> None:
    one(advice_on(draft=drafted(*counts)), words)


@pytest.mark.parametrize("counts", [(1, 2, 3), (None, None), (1, 2, None), ()])
def test_cells_run_once_from_the_top(counts: tuple[int | None, ...]) -> None:
    assert advice_on(draft=drafted(*counts)) == []


def test_empty_cells_have_no_place_in_the_order() -> None:
    assert advice_on(draft=drafted(None, None, source=" ")) == []


TRAINS = """def train_step(x):
    with tf.GradientTape() as tape:
        loss = model(x, training=True)
    return loss"""
TESTS = """@tf.function
def test_step(x):
    return model(x, training=True)"""


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ("p = model(x, training=True)", 1),
        (TESTS, 3),
        ("%time p = 1\nq = [net(x, training=True)]", 2),
    ],
)
def test_prediction_in_training_mode(cell: str, line: int) -> None:
    one(advice_on(cell), rf"Cell 1, line {line} calls .* training=True")


@pytest.mark.parametrize(
    "cell",
    [
        TRAINS,
        TRAINS.replace("train_step", "step"),
        "def train_batch(x):\n    return model(x, training=True)",
        "with tf.GradientTape() as tape:\n    p = model(x, training=True)",
        "p = model(x, training=False)",
        "p = model(x)",
        "def call(self, x, training=True):\n    return x",
    ],
)
def test_training_mode_where_it_belongs(cell: str) -> None:
    assert advice_on(cell) == []


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("scaler.fit_transform(X_test)", "X_test"),
        ("model.fit(x_test, y_test)", "x_test"),
        ("encoder.fit(testData['Sex'].values.reshape(-1, 1))", "testData"),
        ("tokenizer.fit_on_texts(list_of_test.values)", "list_of_test"),
        ("all_data = pd.concat((train, test))\nscaler.fit(all_data[['Age']])", "all_data"),
        ("scaler.fit(np.vstack([x_train, x_test]))", "x_test"),
        ("scaler.fit(cleaned(np.concatenate([x_train, x_test])))", "x_test"),
        ("for part in [train, test]:\n    part['a'] = encoder.fit_transform(part['a'])", "part"),
        ("both = [train_df, test_df]\nencoder.fit(both[0]['a'])", "both"),
        ("def scale():\n    return StandardScaler().fit_transform(test_df)", "test_df"),
        (
            "for _ in x:\n    if _:\n        both = pd.concat([train, test])\nscaler.fit(both)",
            "both",
        ),
    ],
)
def test_fitting_on_rows_that_are_scored_later(cell: str, name: str) -> None:
    one(advice_on(cell), rf"Cell 1, line \d fits on {name}, ")


@pytest.mark.parametrize(
    "cell",
    [
        "scaler.fit(X_train)\nscaler.transform(X_test)",
        "model.fit(latest, y)",
        "x_train, x_test = train_test_split(x)\nmodel.fit(x_train)",
        "all_data = pd.concat((train, test))\nmodel.fit(all_data[:len(train)], y)",
        "all_data = pd.concat((train, test))\nmodel.fit(all_data[all_data['known'] == 1])",
        "all_data = pd.concat((train, extra))\nscaler.fit(all_data)",
        "model.predict(x_test)",
        "for part in [train, test]:\n    part['a'] = part['a'].fillna(0)",
        "fit(x_test)",
    ],
)
def test_fitting_on_training_rows(cell: str) -> None:
    assert advice_on(cell) == []


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("model.fit(x, y, validation_data=(x_test, y_test))", "watches x_test"),
        ("model.fit(train_ds, validation_data=test_ds, callbacks=[stop])", "watches test_ds"),
        ("gbm.fit(x, y, eval_set=[(x, y), (X_test, y_test)])", "watches X_test"),
        ("lgb.train(params, d, valid_sets=[d, dtest])", "watches dtest"),
        ("if test_acc > best_acc:\n    best_acc = test_acc", "chooses the best by test_acc"),
    ],
)
def test_choosing_by_the_test_score(cell: str, words: str) -> None:
    one(advice_on(cell), words)


@pytest.mark.parametrize(
    "cell",
    [
        "model.fit(x, y, validation_data=(x_val, y_val))",
        "model.fit(x, y, validation_split=0.2)",
        "if val_acc > best_acc:\n    best_acc = val_acc",
        "if test_acc > 0.9:\n    print(best)",
    ],
)
def test_choosing_by_training_rows(cell: str) -> None:
    assert advice_on(cell) == []


def test_a_very_long_cell() -> None:
    one(advice_on("\n".join(f"a{i} = {i}" for i in range(61))), "Cell 1 has 61 lines")
    assert advice_on("\n".join(f"a{i} = {i}" for i in range(60))) == []


def test_a_run_of_cells_without_a_word() -> None:
    one(advice_on(*["x = 1"] * 7), "Cells 1 to 7 stand without a word")
    assert advice_on(*["x = 1"] * 6) == []
    split = ["x = 1"] * 5 + ["x = 1\n\n# %% [markdown]\n# And now"] + ["x = 1"] * 6
    assert advice_on(*split) == []
    one(advice_on(*split, "x = 1"), "Cells 7 to 13 stand")


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (("import os\nimport numpy as np", "np.zeros(3)"), "os"),
        (("from sklearn import svm, tree as t", "svm.SVC()"), "t"),
        (("import matplotlib.pyplot", "x = 1"), "matplotlib"),
        (("import os, sys",), "os, sys"),
    ],
)
def test_unused_imports(cells: tuple[str, ...], names: str) -> None:
    assert advice_on(*cells) == [f"Imported and never used: {names}."]


@pytest.mark.parametrize(
    "cells",
    [
        ("import matplotlib.pyplot as plt", "plt.show()"),
        ("import numpy as np", "%timeit np.zeros(3)"),
        ("import numpy as np", "%%time\nx = np.zeros(3)"),
        ("from __future__ import print_function",),
        ("from mpl_toolkits.mplot3d import Axes3D",),
        ("import secret_effect  # noqa: F401",),
        ("from math import *",),
        ("import os", "%%bash\necho 3", "def f():\n    return os.getcwd()"),
    ],
)
def test_used_imports(cells: tuple[str, ...]) -> None:
    assert advice_on(*cells) == []


def test_broken_code_gives_no_advice_of_its_own_and_no_crash() -> None:
    # `np` may well be used in the cell that cannot be read.
    assert advice_on("import numpy as np", "print np.zeros(3), training=True", "x = (") == []
    assert advice_on("x = 'a\0b'", "\\", "(" * 5000) == []
    one(advice_on("print 3", "model.fit(x_test)"), "Cell 2, line 1 fits on x_test")


def test_empty_headings_of_the_notes() -> None:
    one(advice_on(notes=None), "There is no notes.md: write down 특징, 장점")
    one(advice_on(notes=""), "nothing yet under: 특징, 장점, 단점, 배운 점, 질문, 개선방안")
    holes = WRITTEN.replace("## 단점\nsomething", "## 단점 (weaknesses)\n\n- \n<!-- write here -->")
    one(advice_on(notes=holes), r"under: 단점\.$")
    one(advice_on(notes=WRITTEN.replace("## 질문\nsomething", "")), r"under: 질문\.$")
    assert advice_on(notes=WRITTEN.replace("## ", "# ")) == []
