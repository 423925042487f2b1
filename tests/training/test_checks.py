"""Each check of the data: a case that has the fault, and one that has not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipelines.training import checks, profile
from pipelines.training.checks import (  # fmt: skip
    adversarial,
    cells,
    columns,
    pictures,
    rows,
    sampling,
    targets,
)
from pipelines.values.competition import Competition, Image
from pipelines.values.dataset import Dataset
from pipelines.values.findings import SENTENCES, Finding, lines, loud_lines
from pipelines.values.raw import RawTables

N = 400
SEED = 7


def rng() -> np.random.Generator:
    return np.random.default_rng(SEED)


def dataset(X, test, y=None, classes=("a", "b"), image=None) -> Dataset:
    y = rng().integers(0, 2, len(X)) if y is None else np.asarray(y)
    ids = np.array([f"r{i}" for i in rng().permutation(len(X))])
    test_ids = np.array([f"t{i}" for i in range(len(test))])
    return Dataset(X, test, y, ids, test_ids, classes, image, None, None)


def noise(n: int = N, seed: int = SEED) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    kinds = generator.choice(["red", "green", "blue"], n)
    return pd.DataFrame({"size": generator.normal(size=n), "kind": kinds})


def clean() -> Dataset:
    return dataset(noise(), noise(N, SEED + 1))


FOLD = np.arange(N) % 5


def competition() -> Competition:
    return Competition(name="tiny", title="Tiny", task="classification", metric="accuracy", id_column="key",
                       target="y", split={"kind": "stratified"}, source={"platform": "files"})  # fmt: skip


def test_clean_data_gives_no_finding() -> None:
    found = clean()
    table = noise().assign(key=found.row_ids, y=found.y.astype(str))
    tables = RawTables(table, noise(N, SEED + 1).assign(key=found.test_ids), table[["key", "y"]])
    assert checks.findings_of(competition(), found, SEED, 5, FOLD, tables) == []


class TestCells:
    @pytest.mark.parametrize(
        ("train", "test", "part", "severity"),
        [(np.nan, np.nan, "train and test", "note"), (None, 1.0, "train", "note"), ("x", None, "test", "loud")],
    )  # fmt: skip
    def test_a_column_without_a_value(self, train, test, part: str, severity: str) -> None:
        parts = [noise().assign(gone=value) for value in (train, test)]
        (found,) = cells.empty(dataset(*parts))
        assert (found.severity, found.counts["part"], found.example) == (severity, part, "gone")
        assert found in checks.findings_of(competition(), dataset(*parts), SEED, 5, FOLD)

    def test_numbers_that_are_none(self) -> None:
        X = noise().assign(far=[np.inf, -1e300, np.nan, *range(N - 3)])
        (found,) = cells.infinite(dataset(X, noise().assign(far=1.0)))
        assert (found.counts["column"], found.counts["cells"], found.example) == ("far", 2, "inf")


class TestLeaks:
    @pytest.mark.parametrize("kind", ["number", "words", "threshold"])
    def test_a_column_that_gives_the_class(self, kind: str) -> None:
        y = rng().integers(0, 2, N)
        size = rng().uniform(size=N)
        hint = {"number": y * 2 + 1, "words": np.array(["no", "yes"])[y],
                "threshold": np.where(y == 1, 1 + size, 1 - size)}[kind]  # fmt: skip
        (found,) = columns.leaks(dataset(noise().assign(hint=hint), noise(), y), SEED)
        assert (found.kind, found.severity, found.counts["column"]) == ("leak", "loud", "hint")

    def test_values_that_a_column_gives_in_another_scale(self) -> None:
        y = rng().lognormal(size=N)
        X = noise().assign(hint=np.sqrt(y))
        (found,) = columns.leaks(dataset(X, noise(), y, ()), SEED)
        assert found.counts["column"] == "hint"

    def test_a_good_feature_is_no_leak(self) -> None:
        y = rng().integers(0, 2, N)
        good = np.where(rng().uniform(size=N) < 0.1, 1 - y, y)
        assert columns.leaks(dataset(noise().assign(good=good), noise(), y), SEED) == []

    def test_names_of_rows_tell_nothing_out_of_sample(self) -> None:
        X = noise().assign(name=[f"n{i}" for i in range(N)])
        assert columns.leaks(dataset(X, X), SEED) == []


class TestIdOrder:
    def test_sorted_targets(self) -> None:
        (found,) = columns.id_order(dataset(noise(), noise(), np.arange(N) // (N // 2)), SEED)
        assert (found.kind, found.severity) == ("id_order", "loud")

    def test_numbers_of_ids_that_order_shuffled_rows(self) -> None:
        shuffled = clean()
        number = np.array([int(name[1:]) for name in shuffled.row_ids])
        assert columns.id_order(replace(shuffled, y=(number > N // 2).astype(int)), SEED)
        assert columns.id_order(shuffled, SEED) == []


class TestRows:
    def test_copies_in_two_folds_are_loud_where_they_are_many(self) -> None:
        X = pd.concat([noise(N // 2)] * 2, ignore_index=True)
        (found,) = rows.duplicates(dataset(X, noise(N, 1)), np.arange(N) // 80)
        assert (found.kind, found.severity, found.counts["rows"]) == ("duplicates", "loud", N // 2)

    def test_copies_that_share_a_fold_are_a_note(self) -> None:
        X = pd.concat([noise(N // 2)] * 2, ignore_index=True)
        (found,) = rows.duplicates(dataset(X, noise(N, 1)), np.arange(N) % (N // 2) % 5)
        assert found.severity == "note"

    def test_a_coarse_table_repeats_by_chance(self) -> None:
        X = noise()[["kind"]]
        found = rows.duplicates(dataset(X, X), FOLD)
        assert [finding.severity for finding in found] == ["note", "note"]

    def test_test_rows_that_stand_in_train(self) -> None:
        (found,) = rows.duplicates(dataset(noise(), noise()[:40]), FOLD)
        assert (found.kind, found.counts["rows"], found.severity) == ("twins", 40, "loud")

    def test_a_tree_hangs_on_the_seed(self) -> None:
        generator = rng()
        code, y = generator.integers(0, 50, N), generator.integers(0, 2, N)
        one, again, other = (columns._tree_share(code, y, 2, seed) for seed in (1, 1, 2))
        assert one == again != other

    def test_rows_are_hashed_once_for_all_checks_and_the_profile(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hashed: list[int] = []
        keys = rows.keys
        monkeypatch.setattr(rows, "keys", lambda X: hashed.append(len(X)) or keys(X))
        found = dataset(noise(), noise(1))
        rows.duplicates(found, FOLD)
        rows.conflicts(found)
        profile._duplicates(found)
        assert len(hashed) == 1

    def test_conflicts(self) -> None:
        X = pd.concat([noise(N // 2)] * 2, ignore_index=True)
        y = np.repeat([0, 1], N // 2)
        (found,) = rows.conflicts(dataset(X, noise(), y))
        assert (found.counts["rows"], found.severity) == (N, "loud")
        assert rows.conflicts(dataset(X, noise(), np.zeros(N, int))) == []

    @pytest.mark.parametrize("last", [("Total", 1.0, 2.0), ("합계", 1.0, 2.0), ("z", 10.0, 26.0)])
    def test_a_row_of_totals(self, last: tuple[str, float, float]) -> None:
        above = [(name, float(i + 1), float(i + 5)) for i, name in enumerate("abcd")]
        table = pd.DataFrame([*above, last], columns=["key", "p", "q"])
        plain = pd.DataFrame(above, columns=["key", "p", "q"])
        (found,) = rows.totals(RawTables(table, plain, plain), competition())
        assert (found.kind, found.counts["part"]) == ("totals", "train")


class TestPictures:
    def made(self, changed: float) -> Dataset:
        X = rng().integers(0, 200, (200, 12, 12, 1)).astype(np.uint8)
        X[100:140] = X[:40]
        X[100:140, 5, 5] += np.uint8(changed)
        image = Image(height=12, width=12)
        return dataset(X, X[:5] ^ np.uint8(85), np.arange(200) % 2, image=image)

    def test_pictures_of_which_one_pixel_differs(self) -> None:
        (found,) = pictures.near_twins(self.made(3), np.arange(200) // 100, SEED)
        assert (found.severity, found.counts["pairs"], found.counts["split"]) == ("loud", 40, 40)

    def test_equal_pictures_are_the_other_checks(self) -> None:
        assert pictures.near_twins(self.made(0), np.arange(200) // 100, SEED) == []

    def test_large_pictures_are_looked_at_in_parts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = self.made(3)
        whole, apart = pictures.near_twins(made, None, SEED), adversarial.validate(made, SEED)
        monkeypatch.setattr(pictures, "_MOST_PIXELS", 1000)
        assert pictures.near_twins(made, None, SEED) == whole
        assert adversarial.validate(made, SEED) == apart
        monkeypatch.setattr(adversarial, "_MOST_PIXELS", 40)
        assert adversarial.validate(made, SEED)["rows"] == apart["rows"]

    def test_pictures_smaller_than_the_grid_have_a_hash(self) -> None:
        small = rng().integers(0, 255, (50, 4, 4, 3)).astype(np.uint8)
        assert len(np.unique(pictures.difference_hash(small))) > 25


class TestGroups:
    def test_values_that_recur_in_folds_and_not_in_test(self) -> None:
        X, test = (noise().assign(patient=np.arange(N) // 8 + start) for start in (0, 1000))
        (found,) = columns.groups(dataset(X, test), FOLD, SEED)
        assert (found.counts["column"], found.counts["test"]) == ("patient", "0%")
        assert columns.groups(dataset(X, test), np.arange(N) // 8 % 5, SEED) == []

    def test_values_that_recur_in_test_too(self) -> None:
        X = noise().assign(patient=np.arange(N) // 8)
        assert columns.groups(dataset(X, X), FOLD, SEED) == []


def test_categories_of_test_alone() -> None:
    test = noise()
    test.loc[:39, "kind"] = "violet"
    (found,) = columns.categories(dataset(noise(), test))
    assert (found.example, found.counts["rows"], found.counts["test_only"]) == ("violet", 40, 1)
    assert columns.categories(clean()) == []


def test_the_column_that_tells_test_from_train_is_named() -> None:
    moved = dataset(noise(), noise(N, 1).assign(size=lambda table: table["size"] + 3))
    known = adversarial.validate(moved, SEED)
    (found,) = adversarial.findings(moved, known, SEED)
    assert found.severity == "loud"
    assert found.counts["columns"].startswith("size (")
    assert "kind" not in found.counts["columns"]
    assert adversarial.findings(clean(), adversarial.validate(clean(), SEED), SEED) == []


class TestTargets:
    @pytest.mark.parametrize("wrong", [1e30, -999999999.0])
    def test_a_value_that_means_none(self, wrong: float) -> None:
        y = rng().lognormal(size=N)
        assert targets.far(dataset(noise(), noise(), y, ())) == []
        y[3] = wrong
        (found,) = targets.far(dataset(noise(), noise(), y, ()))
        assert (found.severity, found.counts["rows"]) == ("loud", 1)

    def test_classes_with_fewer_rows_than_folds(self) -> None:
        y = np.zeros(N, int)
        y[:3] = 1
        (found,) = targets.rare_classes(dataset(noise(), noise(), y), 5)
        assert found.example == "'b' with 3"
        assert targets.rare_classes(dataset(noise(), noise(), y), 3) == []


def test_lines_say_loud_ones_as_warnings() -> None:
    found = [
        Finding("rare_classes", severity, {"classes": 1, "folds": 5}, "'b' with 3")
        for severity in ("loud", "note")
    ]
    loud, note = lines(found)
    assert loud.startswith("warning: 1 classes have fewer rows")
    assert note.startswith("note: ")
    assert loud_lines([finding.as_json() for finding in found]) == [loud]
    assert found[0].advice == SENTENCES["rare_classes"][1]


def test_five_thousand_columns_with_a_leak_among_them() -> None:
    X = pd.DataFrame(rng().normal(size=(300, 5000)).astype(np.float32))
    y = rng().integers(0, 2, 300)
    X[4321] = y * 1.5
    (found,) = columns.leaks(dataset(X, X[:10], y), SEED)
    assert found.counts["column"] == "4321"


class TestSampling:
    def test_says_which_checks_drew_how_many_of_many_rows(self) -> None:
        (found,) = sampling.drawn(dataset(noise(25_000), noise(6_000)))
        assert found.severity == "note"
        assert found.counts["checks"] == "leak 20,000 · id_order 20,000 · adversarial 5,000 + 5,000"
        assert "Of 25,000 training and 6,000 test rows" in found.sentence

    def test_says_nothing_where_all_rows_were_looked_at(self) -> None:
        assert sampling.drawn(clean()) == []


@pytest.mark.parametrize("seed", range(3))
def test_the_column_that_shifts_is_named_before_those_that_go_with_it(seed: int) -> None:
    generator = np.random.default_rng(seed)
    cause = generator.normal(size=2 * N) + 0.8 * (np.arange(2 * N) >= N)
    others = {f"c{i}": 0.8 * cause + 0.6 * generator.normal(size=2 * N) for i in range(8)}
    table = pd.DataFrame({**others, "cause": cause})
    found = dataset(table[:N], table[N:])
    (said,) = adversarial.findings(found, {"auc": 0.75, "noise": 0.04}, SEED)
    assert said.counts["columns"].startswith("cause (AUC 0.7")
