"""The ledger in a terminal, and as a picture."""

import html
import math
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipelines.plumbing.atomic import write_text
from pipelines.plumbing.printing import one_line, shown
from pipelines.submitting.comparing import Line, Report
from pipelines.submitting.gap import Gap

_WIDTH, _HEIGHT, _EDGE = 720, 540, 70  # pixels
_BLUE, _RED, _GREY = "#2b6cb0", "#c53030", "#a0aec0"


def show(report: Report, console: Console) -> None:
    """Print every submission, oldest first, what CV and LB disagree about, and the two picks."""
    if not report.lines:
        console.print(shown(f"{report.competition}: nothing was submitted yet: pilsa submit"))
        return
    better = "higher" if report.metric.greater_is_better else "lower"
    title = f"{report.competition}: {report.metric.title}, {better} is better"
    table = Table(title=title, title_justify="left")
    for column in ("sent (UTC)", "name", "member", "status"):
        table.add_column(column)
    for column in ("CV", "LB public", "LB private", "gap"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("90 % of noise")
    for line in report.lines:
        table.add_row(*map(shown, _cells(line)))
    console.print(table)
    source = "assumed, --public-rows says it" if report.is_assumed else "known"
    console.print(
        shown(
            f"gap: LB better (+) or worse (-) than the OOF score; {report.public_rows} public rows ({source})"
        )
    )
    if report.pairs:
        tau = "" if report.tau is None else f"; Kendall's tau {report.tau:+.2f}"
        console.print(
            shown(
                f"CV and LB disagree about {len(report.disagreements)} of {report.pairs} pairs{tau}"
            )
        )
        for a, b in report.disagreements[:3]:
            console.print(
                shown(
                    f"  {a.name} ({a.sha256[:8]}) has the better CV, {b.name} ({b.sha256[:8]}) the better LB"
                )
            )
    for number, pick in enumerate(report.picks, start=1):
        console.print(shown(f"pick {number}: {pick.row.name} ({pick.row.sha256[:8]}): {pick.why}"))


def _cells(line: Line) -> list[str]:
    row, found = line.row, line.gap
    scores = [_number(score) for score in (row.cv_mean, row.lb_public, row.lb_private)]
    gap = "–" if found is None else f"{found.gain:+.4f}"
    return [
        row.time[:16].replace("T", " "),
        row.name,
        row.member,
        row.status,
        *scores,
        gap,
        _noise(found),
    ]


def _noise(found: Gap | None) -> str:
    if found is None:
        return "–"
    if not math.isfinite(found.low):
        return "too few rows"
    said = "noise" if found.is_noise else "more than noise"
    return f"{found.low:+.4f} … {found.high:+.4f}: {said}"


def _number(score: float | None) -> str:
    return "–" if score is None else f"{score:.4f}"


def draw(report: Report, path: Path) -> int:
    """Write CV against LB as an SVG, each with the interval of noise; return how many submissions it shows.

    Raises:
        UserError: the file cannot be written.
    """
    known = [
        (line, float(line.row.cv_mean), float(line.row.lb_public))
        for line in report.lines
        if line.row.cv_mean is not None and line.row.lb_public is not None
    ]
    spans = [_span(line, cv, report) for line, cv, _ in known]
    values = [value for _, cv, lb in known for value in (cv, lb)] + [
        end for span in spans for end in span
    ]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = 0.05 * (high - low) or 0.05
    low, high = low - margin, high + margin

    def x(value: float) -> float:
        return _EDGE + (value - low) / (high - low) * (_WIDTH - 2 * _EDGE)

    def y(value: float) -> float:
        return _HEIGHT - _EDGE - (value - low) / (high - low) * (_HEIGHT - 2 * _EDGE)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        _line(x(low), y(low), x(high), y(high), _GREY, 'stroke-dasharray="4"'),
        _text(_WIDTH / 2, _HEIGHT - 20, f"CV ({report.metric.title})"),
        _text(
            _EDGE,
            30,
            f"{report.competition}: public LB; dashed: LB = CV; bars: 90 % of noise",
            "start",
        ),
    ]
    for value in (low + margin, high - margin):
        parts += [
            _text(x(value), _HEIGHT - _EDGE + 20, f"{value:.4f}"),
            _text(_EDGE - 6, y(value), f"{value:.4f}", "end"),
        ]
    for (line, cv, lb), span in zip(known, spans, strict=True):
        colour = _RED if line.gap is not None and not line.gap.is_noise else _BLUE
        if span:
            parts.append(_line(x(cv), y(span[0]), x(cv), y(span[1]), _GREY, 'stroke-width="5"'))
        parts.append(f'<circle cx="{x(cv):.1f}" cy="{y(lb):.1f}" r="4" fill="{colour}"/>')
        parts.append(_text(x(cv) + 7, y(lb) - 5, line.row.name, "start"))
    write_text(path, "\n".join([*parts, "</svg>", ""]))
    return len(known)


def _span(line: Line, cv: float, report: Report) -> tuple[float, ...]:
    """The LB scores that noise alone gives; empty where nobody knows."""
    if line.gap is None or not math.isfinite(line.gap.low):
        return ()
    sign = 1 if report.metric.greater_is_better else -1
    return (cv + sign * line.gap.low, cv + sign * line.gap.high)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" {more}/>'
    )


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    said = html.escape(one_line(text))
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{said}</text>'
