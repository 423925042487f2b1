"""Code that makes a score look better than it is: fitting or choosing on test rows, predicting in training mode.

Found by names: rows are test rows where a variable says so (`X_test`, `test_df`). So this is advice, no proof.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.cells.parsing import Parsed
from pipelines.plumbing.pages import Say

_FITS = ("fit", "fit_transform", "partial_fit", "fit_on_texts", "fit_resample", "adapt")
_CONCATENATIONS = ("concat", "concatenate", "vstack", "append")
_WATCHED = ("validation_data", "eval_set", "valid_sets", "evals", "eval_data")
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_TEST = {"test", "tests", "dtest", "xtest", "ytest", "testset", "testing"}
_SCORE = {"acc", "accuracy", "auc", "f", "loss", "rmse", "score", "scores"}
_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, eq=False)
class Cell:
    """A code cell that parses.

    Attributes:
        number: counted from 1 among the code cells.
        parsed: its text, with what else than Python is in it.
        tree: of the text.
    """

    number: int
    parsed: Parsed
    tree: ast.Module


def leaks(cells: list[Cell], say: Say) -> list[str]:
    """A sentence for each place that is worth a second look."""
    return [*_training_mode(cells, say), *_fitted_on_test(cells, say), *_chosen_by_test(cells, say)]


def _training_mode(cells: list[Cell], say: Say) -> list[str]:
    return [
        say(
            "Cell %(cell)s, line %(line)s calls a layer or model with training=True outside of a training step: "
            "batch normalisation then uses the statistics of the very rows it predicts, and dropout stays on.",
            cell=cell.number, line=call.lineno,
        )
        for cell in cells
        for call in _calls_outside_training(cell.tree)
        if any(key.arg == "training" and _is_true(key.value) for key in call.keywords)
    ]  # fmt: skip


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _calls_outside_training(node: ast.AST) -> Iterator[ast.Call]:
    """Calls that stand neither in a function that trains nor under a GradientTape."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _FUNCTION) and _trains(child):
            continue
        if isinstance(child, ast.With) and any(_is_tape(item.context_expr) for item in child.items):
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from _calls_outside_training(child)


def _trains(function: "ast.FunctionDef | ast.AsyncFunctionDef") -> bool:
    return "train" in _parts(function.name) or any(map(_is_tape, ast.walk(function)))


def _is_tape(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and called(node) == "GradientTape"


def called(call: ast.Call) -> str:
    """The last part of what is called: `fit` of `model.fit(…)`."""
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def _fitted_on_test(cells: list[Cell], say: Say) -> Iterator[str]:
    mixed = set[str]()
    for number, node in _nodes(cells):
        mixed |= _mixed_by(node)
        if isinstance(node, ast.Call) and (name := _test_rows_of_fit(node, mixed)):
            yield say(
                "Cell %(cell)s, line %(line)s fits on %(name)s, which holds rows that are scored later: fit "
                "on the training rows alone, then transform the others.",
                cell=number, line=node.lineno, name=name,
            )  # fmt: skip


def _nodes(cells: list[Cell]) -> Iterator[tuple[int, ast.AST]]:
    """Every node with its cell's number, in the order of the lines: `ast.walk` goes level by level."""
    for cell in cells:
        for node in sorted(ast.walk(cell.tree), key=lambda node: getattr(node, "lineno", 0)):
            yield cell.number, node


def _test_rows_of_fit(call: ast.Call, mixed: set[str]) -> str | None:
    """The variable with test rows that a call fits on; None where it does not, or fits nothing."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in _FITS:
        return None
    named = [root for part in call.args[:2] for root in _roots(part)]
    if call.args and _mixes(call.args[0]):
        named += _names_in(call.args[0])
    return next((name for name in named if _is_test(name) or name in mixed), None)


def _mixed_by(node: ast.AST) -> set[str]:
    """Names that a statement binds to training and test rows together, or to each of them in turn."""
    if isinstance(node, ast.For) and isinstance(node.target, ast.Name):
        return {node.target.id} if _lists_test(node.iter) else set()
    if not (isinstance(node, ast.Assign) and (_mixes(node.value) or _lists_test(node.value))):
        return set()
    return {target.id for target in node.targets if isinstance(target, ast.Name)}


def _mixes(node: ast.expr) -> bool:
    """Whether a concatenation stands within that takes training and test rows."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and called(call) in _CONCATENATIONS:
            names = _names_in(call)
            if any(map(_is_test, names)) and any("train" in _parts(name) for name in names):
                return True
    return False


def _lists_test(node: ast.expr) -> bool:
    return isinstance(node, ast.List | ast.Tuple) and any(
        _is_test(root) for part in node.elts for root in _roots(part)
    )


def _roots(node: ast.expr) -> list[str]:
    """The variables whose rows an expression has: `df` of `df["a"].values`, none of `df[:n]`, some rows of it."""
    match node:
        case ast.Name():
            return [node.id]
        case ast.List() | ast.Tuple():
            parts = node.elts
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np" | "pd" | "tf"))):
            parts = node.args[:1]
        case ast.Call(func=ast.Attribute() as function):
            parts = [function.value]
        case ast.Attribute():
            parts = [node.value]
        case ast.Subscript() if not isinstance(node.slice, ast.Slice | ast.Tuple | ast.Compare):
            parts = [node.value]
        case _:
            parts = []
    return [root for part in parts for root in _roots(part)]


def _chosen_by_test(cells: list[Cell], say: Say) -> Iterator[str]:
    for number, node in _nodes(cells):
        if isinstance(node, ast.Call) and (name := _watched_test(node)):
            yield say(
                "Cell %(cell)s, line %(line)s watches %(name)s while it fits: what is chosen by a score (an epoch, "
                "a setting) looks better on those rows than it is. Watch a part of the training rows.",
                cell=number, line=node.lineno, name=name,
            )  # fmt: skip
        elif isinstance(node, ast.Compare) and (name := _compared_test(node)):
            yield say(
                "Cell %(cell)s, line %(line)s chooses the best by %(name)s: choose by a part of the training rows "
                "or by cross-validation, and look at the test score once.",
                cell=number, line=node.lineno, name=name,
            )  # fmt: skip


def _watched_test(call: ast.Call) -> str | None:
    watched = [key.value for key in call.keywords if key.arg in _WATCHED]
    return next((name for part in watched for name in _names_in(part) if _is_test(name)), None)


def _compared_test(node: ast.Compare) -> str | None:
    """The test score that is compared with the best so far."""
    names = _names_in(node)
    scores = [name for name in names if _is_test(name) and _SCORE & set(_parts(name))]
    has_best = any({"best", "max", "min"} & set(_parts(name)) for name in names)
    return scores[0] if scores and has_best else None


def _names_in(node: ast.AST) -> list[str]:
    return [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]


def _parts(name: str) -> list[str]:
    """`X_test` and `testImages` are words: x test, test images; `latest` is one word."""
    return [part.lower() for part in _PART.findall(name)]


def _is_test(name: str) -> bool:
    parts = set(_parts(name))
    return bool(parts & _TEST) and "split" not in parts
