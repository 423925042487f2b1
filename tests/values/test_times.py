"""Moments in the order of time, in whatever form; two readings are refused, and a wrong value is named."""

import numpy as np
import pandas as pd
import pytest

from pipelines.plumbing.errors import UserError
from pipelines.values import times


def order(*cells: str, time_format: str | None = None) -> list[int]:
    return np.argsort(times.read(pd.Series(cells), time_format)[0]).tolist()


@pytest.mark.parametrize(
    "cells",  # from early to late
    [
        ("2021-01-01", "2021-01-01 12:30:00", "2021-01-02"),
        ("2021-01-01T00:00:00+09:00", "2021-01-01T00:00:00+00:00", "2021-01-01T00:00:01Z"),
        ("01/12/2020", "15/01/2021", "02/02/2021"),
        ("12/01/2020", "1/15/2021 11:30 AM", "1/15/2021 2:30 PM", "2/2/2021"),
        ("2021.9", "2021.10", "2021.11"),
        ("2021. 9. 12.", "2021. 10. 3."),
        ("2021년 9월 30일", "2021년 10월 3일", "2021년 10월 3일 오후 3시 30분"),
        ("2021년9월", "2021년10월"),
        ("21년 3월 4일", "22년 3월 1일"),
        ("0999-01-01", "1500-01-01", "2021-01-01", "9999-12-31"),
        ("2 May 2020", "1 Jun 2020", "31 Jan 2021"),
        ("Dec 31, 2020", "Jan 2, 2021"),
        ("12-2020", "01-2021"),
        ("9", "10.5", "200"),
        ("20201231", "20210101"),
    ],
)
def test_earlier_is_less(cells: tuple[str, ...]) -> None:
    places = np.random.default_rng(0).permutation(len(cells))
    shuffled = [cells[place] for place in places]
    assert [shuffled[row] for row in order(*shuffled)] == list(cells)


def test_the_same_moment_in_two_zones_is_one() -> None:
    values, _ = times.read(pd.Series(["2021-01-01 09:00+09:00", "2021-01-01 00:00+0000"]))
    assert values[0] == values[1]


@pytest.mark.parametrize(
    ("cells", "formats"),
    [
        (("01/01/2021", "03/01/2021", "09/12/2021"), ("%d/%m/%Y", "%m/%d/%Y")),
        (("1/3/2021 3:30:00 PM", "1/5/2021 2:30:00 AM"), ("%d/%m/%Y", "%m/%d/%Y")),
        (("05.03.2021", "06.03.2021"), ("%d.%m.%Y", "%m.%d.%Y")),
        (("21-03-04", "21-03-05"), ("%y-%m-%d", "%d-%m-%y")),
    ],
)
def test_two_readings_are_refused_and_either_can_be_chosen(
    cells: tuple[str, ...], formats: tuple[str, str]
) -> None:
    with pytest.raises(UserError, match=r"must be read in one way, found '.*time_format: ") as told:
        order(*cells)
    read = [times.read(pd.Series(cells), form)[0] for form in formats]
    assert all(form in str(told.value) for form in formats)
    assert (read[0] != read[1]).any()


def test_a_date_that_is_the_same_either_way_is_no_riddle() -> None:
    assert order("03/03/2021", "02/02/2021") == [1, 0]


def test_a_reading_that_is_not_year_first_is_said() -> None:
    _, note = times.read(pd.Series(["01/02/2021", "18/02/2022"]))
    assert note is not None
    assert "'%d/%m/%Y': '18/02/2022' is 2022-02-18" in note
    assert times.read(pd.Series(["2021-02-01"]))[1] is None


@pytest.mark.parametrize(
    ("cells", "wrong", "time_format"),
    [
        (("2021-01-01", "soon"), "soon", None),
        (("2021-01-01", "NA"), "NA", None),
        (("2021-01-02", "2021-13-01"), "2021-13-01", None),
        (("2021-01-01 12:00", "2021-01-01 25:00"), "2021-01-01 25:00", None),
        (("2021-01-01T00:00:00Z", "2021-01-01T00:00:00"), "2021-01-01T00:00:00", None),
        (("2021-01-01", "99999-12-31"), "99999-12-31", None),
        (("1", "inf"), "inf", None),
        (("2021-W01", "2021-W02"), "2021-W01", None),
        (("1", "2"), "%Q", "%Q"),
    ],
)
def test_the_value_that_cannot_be_read_is_shown(
    cells: tuple[str, ...], wrong: str, time_format: str | None
) -> None:
    with pytest.raises(UserError, match=r"must be .*`time_format:`") as told:
        order(*cells, time_format=time_format)
    assert f"found {wrong!r}" in str(told.value)


def test_the_order_of_a_date_is_enough() -> None:
    assert order("2021/02/01", "2021-01-01 10:00", time_format="%Y/%m/%d %H") == [1, 0]


def test_any_other_form_can_be_given() -> None:
    assert order("2021-W03-2", "2021-W03-1", time_format="%G-W%V-%u") == [1, 0]
    assert order("20210103T12", "20210102T11", time_format="%Y%m%dT%H") == [1, 0]
