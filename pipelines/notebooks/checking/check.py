"""The self-check of a kernel: steps in a fixed order up to the first that fails, each answered in a sentence.

What is not known counts as failed: a process that died, a view that was not run, a question without an answer.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.cells import conversion
from pipelines.notebooks.checking import secrets, week_steps
from pipelines.notebooks.checking.advice import advise
from pipelines.notebooks.checking.probe import Findings
from pipelines.notebooks.checking.week_steps import Outcome, Step
from pipelines.plumbing.pages import Language, Say
from pipelines.tracking import reasons
from pipelines.tracking.curriculum import Week
from pipelines.tracking.kernel_facts import StepFacts, ViewFacts
from pipelines.values.kernel import REAL, SHUFFLED, Kernel, fold_view
from pipelines.values.metrics import Metric

if TYPE_CHECKING:
    from nbformat import NotebookNode

_TITLE = re.compile(r"(?m)^\s{0,3}#{1,3}\s+\S|^\S.*\n\s{0,3}(?:=+|-+)\s*$|<h[1-3]\b")
_NOBODY = ("unknown", "anonymous")


@dataclass(frozen=True, eq=False)
class CheckInput:
    """All that the check looks at.

    Attributes:
        notebook: executed, with outputs; None where nothing was executed.
        view: the one of `views` that `notebook` and `probe` come from; None where nothing was executed.
        views: in the order in which they were run.
        metric: of the competition; None for a study kernel.
        has_views: False where the competition has none (`views: no`): then no score can be compared.
        constant: what the sample submission scores on fold 0.
        knows_the_answers: whether it does clearly better than any constant on shuffled targets.
        probe: what the probe found; None where it printed nothing.
        week: of the curriculum; None has no steps of its own.
        draft: the member's own .ipynb with its execution counts.
        notes: text of notes.md.
    """

    kernel: Kernel
    notebook: "NotebookNode | None"
    views: Sequence[ViewFacts]
    view: str | None = None
    metric: Metric | None = None
    has_views: bool = True
    constant: float | None = None
    knows_the_answers: bool = False
    probe: Findings | None = None
    week: Week | None = None
    draft: "NotebookNode | None" = None
    notes: str | None = None
    language: Language = "ko"

    def facts_of(self, view: str | None) -> ViewFacts | None:
        return next((facts for facts in self.views if facts.view == view), None)


@dataclass(frozen=True)
class Verdict:
    """Steps as far as they came, the last one perhaps failed; and advice, which fails nothing."""

    steps: list[StepFacts]
    advice: list[str]


def judge(facts: CheckInput) -> Verdict:
    """Check a kernel. Never raises for what a member wrote."""
    say = Say(facts.language, __package__)
    notebook = conversion.from_percent(facts.kernel.code)
    done = []
    for name, (passed, sentence) in _steps(facts, notebook, say):
        done.append(StepFacts(name=name, passed=passed, sentence=sentence))
        if not passed:
            break  # what comes after it is not even looked at
    advice = advise(notebook, facts.draft, facts.notes, say)
    return Verdict(done, advice + _missing_figures(facts.kernel, facts.probe, say))


def _steps(facts: CheckInput, notebook: "NotebookNode", say: Say) -> Iterator[Step]:
    yield "header", _header(facts.kernel, notebook, say)
    yield "secrets", _secrets(facts, say)
    yield "runs", _runs(facts, say)
    if facts.kernel.file.kind == "competition":
        yield "submission", _submission(facts, say)
        if facts.has_views:
            yield "beats_sample", _beats_sample(facts, say)
            yield "learns", _learns(facts, say)
    wanted = facts.kernel.file.week
    if wanted is not None and facts.week is None:
        yield "week", (False, say(
            "curriculum.yaml must have week %(week)s of kernel.yaml, and does not: correct one of the two.",
            week=wanted,
        ))  # fmt: skip
    if facts.week is not None and facts.week.check is not None:
        yield from week_steps.steps(facts.week.check, facts.probe, say)


# Whose it is


def _header(kernel: Kernel, notebook: "NotebookNode", say: Say) -> Outcome:
    header = _leading_text(notebook)
    if not _TITLE.search(header):
        return False, say(
            "The notebook must begin with a markdown cell that holds a title (`# …`), and does not: write one."
        )
    source = kernel.file.source
    if source.platform == "own":
        return True, say("The header has a title, and the kernel is the member's own work.")
    given = [name for name in (source.author, source.url, source.title) if name]
    names = [name for name in given if name.casefold() not in _NOBODY]
    if not any(name.casefold() in header.casefold() for name in names):
        return False, say(
            "The header must say whose work this is, and names neither author, address nor title of the original "
            "(kernel.yaml: %(names)s): write it into the first cell.", names=", ".join(given),
        )  # fmt: skip
    if source.licence.casefold() == "unknown":
        return True, say(
            "The header has a title and says whose work this is. The licence of the original is not known: its text "
            "stays out of the repository."
        )  # fmt: skip
    return True, say(
        "The header has a title and says whose work this is (%(licence)s).", licence=source.licence
    )


def _leading_text(notebook: "NotebookNode") -> str:
    """The text above the first code cell."""
    texts = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            break
        texts.append(cell.source if cell.cell_type == "markdown" else "")
    return "\n\n".join(texts)


def _secrets(facts: CheckInput, say: Say) -> Outcome:
    found = secrets.search(facts.kernel.code, facts.notebook, facts.notes)
    if not found:
        return True, say("No secrets in the source, the outputs or the notes.")
    first = found[0]
    places = {
        "source": say("line %(number)s of kernel.py", number=first.number),
        "output": say("the output of code cell %(number)s", number=first.number),
        "notes": say("line %(number)s of notes.md", number=first.number),
    }
    return False, say(
        "There must be no secrets, and %(place)s holds what looks like %(kind)s (%(count)s in all): take it out, and "
        "have it replaced where it was issued.",
        place=places[first.where], kind=say(first.kind), count=len(found),
    )  # fmt: skip


# Whether it runs


def _runs(facts: CheckInput, say: Say) -> Outcome:
    view, name = facts.facts_of(facts.view), facts.kernel.name
    told = reasons.shown(view.reason) if view is not None and view.reason else None
    if facts.notebook is None:
        return False, say(
            "The notebook must have been executed, and was not (%(reason)s): run `pilsa kernel run %(name)s`.",
            reason=told or say("there is no run"), name=name,
        )  # fmt: skip
    trouble = _first_trouble(facts.notebook, say)
    # Nothing came from the process after the last cell: it ended in it, and only the view says why.
    if trouble is None and facts.probe is None and (view is None or view.status == "failed"):
        trouble = say("the process did not come to its end")
    if trouble is not None:
        return False, say(
            "The notebook must run from top to bottom, and does not: %(trouble)s. %(reason)s",
            trouble=trouble, reason=told or "",
        ).rstrip()  # fmt: skip
    return True, say(
        "All %(cells)s code cells ran from top to bottom without an error.",
        cells=len(_written_cells(facts.notebook)),
    )


def _written_cells(notebook: "NotebookNode") -> list[tuple[int, Any]]:
    numbered = enumerate(conversion.code_cells(notebook), start=1)
    return [(number, cell) for number, cell in numbered if cell.source.strip()]


def _first_trouble(notebook: "NotebookNode", say: Say) -> str | None:
    """What keeps an executed notebook from being clean; None where nothing does."""
    last = 0
    cells = _written_cells(notebook)
    if not cells:
        return say("there is no code cell")
    for number, cell in cells:
        errors = [out for out in cell.get("outputs", []) if out.get("output_type") == "error"]
        if errors:
            error = str(errors[0].get("ename", ""))[:80]
            return say("code cell %(number)s ended with %(error)s", number=number, error=error)
        count = cell.get("execution_count")
        if not isinstance(count, int):
            return say("code cell %(number)s did not run", number=number)
        if count <= last:
            return say("code cell %(number)s ran before the one above it", number=number)
        last = count
    return None


# What it hands in


def _submission(facts: CheckInput, say: Say) -> Outcome:
    real = facts.facts_of(REAL)
    # A kernel that runs on the real files but on no fold has no CV: that is a state, and no error here.
    asked = [real] if real is not None else [v for v in facts.views if v.view != SHUFFLED]
    if not asked:
        return False, say(
            "There must be a submission, and no view was run: run `pilsa kernel run %(name)s`.",
            name=facts.kernel.name,
        )  # fmt: skip
    failed = [view for view in asked if view.status != "valid"]
    if failed:
        return False, say(
            "The submission must fit the sample, and on view %(view)s there is none: %(reason)s",
            view=failed[0].view, reason=reasons.shown(failed[0].reason or "–"),
        )  # fmt: skip
    return True, say(
        "The submission fits the sample (%(views)s).", views=", ".join(view.view for view in asked)
    )


def _score_of(facts: CheckInput, view: str, say: Say) -> tuple[float | None, str]:
    """The score of a view; or None, and the sentence that says why there is none."""
    seen = facts.facts_of(view)
    if seen is not None and seen.status == "valid" and seen.score is not None:
        return seen.score, ""
    if seen is None or seen.status == "valid":
        return None, say(
            "There must be a score on view %(view)s, and it was not run: run `pilsa kernel run %(name)s --views cv`.",
            view=view, name=facts.kernel.name,
        )  # fmt: skip
    return None, say(
        "There must be a score on view %(view)s, and the kernel failed there: %(reason)s",
        view=view, reason=reasons.shown(seen.reason or "–"),
    )  # fmt: skip


def _beats_sample(facts: CheckInput, say: Say) -> Outcome:
    score, missing = _score_of(facts, fold_view(0), say)
    if score is None:
        return False, missing
    if facts.metric is None or facts.constant is None:
        return False, say("The score of a constant submission must be known, and is not.")
    numbers = {
        "metric": facts.metric.title,
        "score": f"{score:.4f}",
        "constant": f"{facts.constant:.4f}",
    }
    if not facts.metric.gain(score, facts.constant) >= 0:
        return False, say(
            "The score must not be worse than that of a constant submission (%(metric)s %(constant)s on fold 0), found "
            "%(score)s: look for rows in another order, or labels mixed up.", **numbers,
        )  # fmt: skip
    return True, say(
        "On fold 0 the kernel scores %(metric)s %(score)s, a constant submission %(constant)s.",
        **numbers,
    )


def _learns(facts: CheckInput, say: Say) -> Outcome:
    shuffled, missing = _score_of(facts, SHUFFLED, say)
    if shuffled is None:
        return False, missing
    assert facts.metric is not None  # or the step before this one had failed
    assert facts.constant is not None
    numbers = {
        "metric": facts.metric.title, "shuffled": f"{shuffled:.4f}", "constant": f"{facts.constant:.4f}",
    }  # fmt: skip
    if facts.knows_the_answers:
        return False, say(
            "With shuffled training targets there is nothing to learn, and the kernel still scores %(metric)s "
            "%(shuffled)s, where a constant submission has %(constant)s: it knows the answers from "
            "somewhere else, such as a rule that was written in.", **numbers,
        )  # fmt: skip
    score, _ = _score_of(facts, fold_view(0), say)
    if score is None or not facts.metric.gain(score, shuffled) > 0:
        return False, say(
            "The kernel must score better with true training targets than with shuffled ones, and has %(metric)s "
            "%(score)s and %(shuffled)s: what it hands in does not come from what it learns.",
            **numbers, score="–" if score is None else f"{score:.4f}",
        )  # fmt: skip
    return True, say(
        "The kernel learns from the training targets: with shuffled ones it falls to %(metric)s %(shuffled)s, where a "
        "constant submission has %(constant)s.", **numbers,
    )  # fmt: skip


def _missing_figures(kernel: Kernel, found: Findings | None, say: Say) -> list[str]:
    """Claimed variables that hold no number, told once the notebook has been asked at all."""
    claims = kernel.file.claims
    missing = [] if found is None else [name for name in claims if name not in found.figures]
    if not missing:
        return []
    return [
        say(
            "kernel.yaml claims figures that the notebook does not leave as numbers: %(names)s.",
            names=", ".join(missing),
        )
    ]  # fmt: skip
