"""Notebooks as percent-cell scripts and back, one way each; what comes from outside is checked first."""

import ast
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.cells import magics, parsing
from pipelines.plumbing.errors import MemberFailed, UserError

if TYPE_CHECKING:
    from nbformat import NotebookNode

PARAMETERS = "parameters"
QUICK = "injected-parameters"  # the tag that other tools give to such a cell
_CELL_TYPES = ("code", "markdown", "raw")
_MOST_BYTES = 256 << 20
# jupytext's own marking of magics is off: see magics.py.
_FORMAT = {"extension": ".py", "format_name": "percent", "comment_magics": False}
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


@dataclass(frozen=True)
class BrokenCell:
    """A code cell that is no Python.

    Attributes:
        number: counted from 1 among the code cells.
        line: counted from 1 within the cell.
        message: what the compiler says of it.
    """

    number: int
    line: int
    message: str

    def __str__(self) -> str:
        return f"code cell {self.number}, line {self.line}: {self.message}"


def read_notebook(path: Path) -> "NotebookNode":
    """Read an .ipynb of any format version, with its outputs and execution counts.

    Returns:
        A notebook of format 4. Its cells may hold syntax errors: `broken_cells` names them.

    Raises:
        UserError: the file is missing, is not UTF-8 or JSON, is no notebook, has no code cell, or is
            written in another language than Python.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UserError(
                f"{path} must be at most {_MOST_BYTES >> 20} MiB, found {path.stat().st_size >> 20}: clear its "
                "outputs first"
            )
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path} must be a notebook and cannot be read ({error.strerror}): check the path"
        ) from None
    return parse_notebook(content, str(path))


def parse_notebook(content: bytes, where: str) -> "NotebookNode":
    """As `read_notebook`, of bytes that came from `where`."""
    notebook = upgraded(content, where)
    _check_language(notebook.metadata, where)
    for number, cell in enumerate(notebook.cells, 1):
        if cell.get("cell_type") not in _CELL_TYPES or not isinstance(cell.get("source"), str):
            raise UserError(
                f"{where}: every cell must be code, markdown or raw with a source, and cell {number} is "
                "not: save it anew in Jupyter"
            )
    if not any(cell.source.strip() for cell in code_cells(notebook)):
        raise UserError(
            f"{where} must have at least one code cell, found none among {len(notebook.cells)} cells: "
            "check that it is the right file"
        )
    return notebook


def _json(content: bytes, where: str) -> dict[str, Any]:
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UserError(
            f"{where} must be UTF-8, as every notebook is, and is not: save it anew in Jupyter"
        ) from None
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{where} must be a notebook (JSON) and is not ({error}): check that the download is complete, "
            "and no page of HTML"
        ) from None
    cells = found.get("cells", found.get("worksheets")) if isinstance(found, dict) else None
    if not isinstance(cells, list) or not isinstance(found.get("nbformat"), int):
        raise UserError(
            f"{where} must be a notebook, with `nbformat` and `cells`, and is other JSON: choose an .ipynb"
        )
    if found["nbformat"] == 4:
        _fill_in(found, [cell for cell in cells if isinstance(cell, dict)])
    return found


def _fill_in(notebook: dict[str, Any], cells: list[dict[str, Any]]) -> None:
    """What every notebook and cell of format 4 has, and what not every program writes."""
    for holder in (notebook, *cells):
        if not isinstance(holder.get("metadata"), dict):
            holder["metadata"] = {}
    for cell in cells:
        if cell.get("cell_type") == "code":
            cell.setdefault("execution_count", None)
            cell["outputs"] = cell.get("outputs") or []


def upgraded(content: bytes, where: str) -> "NotebookNode":
    """The bytes of an .ipynb as a notebook of format 4, whatever its cells hold.

    Raises:
        UserError: they are no UTF-8, no JSON, no notebook, or of an unknown format.
    """
    import nbformat

    found = _json(content, where)
    try:
        # Cells without ids and the like are warned of: nothing that a member can mend.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return nbformat.reads(json.dumps(found), as_version=4)
    except Exception as error:  # each old format breaks in its own way
        raise UserError(
            f"{where} must be a notebook of format 3 or 4, and its format {found['nbformat']} cannot be "
            f"read ({type(error).__name__}: {error}): save it anew in Jupyter"
        ) from None


def _check_language(metadata: Mapping[str, Any], where: str) -> None:
    spec, info = (
        value if isinstance(value := metadata.get(key), dict) else {}
        for key in ("kernelspec", "language_info")
    )
    by_name = "R" if spec.get("name") == "ir" else "python"
    language = str(spec.get("language") or info.get("name") or by_name)
    if not language.casefold().startswith(("python", "ipython")):
        raise UserError(
            f"{where} must be written in Python, found {language}: choose a Python notebook, or transcribe it "
            "by hand"
        )


def code_cells(notebook: "NotebookNode") -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell: Any) -> list[str]:
    """The tags of a cell; a damaged list counts as none."""
    metadata = cell.get("metadata")
    found = metadata.get("tags") if isinstance(metadata, dict) else None
    return [str(tag) for tag in found] if isinstance(found, list) else []


def broken_cells(notebook: "NotebookNode") -> list[BrokenCell]:
    """The code cells with a syntax error, such as the print statements of Python 2."""
    found = []
    for number, cell in enumerate(code_cells(notebook), 1):
        if error := parsing.read(cell.source).error:
            line = getattr(error, "lineno", None) or 1
            found.append(BrokenCell(number, line, getattr(error, "msg", None) or str(error)))
    return found


def to_percent(notebook: "NotebookNode") -> str:
    """The cells as text: code, markdown as comments, and tags; no outputs, counts or other metadata.

    Raises:
        UserError: a cell would not come back as it was.
    """
    import jupytext

    copy = _new(
        (cell.cell_type, _without_blank_edges(cell.source), tags(cell)) for cell in notebook.cells
    )
    given = [(cell.cell_type, cell.source) for cell in copy.cells]
    for cell in code_cells(copy):
        cell.source = magics.marked(cell.source)
    copy.metadata["jupytext"] = {
        "comment_magics": False,
        "notebook_metadata_filter": "-all",
        "cell_metadata_filter": "tags,-all",
    }
    text: str = jupytext.writes(copy, fmt=_FORMAT)
    back = [(cell.cell_type, cell.source) for cell in from_percent(text).cells]
    for number, cell in enumerate(given, 1):
        if back[number - 1 : number] != [cell]:
            raise UserError(
                f"cell {number} must come back from kernel.py as it was, and does not (it begins {cell[1][:40]!r}): "
                "look in it for a lone quote, a line that begins with `# %%`, or a form feed or other sign that ends lines (U+2028)"
            )
    return text


def from_percent(code: str) -> "NotebookNode":
    """The notebook of a percent-cell script; magics that stand behind `# ` are magics again."""
    import jupytext

    read = jupytext.reads(code, fmt=_FORMAT)
    made = _new((cell.cell_type, cell.source, tags(cell)) for cell in read.cells)
    for cell in code_cells(made):
        cell.source = magics.unmarked(cell.source)
    return made


def _new(cells: Any) -> "NotebookNode":
    """A notebook of (type, source, tags); the same cells give the same bytes."""
    from nbformat import v4

    make = {
        "code": v4.new_code_cell,
        "markdown": v4.new_markdown_cell,
        "raw": v4.new_raw_cell,
    }
    notebook = v4.new_notebook(metadata=json.loads(json.dumps(_METADATA)))
    for number, (kind, source, its_tags) in enumerate(cells, 1):
        cell = make[kind](source, id=f"cell-{number}")
        if its_tags:
            cell.metadata["tags"] = its_tags
        notebook.cells.append(cell)
    return notebook


def _without_blank_edges(source: str) -> str:
    """A cell's source without empty lines before and after it: jupytext does not keep all of them."""
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    while lines and not lines[0].strip():
        del lines[0]
    while lines and not lines[-1].strip():
        del lines[-1]
    return "\n".join(lines)


def with_quick(notebook: "NotebookNode", values: Mapping[str, Any]) -> "NotebookNode":
    """A copy with one more cell, which gives the variables of the cell tagged `parameters` other values.

    Args:
        notebook: it stays as it is.
        values: `quick:` of kernel.yaml: numbers, text, truth values, or lists of whole numbers.

    Raises:
        MemberFailed: no cell is tagged so, or it does not assign one of the names.
    """
    from copy import deepcopy

    from nbformat import v4

    copy = deepcopy(notebook)
    if not values:
        return copy
    tagged = [
        place
        for place, cell in enumerate(copy.cells)
        if cell.cell_type == "code" and PARAMETERS in tags(cell)
    ]
    if not tagged:
        raise MemberFailed(
            "a kernel with `quick:` must have a code cell tagged `parameters`, found none: write "
            f'`# %% tags=["{PARAMETERS}"]` above the cell that assigns {", ".join(values)}'
        )
    assigned = assigned_names(copy.cells[tagged[0]].source)
    unknown = [name for name in values if name not in assigned]
    if unknown:
        raise MemberFailed(
            f"every name of `quick:` must be assigned in the cell tagged `parameters`, and {unknown[0]!r} is "
            f"not (assigned there: {', '.join(sorted(assigned)) or 'nothing'}): correct kernel.yaml or the cell"
        )
    source = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    cell = v4.new_code_cell(source, id="quick", metadata={"tags": [QUICK]})
    copy.cells.insert(tagged[0] + 1, cell)
    return copy


def assigned_names(source: str) -> set[str]:
    """The variables that a cell assigns; none where it is no Python."""
    tree = parsing.read(source).tree or ast.Module([], [])
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def to_text(notebook: "NotebookNode") -> str:
    """A notebook as the text of an .ipynb."""
    import nbformat

    return nbformat.writes(notebook) + "\n"
