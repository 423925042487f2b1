"""Pictures for people: samples, distributions, learning curves, confusions. Bytes in PNG form, no state.

The same input gives the same bytes on one machine: no date, no version, no user's matplotlib settings.
"""

import functools
import io
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, ParamSpec

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pipelines.values.streamed import Streamed

P = ParamSpec("P")

# The first that is installed draws Hangul; Latin letters stay in matplotlib's own font.
_HANGUL_FONTS = (
    "Noto Sans CJK KR", "Noto Sans KR", "NanumGothic", "NanumBarunGothic", "Malgun Gothic",
    "Apple SD Gothic Neo", "AppleGothic", "UnDotum", "Noto Sans CJK JP",
)  # fmt: skip
_TRAIN, _OTHER = "#3b6fb6", "#e07b39"
_MOST_PANELS, _PANELS_PER_ROW = 24, 4
_MOST_BARS = 8
_MISSING = "∅"
_MOST_NUMBERED_CLASSES = 30


def font_families() -> list[str]:
    """The font of matplotlib itself and, where one is installed, a font that has Hangul."""
    from matplotlib import font_manager

    installed = {entry.name for entry in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", *[name for name in _HANGUL_FONTS if name in installed][:1]]


@contextmanager
def _style() -> Iterator[None]:
    from matplotlib import style

    ours = {"font.family": font_families(), "font.size": 9, "axes.titlesize": 10,
            "axes.spines.top": False, "axes.spines.right": False, "axes.unicode_minus": False}  # fmt: skip
    with style.context(["default", ours]), warnings.catch_warnings():
        # A machine without a Hangul font draws boxes; a warning per letter would help nobody.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


def _as_png(draw: Callable[P, "Figure"]) -> Callable[P, bytes]:
    """Let a function that draws a figure return it as the bytes of a PNG file."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> bytes:
        with _style():
            figure, content = draw(*args, **kwargs), io.BytesIO()
            figure.savefig(content, format="png", metadata={"Software": None})
        return content.getvalue()

    return drawn


def _figure(width: float, height: float) -> "Figure":
    """An empty figure, in inches; saved as PNG it is drawn by Agg, which needs no display."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=100, layout="constrained")


def _short(text: object, longest: int) -> str:
    words = str(text)
    return words if len(words) <= longest else words[: longest - 1] + "…"


@_as_png
def sample_grid(
    pictures: np.ndarray,
    row_ids: Sequence[str] | np.ndarray,
    labels: Sequence[str] | np.ndarray,
    columns: int = 8,
    white: float | None = None,
) -> "Figure":
    """Pictures in a grid, each under its row id and its label.

    Args:
        pictures: (n, height, width, channels), 1 or 3 channels, any number type, n ≥ 1.
        row_ids, labels: text (n,).
        columns: pictures per line.
        white: the value of white; by default the greatest value found.
    """
    captions = [
        f"{_short(row, 14)}\n{_short(label, 14)}"
        for row, label in zip(row_ids, labels, strict=True)
    ]
    return _grid(pictures, captions, min(columns, len(pictures)), white, title=None)


@_as_png
def wrong_gallery(
    pictures: "np.ndarray | Streamed",
    row_ids: Sequence[str] | np.ndarray,
    true: Sequence[str] | np.ndarray,
    predicted: Sequence[str] | np.ndarray,
    limit: int = 36,
    white: float | None = None,
) -> "Figure":
    """A square of the pictures whose label was predicted wrongly: row id, true → predicted.

    Args:
        pictures: all judged rows (n, height, width, channels); the wrong ones are picked here.
        row_ids, true, predicted: text (n,).
        limit: show at most this many, the first in row order.
        white: the value of white; by default the greatest value found.
    """
    truth, guess = np.asarray(true), np.asarray(predicted)
    shown = (wrong := np.flatnonzero(truth != guess))[:limit]
    if not len(shown):
        return _note(f"0 of {len(truth):,} rows are wrong")
    captions = [
        f"{_short(row_ids[i], 14)}\n{_short(truth[i], 8)} → {_short(guess[i], 8)}" for i in shown
    ]
    first = f"; the first {len(shown)} are shown" if len(shown) < len(wrong) else ""
    title = f"{len(wrong):,} of {len(truth):,} rows are wrong{first}: true → predicted"
    columns, white = math.ceil(math.sqrt(len(shown))), white or float(np.max(pictures[:]))
    return _grid(pictures[shown], captions, columns, white, title)


def _grid(
    pictures: np.ndarray, captions: list[str], columns: int, white: float | None, title: str | None
) -> "Figure":
    """One axis for all pictures: an axis for each would take ten times as long to draw."""
    tall = pictures.shape[1] / pictures.shape[2]
    lines = math.ceil(len(pictures) / columns)
    line_height = tall + 0.45
    # Never narrower than its title.
    width = max(1.15 * columns, 4.8 if title else 2.4)
    figure = _figure(width, 1.15 * line_height * lines + (0.4 if title else 0.05))
    axes = figure.subplots()
    axes.set_axis_off()
    shades = _shades(pictures, white)
    for number, (picture, caption) in enumerate(zip(shades, captions, strict=True)):
        left, top = number % columns, number // columns * line_height + 0.4
        axes.imshow(
            picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest",
            extent=(left + 0.05, left + 0.95, top + tall * 0.95, top + tall * 0.05),
        )  # fmt: skip
        axes.text(left + 0.5, top, caption, ha="center", va="bottom", fontsize=8, linespacing=1.1)
    axes.set(xlim=(0, columns), ylim=(lines * line_height, 0), aspect="equal")
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def _shades(pictures: np.ndarray, white: float | None) -> np.ndarray:
    """float32 in 0 … 1, (n, height, width) for grey or (n, height, width, 3)."""
    scale = float(white if white is not None else pictures.max(initial=0)) or 1.0
    shades = np.clip(pictures.astype(np.float32) / scale, 0, 1)
    return shades[..., 0] if shades.shape[-1] == 1 else shades


def _note(text: str) -> "Figure":
    figure = _figure(4.8, 1.2)
    figure.text(0.5, 0.5, text, ha="center", va="center")
    return figure


@_as_png
def distributions(
    train: pd.DataFrame, test: pd.DataFrame, target: np.ndarray | None = None
) -> "Figure":
    """Each column of train against test: histograms of numbers, bars of words, as shares of the rows.

    Signs stand for words, which the page has in its reader's language: y is the target, ∅ missing values (train ·
    test), # different values, + other values. At most 24 panels are drawn; the title says how many are not.

    Args:
        train, test: tables with the same columns, n ≥ 1 rows each.
        target: values or class names of the training rows (n,), drawn first.
    """
    panels: list[tuple[str, pd.Series, pd.Series]] = []
    if target is not None:
        column = pd.Series(target)
        panels.append(("y", column, column.iloc[:0]))
    room = _MOST_PANELS - len(panels)
    panels += [(str(name), train[name], test[name]) for name in train.columns[:room]]
    lines, left_out = math.ceil(len(panels) / _PANELS_PER_ROW), len(train.columns) - room
    figure = _figure(3.2 * _PANELS_PER_ROW, 2.3 * lines + 0.5)
    grid = figure.subplots(lines, _PANELS_PER_ROW, squeeze=False).ravel()
    for axes, (name, in_train, in_test) in zip(grid, panels, strict=False):
        axes.set_title(_short(name, 30))
        if _is_numeric(in_train) and _is_numeric(in_test):
            _draw_histogram(axes, in_train, in_test)
        else:
            _draw_bars(axes, in_train, in_test)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    if left_out > 0:
        figure.suptitle(f"+ {left_out}", fontsize=11)
    return figure


def _is_numeric(column: "pd.Series") -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _draw_histogram(axes: "Axes", train: "pd.Series", test: "pd.Series") -> None:
    """Both parts in the same bins; what lies outside 99 % of the values goes into the end bins."""
    parts = [column.to_numpy(np.float64, na_value=np.nan) for column in (train, test)]
    known = [part[np.abs(part) < 1e100] for part in parts]  # NaN is not less than anything
    pooled = np.concatenate(known)
    if not len(pooled):
        _write(axes, _MISSING)
        return
    low, high = np.quantile(pooled, [0.005, 0.995], method="nearest")
    edges = _edges(pooled, low, high)
    for values, part, color in zip(known, parts, (_TRAIN, _OTHER), strict=True):
        share = np.histogram(np.clip(values, low, high), edges)[0] / max(len(part), 1)
        if len(part):
            axes.stairs(share, edges, fill=color == _TRAIN, color=color,
                        alpha=0.45 if color == _TRAIN else 1, linewidth=1.3)  # fmt: skip
    axes.locator_params(axis="x", nbins=4)
    gaps = [
        1 - len(values) / len(part) if len(part) else 0.0
        for values, part in zip(known, parts, strict=True)
    ]
    if any(gaps):
        axes.set_xlabel(f"{_MISSING} {gaps[0]:.1%} · {gaps[1]:.1%}", fontsize=8)


def _edges(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Bins of a histogram: one for each of a few whole numbers, else thirty."""
    if low == high:
        return np.array([low - 0.5, high + 0.5])
    if high - low < 30 and (values == np.rint(values)).all():
        return np.arange(low - 0.5, high + 1)
    return np.linspace(low, high, 31)


def _draw_bars(axes: "Axes", train: "pd.Series", test: "pd.Series") -> None:
    """The most frequent values of train from top to bottom, then all others, then the missing ones."""
    counts = train.dropna().astype(str).value_counts()
    order = sorted(counts.index, key=lambda name: (-counts[name], name))
    if len(order) > _MOST_BARS and counts.iloc[0] == 1:
        _write(axes, f"# {len(order):,}")
        return
    named, others = order[:_MOST_BARS], len(order) - _MOST_BARS
    rest = [f"+ {others:,}" if others > 0 else "+", _MISSING]
    shares = np.array([_shares(part, named) for part in (train, test)])
    kept = shares.any(axis=0)
    labels = np.array([_short(label, 16) for label in named + rest])[kept]
    for values, color, shift in zip(shares, (_TRAIN, _OTHER), (-0.2, 0.2), strict=True):
        axes.barh(np.arange(len(labels)) + shift, values[kept], 0.38, color=color, alpha=0.8)
    axes.set_yticks(np.arange(len(labels)), labels, fontsize=8)
    axes.invert_yaxis()


def _shares(column: "pd.Series", named: list[str]) -> list[float]:
    """Shares of the rows that hold each name, another value, none."""
    known = column.dropna().astype(str)
    counts = known.value_counts()
    hits = [int(counts.get(name, 0)) for name in named]
    rest = [len(known) - sum(hits), len(column) - len(known)]
    return [count / max(len(column), 1) for count in hits + rest]


def _write(axes: "Axes", text: str) -> None:
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color="0.4")
    axes.set(xticks=[], yticks=[])


@_as_png
def curves(history: Sequence[Mapping[str, float]]) -> "Figure":
    """Learning curves: a panel per measure, the fitted rows beside the validation ones.

    A faint line per fold. The strong line is the mean, drawn as far as every fold went: beyond that the
    mean of fewer folds would look like progress.

    Args:
        history: a mapping per fold and epoch with `fold`, `epoch`, and measures such as `loss` and
            `val_loss`; `val_` marks the validation rows.
    """
    table = pd.DataFrame(list(history))
    names = [name for name in table.columns if name not in ("fold", "epoch")]
    measures = list(dict.fromkeys(name.removeprefix("val_") for name in names))
    if not measures:
        return _note("no epochs were recorded")
    figure = _figure(4.6 * len(measures), 3.2)
    panels = figure.subplots(1, len(measures), squeeze=False)[0]
    for axes, measure in zip(panels, measures, strict=True):
        axes.set(title=measure.replace("_", " "), xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.25)
        _draw_curve(axes, table, measure, "fitted", _TRAIN)
        if f"val_{measure}" in table:
            _draw_curve(axes, table, f"val_{measure}", "validation", _OTHER)
            axes.legend(frameon=False)
    return figure


def _draw_curve(axes: "Axes", table: pd.DataFrame, name: str, label: str, color: str) -> None:
    if name not in table:
        return
    by_fold = table.pivot(index="epoch", columns="fold", values=name)
    axes.plot(by_fold.index, by_fold, color=color, alpha=0.25, linewidth=1)
    # A fold that stopped early leaves NaN behind, and so the mean ends there.
    mean = by_fold.mean(axis=1, skipna=False)
    axes.plot(by_fold.index, mean, color=color, linewidth=2, marker=".", label=label)


@_as_png
def confusion_matrix(y: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> "Figure":
    """How often each class (line) was taken for each class (column).

    The shade is the square root of the share of the line, so that rare confusions can be seen.

    Args:
        y, predicted: class indices (n,).
        classes: class names; up to 30 are numbered cell by cell, more are only shaded.
    """
    from sklearn.metrics import confusion_matrix as count

    counts = count(y, predicted, labels=np.arange(len(classes)))
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    numbered = len(classes) <= _MOST_NUMBERED_CLASSES
    side = max(0.42 * len(classes), 2.6) + 1 if numbered else 10.0
    figure = _figure(side, side)
    axes = figure.subplots()
    axes.imshow(np.sqrt(share), cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    if numbered:
        for row, column in np.argwhere(counts):
            color = "white" if share[row, column] > 0.35 else "black"
            text = f"{counts[row, column]}"
            axes.text(column, row, text, ha="center", va="center", color=color, fontsize=8)
    names = [_short(name, 12) for name in classes]
    step = math.ceil(len(names) / 60)
    places = np.arange(0, len(names), step)
    turned = 90 if max(map(len, names)) > 3 or len(names) > _MOST_NUMBERED_CLASSES else 0
    axes.set_xticks(places, names[::step], rotation=turned, fontsize=8)
    axes.set_yticks(places, names[::step], fontsize=8)
    title = f"{np.trace(counts):,} of {len(y):,} rows are right"
    axes.set(xlabel="predicted", ylabel="true", title=title)
    return figure
