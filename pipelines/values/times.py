"""Moments as text, in the order of time. What can be read in two ways is refused, and no reading is guessed."""

import re

import numpy as np
import pandas as pd

from pipelines.plumbing.errors import UserError

# Each is tried on a date whose separators (- / . , 년 월 일 and blanks) have become single blanks.
_ORDERS = (
    "%Y %m %d", "%Y %m", "%d %m %Y", "%m %d %Y", "%m %Y", "%y %m %d", "%d %m %y", "%m %d %y",
    "%d %b %Y", "%d %B %Y", "%b %d %Y", "%B %d %Y", "%d %b %y", "%Y %b %d", "%b %Y", "%B %Y",
)  # fmt: skip
_CLOCKS = ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f", "%I:%M:%S %p", "%I:%M %p", "%H", "%I %p")
_CLOCK = re.compile(r"(?:\s*T|\s+)((?:오전|오후|[AaPp][Mm])?\s*\d{1,2}\s*(?:[:시]|[AaPp][Mm]).*)")
_FIRST = 100  # values that tell which orders are worth trying on all
_SEPARATORS = re.compile(r"[-/.,년월일\s]+")
_ZONE = r"(Z|UTC|GMT|[+-]\d{2}:?\d{2})$"
_KEY = "`time_format:` under `split:` in the competition file"


def read(texts: "pd.Series[str]", time_format: str | None = None) -> tuple[np.ndarray, str | None]:
    """Turn a column of text into numbers that grow with time.

    Args:
        texts: (n,), no gaps.
        time_format: as of `strptime`; its date alone decides the order of day, month and year. None: every
            known order is tried.

    Returns:
        int64 (n,) microseconds, of moments with a time zone in UTC; or float64 (n,), of plain numbers. And a
        note, where dates do not begin with the year.

    Raises:
        UserError: no order fits every value, or two do that give different dates.
    """
    cells = pd.Series(texts.unique(), dtype=object).astype(str)
    place = pd.Index(cells).get_indexer(pd.Index(texts.astype(str)))
    date, clock = _parts(cells)
    orders = [order for order in _ORDERS if _dates(date[:_FIRST], order).notna().all()]
    if time_format:
        orders = [" ".join(re.findall(r"%[YymdbB]", time_format))]
        exactly = _exactly(cells, time_format)
        if exactly.notna().all() or orders[0] not in _ORDERS:
            _known(exactly, cells, f"of the form {time_format!r}")
            return _microseconds(exactly)[place], None
    readings = {order: _dates(date, order) for order in orders or _ORDERS}
    fitting = {order: dates for order, dates in readings.items() if dates.notna().all()}
    if not fitting:
        numbers = pd.to_numeric(cells, errors="coerce").replace([np.inf, -np.inf], np.nan)
        if numbers.notna().all() and not time_format:
            return numbers.to_numpy(np.float64)[place], None
        nearest = max([*readings.values(), numbers], key=lambda read: int(read.notna().sum()))
        _known(nearest, cells, "numbers or dates of one form")
    _refuse_two_readings(fitting, cells)
    order, dates = next(iter(fitting.items()))
    moments = _microseconds(dates) + _since_midnight(clock, cells)
    return moments[place], _note(order, cells, dates)


def _parts(cells: "pd.Series[str]") -> tuple["pd.Series[str]", "pd.Series[str]"]:
    """Dates with blanks between day, month and year; clocks, empty where there is none."""
    clock = cells.str.strip().str.extract(_CLOCK, expand=False)
    date = cells.str.strip().str.replace(_CLOCK, "", regex=True)
    date = date.str.replace(r"^(\d\d)년", r"20\1년", regex=True)
    date = date.str.replace(_SEPARATORS, " ", regex=True).str.strip()
    return date, clock.fillna("").str.strip()


def _dates(date: "pd.Series[str]", order: str) -> "pd.Series[pd.Timestamp]":
    """Dates read in one order; NaT where that does not fit."""
    # pandas takes `%Y %m` for the beginning of anything that ISO 8601 could be.
    is_whole = date.str.count(" ") == order.count(" ")
    return pd.to_datetime(date.where(is_whole), format=order, exact=True, errors="coerce")


def _exactly(cells: "pd.Series[str]", time_format: str) -> "pd.Series[pd.Timestamp]":
    """Moments in UTC; NaT where a cell is of another form."""
    try:
        return pd.to_datetime(cells, format=time_format, errors="coerce", utc=True)
    except ValueError as error:
        raise UserError(
            f"time_format must be one of strptime, found {time_format!r} ({error}): correct {_KEY}"
        ) from None


def _since_midnight(clock: "pd.Series[str]", cells: "pd.Series[str]") -> np.ndarray:
    """Microseconds int64 (n,), less the offset of a time zone."""
    text = clock.str.replace("오전", "AM").str.replace("오후", "PM")
    text = text.str.replace(r"\s*(시|분)\s*", ":", regex=True).str.replace(r"\s*초", "", regex=True)
    zone = text.str.extract(_ZONE, expand=False)
    text = text.str.replace(_ZONE, "", regex=True).str.strip().str.rstrip(":")
    text = text.str.replace(r"^([AaPp][Mm])\s*(.+)$", r"\2 \1", regex=True)
    text = text.str.replace(r"(\d)([AaPp][Mm])$", r"\1 \2", regex=True)
    text = text.str.replace(r"(\.\d{6})\d+$", r"\1", regex=True)
    moments = pd.to_datetime(text.where(text != "", "00:00"), format=_CLOCKS[0], errors="coerce")
    for form in _CLOCKS[1:]:
        moments = moments.fillna(pd.to_datetime(text, format=form, errors="coerce"))
    moments = moments.mask(text == "", pd.Timestamp("1900-01-01"))
    _known(moments, cells, "dates with a time of day")
    if zone.notna().any():
        _known(zone, cells, "moments with a time zone, as others have one")
    offset = zone.fillna("Z").replace(["Z", "UTC", "GMT"], "+0000").str.replace(":", "")
    minutes = offset.str[:1].add("1").astype(int) * (
        offset.str[1:3].astype(int) * 60 + offset.str[3:5].astype(int)
    )
    since = (moments - pd.Timestamp("1900-01-01")).to_numpy("timedelta64[us]").astype(np.int64)
    return since - minutes.to_numpy(np.int64) * 60_000_000


def _microseconds(moments: "pd.Series[pd.Timestamp]") -> np.ndarray:
    """int64: nanoseconds would end in 2262, and a later date would lie in the past."""
    return moments.dt.tz_localize(None).to_numpy("datetime64[us]").astype(np.int64)


def _known(values: "pd.Series", cells: "pd.Series[str]", what: str) -> "pd.Series":
    """The values, where every cell has one."""
    wrong = cells[values.isna()]
    if len(wrong):
        raise UserError(
            f"split.time must be {what}, found {str(wrong.iloc[0])!r} ({len(wrong)} such values): set {_KEY}, or "
            "split.time to another column"
        )
    return values


def _refuse_two_readings(
    fitting: dict[str, "pd.Series[pd.Timestamp]"], cells: "pd.Series[str]"
) -> None:
    first, *others = fitting
    for other in others:
        differs = fitting[first] != fitting[other]
        if not differs.any():  # such as `5 May 2021`, whose month is short and long
            continue
        row = int(differs.argmax())
        shown = [
            f"{fitting[order].iloc[row]:%Y-%m-%d} by `time_format: '{_in_form(order, cells.iloc[row])}'`"
            for order in (first, other)
        ]
        raise UserError(
            f"split.time must be read in one way, found {cells.iloc[row]!r}, which is {' or '.join(shown)}: set the "
            "right one under `split:` in the competition file"
        )


def _in_form(order: str, cell: str) -> str:
    """An order of day, month and year with the separators of a cell."""
    fields = iter(order.split())
    return re.sub(r"\w+", lambda _: next(fields, ""), _CLOCK.sub("", cell.strip()))


def _note(order: str, cells: "pd.Series[str]", dates: "pd.Series[pd.Timestamp]") -> str | None:
    if order.startswith("%Y %m"):
        return None
    cell = cells.iloc[-1]
    return f"split.time is read as {_in_form(order, cell)!r}: {cell!r} is {dates.iloc[-1]:%Y-%m-%d}"
