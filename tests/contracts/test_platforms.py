"""What every platform must keep to; a new file in pipelines/platforms/ is tested by being there."""

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines import platforms
from pipelines.plumbing import registry
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.schema import validate
from pipelines.values import competition

ROOT = Path(__file__).parents[2]
NAMES = registry.names("platforms")
HEAVY = {"kaggle", "pooch", "requests", "tensorflow", "keras", "mlflow", "optuna"}


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def of_platform(name: str) -> list[competition.Competition]:
    """The repository's competitions that live on this platform."""
    found = [competition.load(each) for each in competition.names()]
    return [each for each in found if each.source["platform"] == name]


@pytest.mark.parametrize("name", NAMES)
class TestEveryPlatform:
    def test_is_one_documented_class(self, name: str) -> None:
        found = registry.load(platforms.Platform, name)
        assert not inspect.isabstract(found)
        for documented in (sys.modules[found.__module__], found, found.Source):
            assert inspect.getdoc(documented)

    def test_keeps_the_signatures(self, name: str) -> None:
        found = registry.load(platforms.Platform, name)
        for method in ("__init__", "download", "solution"):
            base = inspect.signature(getattr(platforms.Platform, method)).parameters
            assert list(inspect.signature(getattr(found, method)).parameters) == list(base)

    def test_has_a_schema_that_refuses_unknown_keys(self, name: str) -> None:
        schema = registry.load(platforms.Platform, name).Source
        assert issubclass(schema, platforms.Source)
        with pytest.raises(UserError, match=r"x\.yaml.*unknown key 'platfrom'; did you mean 'plat"):
            validate(schema, {"platform": name, "platfrom": name}, "x.yaml")
        with pytest.raises(UserError, match="'platform' must be given and is missing"):
            validate(schema, {}, "x.yaml")

    def test_is_made_from_its_competitions_without_touching_anything(
        self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        listed = of_platform(name)
        monkeypatch.setattr("socket.socket.connect", None)
        (tmp_path / "params.yaml").touch()
        monkeypatch.chdir(tmp_path)
        for each in listed:
            made = platforms.of(each)
            assert isinstance(made, registry.load(platforms.Platform, name))
            assert made.competition is each
        assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]


def test_a_local_solution_has_one_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.socket.connect", None)
    for each in of_platform("bundled"):
        solution = platforms.of(each).solution()
        assert isinstance(solution, pd.DataFrame)
        assert solution.columns.tolist() == ["id", "target", "usage"]
        assert not solution.isna().to_numpy().any()
        assert solution["id"].is_unique
        assert {type(value) for value in solution["id"]} == {str}
        assert set(solution["usage"]) == {"Public", "Private"}
        is_number = pd.api.types.is_numeric_dtype(solution["target"])
        assert is_number == (each.task == "regression")
        assert np.abs((solution["usage"] == "Public").mean() - 0.5) < 0.02
        pd.testing.assert_frame_equal(solution, platforms.of(each).solution())


def test_platforms_are_found_without_their_clients() -> None:
    program = (
        "import sys; from pipelines import platforms; from pipelines.plumbing import registry\n"
        "for name in registry.names('platforms'): registry.load(platforms.Platform, name)\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_an_unknown_platform_names_the_nearest() -> None:
    [digits] = [each for each in of_platform("bundled") if each.name == "digits"]
    changed = digits.model_copy(update={"source": {"platform": "bundeld"}})
    with pytest.raises(UserError, match="found 'bundeld'; did you mean 'bundled'"):
        platforms.of(changed)
