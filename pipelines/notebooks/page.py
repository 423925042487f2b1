"""The page of a kernel: its notebook, and whatever a caller has to say of it; it runs and loads nothing."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pipelines.cells import rendering
from pipelines.plumbing import pages
from pipelines.plumbing.pages import Language, Say

if TYPE_CHECKING:
    from nbformat import NotebookNode


def executed_html(notebook: "NotebookNode", language: Language = "ko") -> str:
    """A notebook with its outputs as one page, which runs nothing and loads nothing."""
    title = words(language)("notebook")
    return render(title=title, kernel=None, cells=cells(notebook), language=language)


def instead(sentence: str, language: Language = "ko") -> str:
    """A page that says why there is no other."""
    return render(title=words(language)("notebook"), kernel=None, cells=sentence, language=language)


def words(language: Language) -> Say:
    """This room's words, and those of records."""
    return Say(language, __package__, "pipelines.tracking")


def render(language: Language, **content: Any) -> str:
    """The page; what `content` must hold, page.html.jinja says."""
    say = words(language)
    filters: dict[str, Callable[..., Any]] = {
        "score": score,
        "reason": say.reason,
        "recorded": say.recorded,
    }
    filled = pages.render(
        __package__, "page.html.jinja", filters, say, language=language, **content
    )
    return filled.lstrip()


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
