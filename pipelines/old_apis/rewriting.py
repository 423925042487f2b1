"""The edits of removals.yaml that are more than a new name.

Every edit touches only the characters it must: comments, line breaks and quotes stay as they were typed.
Each function here gives the edits for one place, or none where a person has to decide.
"""

import ast
from collections.abc import Callable, Mapping

from pipelines.cells.python2 import Edit
from pipelines.old_apis.reading import Reading, keyword_of

_ROW_METHODS = {"isnull", "isna", "notnull", "notna", "isin", "isnan", "between", "contains"}


def _value(node: ast.AST | None) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def _behind(reading: Reading, node: ast.expr, text: str) -> Edit:
    end = reading.span(node)[1]
    return Edit(end, end, text)


def _before(reading: Reading, node: "ast.expr | ast.stmt", text: str) -> Edit:
    start = reading.span(node)[0]
    return Edit(start, start, text)


def has_key(reading: Reading, call: ast.Call) -> list[Edit]:
    """`d.has_key(k)` → `(k in d)`."""
    if len(call.args) != 1 or not isinstance(call.func, ast.Attribute):
        return []
    key, holder = reading.source(call.args[0]), reading.source(call.func.value)
    return [Edit(*reading.span(call), f"({key} in {holder})")]


def needless_random_state(reading: Reading, call: ast.Call) -> list[Edit]:
    """Without shuffling it never had an effect."""
    keyword = keyword_of(call, "random_state")
    return [reading.without(keyword)] if keyword else []


def square_root(reading: Reading, call: ast.Call) -> list[Edit]:
    """`mean_squared_error(a, b, squared=False)` → `mean_squared_error(a, b) ** 0.5`."""
    keyword = keyword_of(call, "squared")
    if keyword is None or not isinstance(_value(keyword.value), bool):
        return []
    root = [] if _value(keyword.value) else [_behind(reading, call, " ** 0.5")]
    return [reading.without(keyword), *root]


def concat(reading: Reading, call: ast.Call) -> list[Edit]:
    """`df.append(more, ignore_index=True)` → `pd.concat([df, more], ignore_index=True)`."""
    function = reading.written("pandas.concat")
    if function is None or len(call.args) != 1 or not isinstance(call.func, ast.Attribute):
        return []
    more = call.args[0]
    if isinstance(more, ast.Dict) or (isinstance(more, ast.Call) and "Series" in ast.dump(more)):
        return []  # one row: what its names are is for a person to say
    text = reading.source(more)
    text = text[1:-1].strip() if isinstance(more, ast.List) else text
    text = f"*{text}" if isinstance(more, ast.ListComp) else text
    (start, _), (more_start, more_end) = reading.span(call), reading.span(more)
    frame = reading.source(call.func.value)
    return [
        Edit(start, more_start, f"{function}([{frame}, "),
        Edit(more_start, more_end, f"{text}]"),
    ]


def _whole_numbers(node: ast.expr | None) -> bool:
    """Whether an index counts positions: 3, -1, 1:4, [0, 2]."""
    if isinstance(node, ast.Slice):
        return any(map(_whole_numbers, (node.lower, node.upper)))
    if isinstance(node, ast.List | ast.Tuple):
        return bool(node.elts) and all(map(_whole_numbers, node.elts))
    if isinstance(node, ast.UnaryOp):
        return _whole_numbers(node.operand)
    return isinstance(_value(node), int)


def loc(reading: Reading, place: ast.Subscript) -> list[Edit]:
    """`.ix[rows, "c"]` → `.loc`; `.ix[:, 1:]` → `.iloc`; rows by label and columns by number are not clear."""
    if not isinstance(place.value, ast.Attribute):
        return []
    index = place.slice
    if not (
        isinstance(index, ast.Tuple) and len(index.elts) == 2 and _whole_numbers(index.elts[1])
    ):
        return [reading.renamed(place.value, "loc")]
    rows = index.elts[0]
    is_every_row = isinstance(rows, ast.Slice) and not (rows.lower or rows.upper)
    return [reading.renamed(place.value, "iloc")] if is_every_row else []


def axis(reading: Reading, call: ast.Call) -> list[Edit]:
    """`.drop(what, 1)` → `.drop(what, axis=1)`."""
    return [_before(reading, call.args[1], "axis=")]


def x_and_y(reading: Reading, call: ast.Call) -> list[Edit]:
    """`barplot("a", "b", data=df)` → `barplot(x="a", y="b", data=df)`."""
    names = ("x", "y", "hue", "data")
    if len(call.args) > len(names) or any(isinstance(each, ast.Starred) for each in call.args):
        return []
    return [
        _before(reading, each, f"{name}=") for each, name in zip(call.args, names, strict=False)
    ]


def bad_lines(reading: Reading, call: ast.Call) -> list[Edit]:
    keyword = keyword_of(call, "error_bad_lines")
    if keyword is None or not isinstance(_value(keyword.value), bool):
        return []
    word = "error" if _value(keyword.value) else "skip"
    return [Edit(*reading.span(keyword), f'on_bad_lines="{word}"')]


def fill(reading: Reading, call: ast.Call) -> list[Edit]:
    """`.fillna(method="ffill")` → `.ffill()`."""
    keyword = keyword_of(call, "method")
    names = {"ffill": "ffill", "pad": "ffill", "bfill": "bfill", "backfill": "bfill"}
    name = names.get(str(_value(keyword.value))) if keyword else None
    if keyword is None or name is None or call.args or not isinstance(call.func, ast.Attribute):
        return []
    return [reading.renamed(call.func, name), reading.without(keyword)]


def chained_inplace(reading: Reading, call: ast.Call) -> list[Edit]:
    """`df["c"].fillna(0, inplace=True)` → `df["c"] = df["c"].fillna(0)`."""
    keyword = keyword_of(call, "inplace")
    if keyword is None or not isinstance(call.func, ast.Attribute):
        return []
    column = reading.source(call.func.value)
    return [_before(reading, call, f"{column} = "), reading.without(keyword)]


def chained_assignment(reading: Reading, target: ast.Subscript) -> list[Edit]:
    """`df["c"][rows] = x` → `df.loc[rows, "c"] = x`."""
    column = target.value
    rows = reading.source(target.slice)
    if isinstance(column, ast.Subscript):
        frame, name = reading.source(column.value), reading.source(column.slice)
    elif isinstance(column, ast.Attribute):
        frame, name = reading.source(column.value), f'"{column.attr}"'
    else:
        return []
    return [Edit(*reading.span(target), f"{frame}.loc[{rows}, {name}]")]


def says_rows(node: ast.expr) -> bool:
    """Whether an index is a condition on rows, not a key of a dictionary or a number."""
    if isinstance(node, ast.Compare):
        return True
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Invert) and says_rows(node.operand)
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.BitAnd | ast.BitOr) and says_rows(node.left)
    name = getattr(node.func, "attr", "") if isinstance(node, ast.Call) else ""
    return name in _ROW_METHODS


def text_dtype(reading: Reading, test: ast.Compare) -> list[Edit]:
    """`x.dtype == "object"` → `pd.api.types.is_string_dtype(x.dtype)`, true of text old and new."""
    function = reading.written("pandas.api.types.is_string_dtype")
    if function is None or not isinstance(test.left, ast.Attribute):
        return []
    left, is_not = reading.source(test.left), isinstance(test.ops[0], ast.NotEq)
    if test.left.attr == "dtypes":
        return [Edit(*reading.span(test), f"{'~' if is_not else ''}{left}.map({function})")]
    text = f"{function}({left})"
    return [Edit(*reading.span(test), f"(not {text})" if is_not else text)]


def numeric_only(reading: Reading, call: ast.Call) -> list[Edit]:
    return [reading.added(call, "numeric_only=True")]


def catplot(reading: Reading, place: ast.Attribute) -> list[Edit]:
    """Another name, and `kind="point"`, which catplot does not take by itself."""
    call = reading.parents.get(place)
    edits = [reading.renamed(place, "catplot")]
    if isinstance(call, ast.Call) and call.func is place and keyword_of(call, "kind") is None:
        edits.append(reading.added(call, 'kind="point"'))
    return edits


def argmax(reading: Reading, call: ast.Call) -> list[Edit]:
    """`.predict_classes(X)` → `.predict(X).argmax(axis=-1)`; one sigmoid unit needs a threshold instead."""
    if "sigmoid" in reading.text or not isinstance(call.func, ast.Attribute):
        return []
    return [reading.renamed(call.func, "predict"), _behind(reading, call, ".argmax(axis=-1)")]


def seaborn_style(reading: Reading, call: ast.Call) -> list[Edit]:
    """`"seaborn-whitegrid"` → `"seaborn-v0_8-whitegrid"`."""
    start, end = reading.span(call.args[0])
    place = start + reading.text[start:end].index("seaborn") + len("seaborn")
    return [Edit(place, place, "-v0_8")]


def early_stopping(reading: Reading, call: ast.Call) -> list[Edit]:
    """LightGBM: `early_stopping_rounds=10` → `callbacks=[lgb.early_stopping(10)]`."""
    stop, log = (
        reading.written(f"lightgbm.{name}") for name in ("early_stopping", "log_evaluation")
    )
    made = reading.dotted(call.func) or reading.origin(getattr(call.func, "value", call))
    is_lightgbm = str(made).startswith("lightgbm.")
    if not (stop and log and is_lightgbm) or keyword_of(call, "callbacks"):
        return []
    callbacks, edits = [], []
    for name, function in (
        ("early_stopping_rounds", stop),
        ("verbose_eval", log),
        ("verbose", log),
    ):
        keyword = keyword_of(call, name)
        if keyword:
            edits.append(reading.without(keyword))
            value = reading.source(keyword.value)
            said = {"False": None, "None": None, "True": f"{function}()"}
            callbacks.append(said.get(value, f"{function}({value})"))
    told = ", ".join(filter(None, callbacks))
    return [*edits, reading.added(call, f"callbacks=[{told}]")] if told else edits


def set_params(reading: Reading, call: ast.Call) -> list[Edit]:
    """XGBoost: `model.fit(X, y, eval_metric="auc")` → `model.set_params(eval_metric="auc").fit(X, y)`."""
    if not isinstance(call.func, ast.Attribute):
        return []
    model = call.func.value
    if not str(reading.origin(model)).startswith("xgboost."):
        return []
    found = [keyword_of(call, name) for name in ("early_stopping_rounds", "eval_metric")]
    moved = [keyword for keyword in found if keyword]
    told = ", ".join(f"{each.arg}={reading.source(each.value)}" for each in moved)
    return [_behind(reading, model, f".set_params({told})"), *map(reading.without, moved)]


def numpy_itself(reading: Reading, place: ast.Attribute) -> list[Edit]:
    """`pd.np` → `np`, with an import of it before that of pandas where there is none."""
    bound = reading.written("numpy")
    if bound:
        return [Edit(*reading.span(place), bound)]
    imports = [node for node in reading.nodes if isinstance(node, ast.Import)]
    first = next(n for n in imports if any(a.name.startswith("pandas") for a in n.names))
    return [
        _before(reading, first, "import numpy as np; "),
        Edit(*reading.span(place), "np"),
    ]


EDITS: Mapping[str, Callable[..., list[Edit]]] = {
    function.__name__: function
    for function in (
        has_key, needless_random_state, square_root, concat, loc, axis, x_and_y, bad_lines, fill,
        chained_inplace, chained_assignment, text_dtype, numeric_only, catplot, argmax, seaborn_style, early_stopping, set_params, numpy_itself,
    )
}  # fmt: skip
