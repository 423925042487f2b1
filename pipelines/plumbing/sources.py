"""Which of our own files decide what a module computes: one rule, read from imports.

Three questions have this one answer: what a stage of dvc.yaml depends on (`make deps` writes it), what the
keys of kept fits hold, and what the keys of kept views hold.

A module is made of what it imports, also inside functions, and so on; of the plugins that it loads by name
through the registry; and of files beside it that its text names, such as a template. A room whose
`__init__.py` says `DECIDES_NO_NUMBER = True` stays out, and what only such a room imports too.
"""

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from pipelines.plumbing.errors import UserError

PACKAGES = ("pipelines", "features")
CODE_ROOT = Path(__file__).parents[2]
_MARK = "DECIDES_NO_NUMBER"
_CATALOGUES = "*.po"  # of the words of a page, which its module names by its package alone

Plugins = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class _Module:
    """What the text of a file says.

    Attributes:
        imported: dotted names, of modules and of what is taken from them.
        families: packages whose plugins it loads by name, such as `pipelines.models`.
        named: texts in it, which may name files beside it.
        is_silent: whether it says of its room that it decides no number.
        code: its statements without comments, docstrings and layout.
    """

    imported: tuple[str, ...]
    families: tuple[str, ...]
    named: frozenset[str]
    is_silent: bool
    code: str


def closure(*modules: str, plugins: Plugins | None = None, with_silent: bool = False) -> list[Path]:
    """Every file of ours that decides what `modules` compute.

    Args:
        modules: dotted names, such as `pipelines.stages.train`.
        plugins: family → the plugins that are meant, such as `{"models": ["knn"]}`; of a family that is not
            named, all.
        with_silent: also what decides no number: then it is every file that they need to run.

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
        if path in found or (not with_silent and _is_silent(path)):
            continue
        found.add(path)
        if path.suffix == ".py":
            waiting.extend(_reached_by(path, plugins or {}))
    return sorted(found)


def families(files: Iterable[Path]) -> list[str]:
    """The families of plugins that these files load by name: `models`, `ensembles`, …"""
    found = {family for path in files if path.suffix == ".py" for family in _read(path).families}
    return sorted(family.rpartition(".")[2] for family in found)


def fingerprint(files: Iterable[Path]) -> str:
    """16 hex digits that change when the code of one of the files does, but not its comments or layout."""
    digest = hashlib.sha256()
    for path in sorted(files):
        is_code = path.suffix == ".py"
        content = _read(path).code.encode() if is_code else (CODE_ROOT / path).read_bytes()
        digest.update(path.as_posix().encode() + b"\n" + content + b"\n")
    return digest.hexdigest()[:16]


def identity(files: Sequence[Path], *more: str) -> dict[str, Any]:
    """What a key holds of code: the fingerprint of these files, and the versions of what they import.

    Args:
        files: as `closure` gives them.
        more: see `distributions`.
    """
    return {"code": fingerprint(files), "libraries": distributions(files, *more)}


def distributions(files: Iterable[Path], *more: str) -> dict[str, str]:
    """The distributions that these files import, with their versions, as far as they are installed.

    Args:
        files: of ours.
        more: further top-level modules, such as the backend that Keras computes with.
    """
    modules = set(more)
    for path in files:
        if path.suffix == ".py":
            modules |= {name.partition(".")[0] for name in _read(path).imported}
    modules -= {*sys.stdlib_module_names, *PACKAGES}
    by_module = metadata.packages_distributions()
    names = {name for module in modules for name in by_module.get(module, ())}
    return {name: metadata.version(name) for name in sorted(names)}


def _reached_by(path: Path, plugins: Plugins) -> Iterator[Path]:
    module = _read(path)
    for name in module.imported:
        yield from _files_of(name)
    for family in module.families:
        folder = Path(*family.split("."))
        known = plugins_in(folder)
        chosen = set(known) & set(plugins.get(folder.name, known))
        yield from (folder / f"{name}.py" for name in chosen)
    for name in module.named:
        beside = path.parent / name
        if (CODE_ROOT / beside).is_file():
            yield beside
    if "__package__" in module.named:
        catalogues = sorted((CODE_ROOT / path.parent).glob(_CATALOGUES))
        yield from (found.relative_to(CODE_ROOT) for found in catalogues)


def plugins_in(folder: Path) -> list[str]:
    """The plugins of a family's folder: its files, but those that begin with `_`."""
    names = sorted(path.stem for path in (CODE_ROOT / folder).glob("*.py"))
    return [name for name in names if not name.startswith("_")]


def _is_silent(path: Path) -> bool:
    """Whether a folder on the way to the file says that nothing in it decides a number."""
    rooms = [parent / "__init__.py" for parent in path.parents]
    return any((CODE_ROOT / room).is_file() and _read(room).is_silent for room in rooms)


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


def _read(path: Path) -> _Module:
    """A file as it is on disk now; parsed once while it stays the same."""
    try:
        return _parsed(path, (CODE_ROOT / path).read_text(encoding="utf-8-sig"))
    except (SyntaxError, ValueError) as error:  # ValueError: no UTF-8, or a NUL
        line = getattr(error, "lineno", None)
        where = f"{path}, line {line}" if line else str(path)
        raise UserError(
            f"a file of ours must be Python in UTF-8, and {where} is not ({error}): correct it"
        ) from None


@lru_cache(maxsize=1024)
def _parsed(path: Path, text: str) -> _Module:
    tree = ast.parse(text)
    nodes = list(_at_run_time(tree))
    origins: dict[str, str] = {}  # name → the module that it is taken from
    imported: list[str] = []
    for node in nodes:
        if isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, path)
            origins |= {alias.asname or alias.name: origin for alias in node.names}
            imported += [origin, *(f"{origin}.{alias.name}" for alias in node.names)]
    families = {
        origins.get(base, _module_of(path)) for node in nodes if (base := _loaded_base(node))
    }
    texts = {
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip(". ")
    }
    texts |= {node.id for node in nodes if isinstance(node, ast.Name) and node.id == "__package__"}
    body = _statements(tree)
    return _Module(
        tuple(dict.fromkeys(imported)), tuple(sorted(families)),
        frozenset(text for text in texts if "/" not in text and "\0" not in text and len(text) < 100),
        any(ast.unparse(part).startswith(f"{_MARK} = True") for part in body),
        ast.dump(ast.Module(body, [])),
    )  # fmt: skip


def _at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """Every node, but those that only a type checker looks at."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from _at_run_time(child)


def _loaded_base(node: ast.AST) -> str | None:
    """`Model` of `registry.load(Model, name)`: the base class of a family whose plugins are loaded by name."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "registry.load" and node.args:
        return ast.unparse(node.args[0])
    return None


def _origin(node: ast.ImportFrom, path: Path) -> str:
    """The dotted name behind `from`; each leading dot of a relative one goes a folder up."""
    if not node.level:
        return node.module or ""
    return ".".join((*path.parts[: -node.level], *filter(None, [node.module])))


def _statements(tree: ast.Module) -> list[ast.stmt]:
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
