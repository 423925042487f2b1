"""Which of our own files a module is made of, and a fingerprint of what they compute.

DVC does not follow imports: a test uses `closure` to compare each stage's imports with its `deps`. The
keys of resumable work use `fingerprint`, in which comments, docstrings and formatting do not count.
"""

import ast
import hashlib
from collections.abc import Iterable
from pathlib import Path

PACKAGES = ("pipelines", "features")
CODE_ROOT = Path(__file__).parents[2]

# Files that cannot change a number: a stage need not rerun when one of them does.
NOT_NUMERIC = (
    "pipelines/cells/parsing.py",
    "pipelines/cells/rendering.py",
    "pipelines/cli.py",
    "pipelines/notebooks/against_original.py",
    "pipelines/notebooks/catalogue.py",
    "pipelines/notebooks/checking/",
    "pipelines/notebooks/exchange/",
    "pipelines/notebooks/opened_notebooks.py",
    "pipelines/notebooks/page.py",
    "pipelines/notebooks/repair.py",
    "pipelines/notebooks/revival.py",
    "pipelines/notebooks/run_record.py",
    "pipelines/old_apis/",
    "pipelines/platforms/_kaggle_client.py",
    "pipelines/plumbing/",
    "pipelines/stages/__init__.py",
    "pipelines/tracking/",
    "pipelines/training/pictures.py",
    "pipelines/transcription/",
    "pipelines/values/curriculum.py",
)


def closure(*modules: str) -> list[Path]:
    """Every file of ours that importing `modules` can reach, imports inside functions included.

    Args:
        modules: dotted names, such as `pipelines.stages.train`.

    Returns:
        Paths relative to the folder that holds `pipelines/`, sorted; nothing for foreign modules.

    Raises:
        ModuleNotFoundError: one of `modules` is named like ours and has no file.
    """
    found: set[Path] = set()
    waiting: list[Path] = []
    for module in modules:
        files = _files_of(module)
        if _is_ours(module) and not any(_module_of(path) == module for path in files):
            raise ModuleNotFoundError(f"{module} must be a file or a package below {CODE_ROOT}")
        waiting += files
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_imported_by(path))
    return sorted(found)


def is_numeric(path: Path) -> bool:
    """Whether a change of this file may change a result; package `__init__` files without code may not."""
    text = path.as_posix()
    if any(text.startswith(listed) for listed in NOT_NUMERIC):
        return False
    return bool(_statements(path))


def fingerprint(paths: Iterable[Path]) -> str:
    """16 hex digits that change when the code of one of the files does, but not its comments or layout."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        tree = ast.Module(body=_statements(path), type_ignores=[])
        digest.update(f"{path.as_posix()}\n{ast.dump(tree)}\n".encode())
    return digest.hexdigest()[:16]


def _imported_by(path: Path) -> list[Path]:
    tree = ast.parse((CODE_ROOT / path).read_text(encoding="utf-8"))
    modules: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, path)
            modules += [origin, *(f"{origin}.{alias.name}" for alias in node.names)]
    return [file for module in modules for file in _files_of(module)]


def _origin(node: ast.ImportFrom, path: Path) -> str:
    """The dotted name behind `from`; each leading dot of a relative one goes a folder up."""
    if not node.level:
        return node.module or ""
    return ".".join((*path.parts[: -node.level], *filter(None, [node.module])))


def _is_ours(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] in PACKAGES


def _module_of(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _files_of(module: str) -> list[Path]:
    """The module's own file and the `__init__` of each package on the way; none for foreign modules."""
    if not _is_ours(module):
        return []
    parts = module.split(".")
    packages = [Path(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    candidates = [*packages, Path(*parts).with_suffix(".py")]
    return [path for path in candidates if (CODE_ROOT / path).is_file()]


def _statements(path: Path) -> list[ast.stmt]:
    tree = ast.parse((CODE_ROOT / path).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [statement for statement in node.body if not _is_text(statement)]
    return tree.body


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
