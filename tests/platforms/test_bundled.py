"""scikit-learn's data in Kaggle's form: the same rows, shuffled, with a hidden part."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from pipelines import platforms
from pipelines.platforms.bundled import Bundled
from pipelines.plumbing.errors import UserError
from pipelines.values import competition
from tests.conftest import Workshop

TABLE: dict[str, Any] = {"image": None, "target": "label"}


@pytest.fixture
def bundled(workshop: Workshop) -> Any:
    def make(dataset: str, changes: dict[str, Any] | None = None, **source: Any) -> Bundled:
        whole = {"platform": "bundled", "dataset": dataset, **source}
        workshop.write_competition(**{**TABLE, **(changes or {}), "source": whole})
        made = platforms.of(competition.load("tiny"))
        assert isinstance(made, Bundled)
        return made

    return make


def files(platform: Bundled, into: Path) -> dict[str, pd.DataFrame]:
    into.mkdir(exist_ok=True)
    platform.download(into)
    return {path.stem: pd.read_csv(path) for path in sorted(into.iterdir())}


def test_digits_are_scikit_learns_whole_numbers(bundled: Any, tmp_path: Path) -> None:
    platform = bundled("digits")
    found = files(platform, tmp_path / "raw")
    train, test = found["train"], found["test"]
    assert len(test) == 360
    assert train.columns.tolist()[:3] == ["id", "label", "pixel_0_0"]
    assert (train.drop(columns=["id", "label"]).dtypes == np.int64).all()
    test.insert(1, "label", platform.solution()["target"].astype(int))
    rows = pd.concat([train, test]).drop(columns="id").to_numpy()
    original = datasets.load_digits()
    whole = np.column_stack([original.target, original.data]).astype(int)
    assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, whole.tolist()))


def test_hidden_labels_belong_to_their_rows(bundled: Any, tmp_path: Path) -> None:
    platform = bundled(
        "diabetes", {"task": "regression", "metric": "rmse", "split": {"kind": "plain"}}
    )
    test = files(platform, tmp_path / "raw")["test"]
    original = datasets.load_diabetes(scaled=False)
    value = {tuple(row): target for row, target in zip(original.data, original.target, strict=True)}
    truth = [value[tuple(map(float, row))] for row in test.drop(columns="id").to_numpy()]
    assert platform.solution()["target"].tolist() == truth


@pytest.mark.parametrize(
    ("kind", "train_first", "test_first"), [("position", 1, 1), ("key", 1, 1438)]
)
def test_ids_count_rows_or_name_them(
    bundled: Any, tmp_path: Path, kind: str, train_first: int, test_first: int
) -> None:
    platform = bundled("digits", {"id": kind})
    found = files(platform, tmp_path / "raw")
    assert found["train"]["id"].tolist() == list(range(train_first, train_first + 1437))
    assert found["test"]["id"].tolist() == list(range(test_first, test_first + 360))
    ids = [str(name) for name in found["test"]["id"]]
    assert platform.solution()["id"].tolist() == ids
    assert found["sample_submission"]["id"].astype(str).tolist() == ids


def test_classes_have_names_and_their_share(bundled: Any, tmp_path: Path) -> None:
    platform = bundled("wine", {"metric": "log_loss"}, test_share=0.3)
    found = files(platform, tmp_path / "raw")
    assert found["sample_submission"].columns.tolist() == ["id", "class_0", "class_1", "class_2"]
    assert "od280/od315_of_diluted_wines" in found["train"].columns
    shares = found["train"]["label"].value_counts(normalize=True).sort_index()
    hidden = platform.solution()["target"].value_counts(normalize=True).sort_index()
    assert np.abs(shares - hidden).max() < 0.02
    assert len(found["test"]) == round(0.3 * 178) + 1  # scikit-learn rounds up


def test_spaces_in_names_become_underscores(bundled: Any, tmp_path: Path) -> None:
    columns = files(bundled("breast_cancer"), tmp_path / "raw")["train"].columns
    assert "mean_radius" in columns
    assert not [column for column in columns if " " in column]


def test_another_seed_hides_other_rows(bundled: Any, tmp_path: Path) -> None:
    first, again, other = (
        files(bundled("wine", seed=seed), tmp_path / f"raw{number}")["test"]
        for number, seed in enumerate((0, 0, 1))
    )
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


@pytest.mark.parametrize(
    ("dataset", "changes", "source", "says"),
    [
        ("digit", {}, {}, "'digits', 'wine'.*found 'digit'"),
        ("wine", {}, {"test_shear": 0.1}, "unknown key 'test_shear'; did you mean 'test_share'"),
        ("wine", {}, {"test_share": 0.9}, "test_share: .*found 0.9"),
        ("wine", {}, {"seed": -1}, "seed: .*found -1"),
    ],
)
def test_a_source_that_does_not_fit(
    bundled: Any, dataset: str, changes: dict[str, Any], source: dict[str, Any], says: str
) -> None:
    with pytest.raises(UserError, match=says) as raised:
        bundled(dataset, changes, **source)
    assert "competitions/tiny.yaml: source" in str(raised.value)


def test_a_target_named_like_a_feature(bundled: Any, tmp_path: Path) -> None:
    platform = bundled("wine", {"target": "hue"})
    with pytest.raises(
        UserError, match=r"target must differ from the feature columns.*'hue'.*choose"
    ):
        platform.download(tmp_path)
