"""All kernels of a week are shared at once; one that must not be does not keep the others back."""

from pathlib import Path

import pytest

from pipelines.notebooks.exchange import weekly
from pipelines.notebooks.exchange.weekly import Push
from pipelines.plumbing.errors import UserError
from tests.conftest import Workshop
from tests.platforms.kaggle_server import OWNER, KaggleServer, kaggle_server
from tests.platforms.test_kaggle_client import HAS_CLIENT

__all__ = ["kaggle_server"]


@pytest.fixture
def kernels(workshop: Workshop) -> Workshop:
    for name, week in (("m01/first-cnn", 3), ("m02/forest", 3), ("m02/later", 4)):
        workshop.write_kernel(name, f"# %%\nprint('{name}')\n", week=week)
    return workshop


@pytest.mark.slow
@pytest.mark.skipif(not HAS_CLIENT, reason="the program `kaggle` is not installed")
def test_a_week_is_pushed_and_what_was_edited_there_stays(
    kernels: Workshop, kaggle_server: KaggleServer
) -> None:
    found = weekly.share(None, 3, Push(), "en")
    assert list(found.places) == ["m01/first-cnn", "m02/forest"]
    assert found.failed == {}
    edited = kaggle_server.notebooks[f"{OWNER}/first-cnn"]["source"].replace("print(", "repr(")
    kaggle_server.add(f"{OWNER}/first-cnn", edited)
    found = weekly.share(None, 3, Push(), "en")
    assert list(found.places) == ["m02/forest"]
    assert "somebody edited it there" in found.failed["m01/first-cnn"]
    assert kaggle_server.operations().count("SaveKernel") == 2
    assert found.lines()[-1].startswith("m01/first-cnn was not shared: ")
    assert set(found.as_json()) == {"shared", "failed"}


def test_a_week_of_pages(kernels: Workshop) -> None:
    found = weekly.share(None, 3, None, "en")
    assert [Path(place).is_file() for place, _ in found.places.values()] == [True, True]
    one = weekly.share("m02/later", None, None, "en")
    assert set(one.as_json()) == {"place", "remarks"}


@pytest.mark.parametrize(
    ("name", "week", "push"),
    [(None, None, None), ("m02/later", 4, None), (None, 3, Push(title="Title"))],
)
def test_it_must_be_clear_what_is_shared(
    kernels: Workshop, name: str | None, week: int | None, push: Push | None
) -> None:
    with pytest.raises(UserError, match="give one of both"):
        weekly.share(name, week, push, "en")


def test_a_week_without_kernels(kernels: Workshop) -> None:
    with pytest.raises(UserError, match="week 9 must have kernels"):
        weekly.share(None, 9, None, "en")
