from datetime import date

import pytest

from pipelines.plumbing.errors import UserError
from pipelines.plumbing.schema import validate
from pipelines.tracking import curriculum
from pipelines.tracking.curriculum import Check
from tests.conftest import Workshop

DATA = {"name": "test_ds", "shape": [784], "dtype": "float32", "range": [0, 1], "batch": 128}
MODEL = {"name": "model", "params": 409098, "layers": ["Dense 512", "ReLU"]}
WEEKS = """weeks:
  - week: 1
    date: 2026-11-28
    topic: first
    competition: digits
  - week: 2
    date: 2026-12-05
    topic: second
    competition: wine
    kernel: a dense network
    check:
      model: {name: model, params: 409098}
      fitted:
  - week: 3
    date: 2026-12-12
    topic: first again
    competition: digits
  - week: 4
    date: 2026-12-19
    topic: none
"""


def read_check(**steps: object) -> Check:
    return validate(Check, dict(steps), "curriculum.yaml")


def test_a_week_has_a_kernel_and_its_own_steps(workshop: Workshop) -> None:
    (workshop.root / "curriculum.yaml").write_text(WEEKS, encoding="utf-8")
    programme = curriculum.load()
    week = programme.numbered(2)
    assert week is not None
    assert week.kernel == "a dense network"
    assert week.check is not None
    assert week.check.model is not None
    assert week.check.model.params == 409098
    first = programme.numbered(1)
    assert first is not None
    assert first.check is None


@pytest.mark.parametrize(
    ("competition", "day", "number"),
    [
        ("digits", date(2026, 1, 1), 1),
        ("digits", date(2026, 11, 28), 1),
        ("digits", date(2026, 11, 29), 3),
        ("digits", date(2027, 1, 1), 3),
        ("wine", date(2026, 1, 1), 2),
        ("wine", date(2027, 1, 1), 2),
        ("titanic", date(2026, 11, 28), None),
    ],
)
def test_the_week_is_the_competitions_own(
    workshop: Workshop, competition: str, day: date, number: int | None
) -> None:
    (workshop.root / "curriculum.yaml").write_text(WEEKS, encoding="utf-8")
    week = curriculum.load().week_of(competition, day)
    assert (week.week if week else None) == number


def test_a_week_that_is_not_there_is_none(workshop: Workshop) -> None:
    (workshop.root / "curriculum.yaml").write_text(WEEKS, encoding="utf-8")
    assert curriculum.load().numbered(7) is None
    assert curriculum.load().numbered(None) is None


def test_the_curriculum_of_the_repository_can_be_read() -> None:
    weeks = curriculum.load().weeks
    assert [week.week for week in weeks] == sorted({week.week for week in weeks})
    week = curriculum.load().numbered(2)
    assert week is not None
    check = week.check
    assert check is not None
    assert check.model is not None
    assert (check.model.params, check.model.trainable) == (409098, 408074)


def test_an_empty_step_asks_for_something() -> None:
    check = read_check(model={"name": "model"}, fitted=None)
    assert check.fitted is not None
    assert check.test_score is None
    with pytest.raises(UserError, match=r"'test_data\.name' must be given"):
        read_check(test_data=None)


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        ({"trian_data": DATA}, "unknown key 'trian_data'; did you mean 'train_data'"),
        ({"model": MODEL | {"parms": 3}}, "unknown key 'model.parms'; did you mean 'params'"),
        ({"model": {"params": 3}}, "key 'model.name' must be given"),
        ({"model": {"name": "my model"}}, "must be the name of a variable, found 'my model'"),
        ({"train_data": DATA | {"range": [1, 0]}}, "range must be"),
        ({"train_data": DATA | {"batch": 0}}, "greater than or equal to 1"),
        ({"compile": {"loss": "mse"}}, "`compile:` must know the model"),
        ({"fitted": {}}, "`fitted:` must know the model"),
        ({"model": MODEL, "test_score": {}}, "`test_score:` must know the test set"),
        ({"model": MODEL, "fitted": {"min": {"accuracy": 1}}}, "unknown key 'fitted.min'; did you mean 'minimum'"),
    ],
)  # fmt: skip
def test_a_wrong_step_is_refused(steps: dict[str, object], complaint: str) -> None:
    with pytest.raises(UserError) as error:
        read_check(**steps)
    assert complaint in str(error.value)
