"""The page of a kernel: its notebook, and whatever a caller has to say of it; it runs and loads nothing."""

from typing import TYPE_CHECKING, Any

from pipelines.cells import rendering
from pipelines.plumbing import pages

if TYPE_CHECKING:
    from nbformat import NotebookNode


def executed_html(notebook: "NotebookNode") -> str:
    """A notebook with its outputs as one page, which runs nothing and loads nothing."""
    return render(title="notebook", kernel=None, cells=cells(notebook), language="ko")


def instead(sentence: str) -> str:
    """A page that says why there is no other."""
    return render(title="notebook", kernel=None, cells=sentence, language="ko")


def render(**content: Any) -> str:
    """The page; what `content` must hold, page.html.jinja says."""
    return pages.render(__package__, "page.html.jinja", {"score": score}, **content).lstrip()


def cells(notebook: "NotebookNode") -> Any:
    """A notebook's cells as HTML that the template takes as it is."""
    return _safe(rendering.cells(notebook))


def markdown(text: str) -> Any:
    """Markdown as HTML that the template takes as it is; empty stays empty."""
    return _safe(rendering.markdown(text)) if text else ""


def score(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _safe(html: str) -> Any:
    """HTML that `rendering` has cleaned, for a template that escapes everything else."""
    from markupsafe import Markup

    return Markup(html)  # noqa: S704
