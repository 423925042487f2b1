import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Png
from sklearn.datasets import load_digits

from pipelines.plumbing import paths
from pipelines.training import pictures, profile
from pipelines.training.checks import adversarial, columns
from pipelines.values import competition, raw
from pipelines.values.competition import Image
from pipelines.values.dataset import Dataset


def dataset(X_train, X_test, y=None, classes=("a", "b"), image=None) -> Dataset:
    rows, test_rows = len(X_train), len(X_test)
    y = np.arange(rows) % 2 if y is None else np.asarray(y)
    ids = np.arange(rows).astype(str), np.arange(test_rows).astype(str)
    return Dataset(X_train, X_test, y, *ids, classes, image, None, None)


def digits(order: np.ndarray, cut: int = 1300) -> Dataset:
    found = load_digits()
    X = found.images.astype(np.uint8)[order][..., None]
    names = tuple("0123456789")
    image = Image(height=8, width=8, maximum=16)
    return dataset(X[:cut], X[cut:], found.target[order][:cut].astype(np.int64), names, image)


@pytest.fixture
def tiny(workshop) -> Dataset:
    found = competition.load("tiny")
    return raw.build(found, raw.read(found, paths.raw("tiny")))[0]


class TestProfile:
    def test_counts_of_a_competition(self, tiny):
        found = profile.profile(tiny, seed=7)
        assert (found["rows"], found["test_rows"], found["columns"]) == (60, 20, 16)
        assert found["image"] == [4, 4, 1]
        assert found["classes"] == {"c0": 20, "c1": 20, "c2": 20}
        assert found["target"] is None
        assert found["missing"] == {"train": 0, "test": 0, "columns": []}

    def test_the_same_seed_gives_the_same_numbers(self, tiny):
        assert profile.profile(tiny, seed=7) == profile.profile(tiny, seed=7)

    def test_values_are_described_instead_of_classes(self):
        table = pd.DataFrame({"x": range(4)})
        found = profile.profile(dataset(table, table, [1.0, 2.0, 3.0, 10.0], ()), seed=7)
        assert found["classes"] == {}
        assert found["target"] == {
            "minimum": 1, "median": 2.5, "mean": 4, "maximum": 10,
            "standard_deviation": pytest.approx(np.std([1, 2, 3, 10])),
        }  # fmt: skip

    def test_gaps_per_column_the_worst_first(self):
        train = pd.DataFrame({f"c{i:02}": [None] * i + [1.0] * (30 - i) for i in range(25)})
        test = pd.DataFrame({f"c{i:02}": [1.0, None if i == 3 else 1.0] for i in range(25)})
        found = profile.profile(dataset(train, test), seed=7)["missing"]
        assert (found["train"], found["test"]) == (sum(range(25)), 1)
        assert found["columns"][0] == {"column": "c24", "train": 24, "test": 0}
        assert len(found["columns"]) == 20


class TestDuplicates:
    def test_pictures(self):
        X = np.zeros((6, 2, 2, 1), np.uint8)
        X[:, 0, 0, 0] = [1, 2, 1, 1, 5, 5]
        test = X[[1, 1, 4]] + np.array([0, 0, 90], np.uint8)[:, None, None, None]
        found = profile.profile(
            dataset(X, test, [0, 0, 0, 1, 1, 1], image=Image(height=2, width=2)), seed=7
        )
        # 1 three times (of both targets), 5 twice (of one); 2 occurs twice in test and once in train.
        assert found["duplicates"] == {"train": 3, "test": 1, "across": 2, "conflicting": 3}

    def test_whole_numbers_and_floats_of_one_value_are_equal(self):
        train, test = pd.DataFrame({"x": [1, 2]}), pd.DataFrame({"x": [1.0, None]})
        assert profile.profile(dataset(train, test), seed=7)["duplicates"]["across"] == 1
        X = np.ones((2, 1, 1, 1), np.uint8)
        mixed = dataset(X, X.astype(np.float32) / 1, image=Image(height=1, width=1))
        assert profile.profile(mixed, seed=7)["duplicates"]["across"] == 2

    @settings(max_examples=40, deadline=None)
    @given(st.data())
    def test_counts_agree_with_comparing_every_pair(self, data):
        cell = st.tuples(st.sampled_from([0.0, 1.0, None]), st.sampled_from(["a", "b", None]))
        train = data.draw(st.lists(cell, min_size=1, max_size=8))
        test = data.draw(st.lists(cell, min_size=1, max_size=5))
        y = data.draw(st.lists(st.integers(0, 1), min_size=len(train), max_size=len(train)))
        tables = (pd.DataFrame(rows, columns=["x", "word"]) for rows in (train, test))
        found = profile._duplicates(dataset(*tables, y))
        assert found == {
            "train": sum(row in train[:i] for i, row in enumerate(train)),
            "test": sum(row in test[:i] for i, row in enumerate(test)),
            "across": sum(row in train for row in test),
            "conflicting": sum(
                any(row == other and a != b for other, b in zip(train, y, strict=True))
                for row, a in zip(train, y, strict=True)
            ),
        }


class TestAdversarial:
    def test_rows_drawn_at_random_are_alike(self):
        order = np.random.default_rng(0).permutation(1797)
        found = profile.profile(digits(order), seed=7)["adversarial"]
        assert abs(found["auc"] - 0.5) < 0.05
        assert found["rows"] == [1300, 497]
        assert found["meaning"].startswith("Test is like train (AUC 0.")

    def test_rows_of_other_classes_are_told_apart(self):
        order = np.argsort(load_digits().target, kind="stable")
        found = profile.profile(digits(order), seed=7)["adversarial"]
        assert found["auc"] > 0.95
        assert found["meaning"].startswith("Test differs from train")

    def test_a_table_with_a_shifted_column_is_told_apart(self):
        noise = np.random.default_rng(0).normal(size=(400, 2))
        train = pd.DataFrame({"x": noise[:200, 0], "year": 2019})
        test = pd.DataFrame({"x": noise[200:, 0], "year": 2020})
        assert profile.profile(dataset(train, test), seed=7)["adversarial"]["auc"] == 1.0

    def test_the_noise_is_the_spread_of_the_auc_under_chance(self):
        sizes, generator = (120, 60), np.random.default_rng(0)
        from sklearn.metrics import roc_auc_score

        labels = np.repeat([0, 1], sizes)
        drawn = [roc_auc_score(labels, generator.random(180)) for _ in range(400)]
        table = pd.DataFrame({"x": generator.normal(size=180)})
        found = profile.profile(dataset(table[:120], table[120:]), seed=7)["adversarial"]
        assert found["noise"] == pytest.approx(1.96 * np.std(drawn), rel=0.15)

    def test_too_few_rows_are_said_to_be_unknown(self):
        table = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
        found = profile.profile(dataset(table, table[:2]), seed=7)["adversarial"]
        assert found["auc"] is None
        assert "needs 3 rows of each part, found 3 and 2" in found["meaning"]

    def test_a_table_of_names_is_said_to_be_unknown(self):
        table = pd.DataFrame({"name": [f"m{i}" for i in range(12)]})
        other = pd.DataFrame({"name": [f"n{i}" for i in range(12)]})
        found = profile.profile(dataset(table, other), seed=7)["adversarial"]
        assert found["auc"] is None
        assert "is not known: a table must have a column" in found["meaning"]

    def test_rows_beyond_the_limit_are_drawn(self, monkeypatch):
        monkeypatch.setattr(adversarial, "_MOST_ROWS", 100)
        found = profile.profile(digits(np.arange(1797)), seed=7)["adversarial"]
        assert found["rows"] == [100, 100]

    @pytest.mark.parametrize(
        ("auc", "begins"),
        [
            (0.40, "Test is like"),
            (0.519, "Test is like"),
            (0.55, "Test differs slightly"),
            (0.7, "Test differs from"),
        ],
    )
    def test_the_sentence_follows_the_number(self, auc, begins):
        meaning = adversarial._meaning(auc, noise=0.02)
        assert meaning.startswith(begins)
        assert f"AUC {auc:.3f}; rows that are alike give 0.480 … 0.520" in meaning


@given(st.integers(0, 50), st.integers(0, 20), st.integers(0, 1000))
def test_drawn_rows_are_few_different_and_in_order(total, most, seed):
    rows = columns.draw(total, most, seed)
    assert len(rows) == min(total, most)
    assert sorted(set(rows.tolist())) == rows.tolist()
    assert set(rows.tolist()) <= set(range(total))
    np.testing.assert_array_equal(rows, columns.draw(total, most, seed))


class TestWrite:
    def test_pictures_get_a_grid_of_samples(self, tiny, tmp_path: Path):
        folder = tmp_path / "profile"
        profile.write(folder, tiny, ["columns only in train are dropped: x"], seed=7)
        assert sorted(path.name for path in folder.iterdir()) == ["profile.json", "samples.png"]
        stored = json.loads((folder / "profile.json").read_text(encoding="utf-8"))
        assert stored.pop("warnings") == ["columns only in train are dropped: x"]
        assert stored.pop("findings") == []
        assert stored == json.loads(json.dumps(profile.profile(tiny, seed=7)))
        with Png.open(folder / "samples.png") as picture:
            assert picture.width > 400

    def test_tables_get_distributions(self, tmp_path: Path):
        table = pd.DataFrame({"x": [1.0, 2, 3, None], "단어": ["가", "나", "가", None]})
        profile.write(tmp_path, dataset(table, table), [], seed=7)
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "distributions.png",
            "profile.json",
        ]

    def test_values_of_pictures_are_their_labels(self, tiny, tmp_path: Path, monkeypatch):
        figures = []
        draw = pictures.sample_grid.__wrapped__
        monkeypatch.setattr(
            pictures, "sample_grid", lambda *a, **k: figures.append(draw(*a, **k)) or b"png"
        )
        for made in (tiny, replace(tiny, y=np.arange(60) / 8, classes=())):
            profile.write(tmp_path / "profile", made, [], seed=7)
        for figure, label in zip(
            figures, (lambda i: f"c{i % 3}", lambda i: f"{i / 8:g}"), strict=True
        ):
            captions = [text.get_text().split("\n") for text in figure.axes[0].texts]
            assert len(captions) == 40
            assert all(shown == label(int(row[1:])) for row, shown in captions)

    def test_writing_again_gives_the_same_bytes(self, tiny, tmp_path: Path):
        for name in ("one", "two"):
            profile.write(tmp_path / name, tiny, [], seed=7)
        for file in ("profile.json", "samples.png"):
            assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
