"""What every competition must keep to; a new file in competitions/ is tested by being there."""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pipelines import platforms, readers
from pipelines.platforms.files import DATA_DIR
from pipelines.plumbing import paths, registry
from pipelines.plumbing.errors import UserError
from pipelines.tracking import records
from pipelines.tracking.kernel_facts import is_ranked
from pipelines.values import competition, folds, metrics, raw, submission
from pipelines.values import kernel as kernels
from pipelines.values.competition import Competition
from pipelines.values.dataset import Dataset
from pipelines.values.predictions import Predictions, one_hot

ROOT = Path(__file__).parents[2]
NAMES = sorted(path.stem for path in (ROOT / "competitions").glob("*.yaml"))


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@cache
def load(name: str) -> Competition:
    return competition.load(name)


def is_bundled(name: str) -> bool:
    text = (ROOT / "competitions" / f"{name}.yaml").read_text(encoding="utf-8")
    return "platform: bundled" in text


BUNDLED = [name for name in NAMES if is_bundled(name)]


@pytest.mark.parametrize("name", NAMES)
class TestEveryCompetition:
    def test_loads_and_its_source_fits_its_platform(self, name: str) -> None:
        found = load(name)
        assert isinstance(platforms.of(found), platforms.Platform)
        assert metrics.get(found.metric).task == found.task

    def test_lists_models_that_exist(self, name: str) -> None:
        assert set(load(name).baselines) <= set(registry.names("models"))
        assert load(name).baselines

    def test_its_pool_is_of_kernels_that_learn_and_there_is_one_where_there_are_kernels(
        self, name: str
    ) -> None:
        ranked = set()
        for kernel in kernels.names():
            record = records.read_or_none(paths.kernel(kernel) / "result.json")
            if record and record.competition == name and is_ranked(record.marks):
                ranked.add(kernel)
        pool = set(load(name).pool)
        assert pool <= ranked
        assert bool(pool) == bool(ranked)

    def test_says_where_it_comes_from(self, name: str) -> None:
        url = load(name).url
        assert url is not None
        assert url.startswith("http")


class Downloaded:
    """One competition, downloaded and read."""

    def __init__(self, name: str, folder: Path) -> None:
        self.competition, self.folder = load(name), folder
        self.platform = platforms.of(self.competition)
        self.platform.download(folder)
        scratch = folder.with_name(f"{folder.name}-scratch")
        scratch.mkdir()
        self.tables = readers.of(self.competition).read(folder, scratch)


class Bundle(Downloaded):
    """One bundled competition, with its dataset and its solution."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name, folder)
        self.dataset, self.warnings = raw.build(self.competition, self.tables)
        solution = self.platform.solution()
        assert solution is not None
        self.solution = solution

    @property
    def truth(self) -> np.ndarray:
        """Class indices or values of the test rows."""
        target = self.solution["target"]
        if not self.dataset.is_classification:
            return target.to_numpy(np.float64)
        return np.array([self.dataset.classes.index(label) for label in target])


@pytest.fixture(scope="module", params=BUNDLED)
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    here = Path.cwd()
    os.chdir(ROOT)
    try:
        return Bundle(request.param, tmp_path_factory.mktemp(request.param))
    finally:
        os.chdir(here)


class TestEveryBundledCompetition:
    def test_becomes_a_dataset_without_a_warning(self, bundle: Bundle) -> None:
        assert bundle.warnings == []
        assert bundle.dataset.image == bundle.competition.image

    def test_every_split_can_be_drawn(self, bundle: Bundle) -> None:
        dataset = bundle.dataset
        drawn = folds.make(bundle.competition.split, 5, dataset.y, 0, classes=dataset.classes)
        assert sorted(set(drawn.tolist())) == [0, 1, 2, 3, 4]

    def test_twice_gives_the_same_bytes(self, bundle: Bundle, tmp_path: Path) -> None:
        platforms.of(bundle.competition).download(tmp_path)
        assert contents(tmp_path) == contents(bundle.folder)

    def test_only_the_named_files_lie_in_raw(self, bundle: Bundle) -> None:
        files = bundle.competition.files
        wanted = {*files.train_files, *files.test_files, files.sample}
        pictures = bundle.competition.pictures
        folders = {pictures.train, pictures.test} if pictures else set()
        assert {name.partition("/")[0] for name in contents(bundle.folder)} == wanted | folders

    def test_the_solution_is_for_the_test_rows_in_their_order(self, bundle: Bundle) -> None:
        ids = bundle.solution["id"].tolist()
        assert ids == bundle.tables.test[bundle.competition.id_column].tolist()
        assert ids == bundle.tables.sample[bundle.competition.id_column].tolist()
        both = set(ids) & set(bundle.dataset.row_ids.tolist())
        assert not both or bundle.competition.id == "position"

    def test_no_file_holds_the_solution(self, bundle: Bundle) -> None:
        assert bundle.competition.target not in bundle.tables.test.columns
        hidden = bundle.solution["target"].astype(str)
        for table in (bundle.tables.test, bundle.tables.sample):
            for column in table:
                assert abs_correlation(table[column], bundle.truth) < 0.999
                assert table[column].astype(str).tolist() != hidden.tolist()
        shared = [column for column in bundle.tables.test if column != bundle.competition.id_column]
        rows = pd.concat([bundle.tables.train[shared], bundle.tables.test[shared]])
        assert not rows.duplicated().any()

    def test_the_order_of_rows_tells_nothing(self, bundle: Bundle) -> None:
        hidden = coarse(bundle.truth)
        learnt = coarse(bundle.dataset.y)
        for labels in (learnt, hidden):
            assert independent(labels[:-1], labels[1:])
            assert independent(np.arange(len(labels)) * 4 // len(labels), labels)

    def test_the_truth_can_be_submitted_and_the_sample_cannot(self, bundle: Bundle) -> None:
        found, dataset = bundle.competition, bundle.dataset
        metric = metrics.get(found.metric)
        made = submission.build(found, bundle.tables.sample, almost_true(bundle))
        path = bundle.folder.parent / f"{found.name}.csv"
        submission.save(path, made)
        read = submission.read(path, found)
        valid = submission.validate(found, read, bundle.tables.sample, dataset.classes)
        assert valid[found.id_column].tolist() == bundle.solution["id"].tolist()
        best = metric.score(bundle.truth, matrix(bundle), dataset.classes)
        worse = metric.score(bundle.truth, np.roll(matrix(bundle), 7, axis=0), dataset.classes)
        assert metric.better(best, worse)
        with pytest.raises(UserError, match=r"this is the sample|only 0 and 1"):
            submission.validate(found, bundle.tables.sample, bundle.tables.sample, dataset.classes)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def abs_correlation(column: "pd.Series[float]", truth: np.ndarray) -> float:
    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    if not np.isfinite(values).all() or values.std() == 0:
        return 0.0
    return abs(float(np.corrcoef(values, truth)[0, 1]))


def coarse(y: np.ndarray) -> np.ndarray:
    """Classes as they are, values as quarters."""
    if y.dtype.kind == "i":
        return y
    return np.searchsorted(np.quantile(y, [0.25, 0.5, 0.75]), y)


def independent(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether a chi-squared test finds no tie between two labellings of the same rows."""
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)
    table = table[table.any(axis=1)][:, table.any(axis=0)]
    return bool(stats.chi2_contingency(table).pvalue > 0.001)


def matrix(bundle: Bundle) -> np.ndarray:
    """The truth as somebody sure of it would predict it."""
    if not bundle.dataset.is_classification:
        return bundle.truth[:, None]
    return 0.9 * one_hot(bundle.truth, bundle.dataset.width) + 0.1 / bundle.dataset.width


def almost_true(bundle: Bundle) -> Predictions:
    dataset: Dataset = bundle.dataset
    return Predictions(
        name="models/oracle",
        kind="probability" if dataset.is_classification else "value",
        oof=np.full((len(dataset.row_ids), dataset.width), np.nan, np.float32),
        test=matrix(bundle).astype(np.float32),
        test_from="refit",
        row_ids=dataset.row_ids,
        test_ids=dataset.test_ids,
        classes=np.array(dataset.classes, dtype=np.str_),
        metric=bundle.competition.metric,
        fold_scores=np.zeros(0),
        folds_hash="",
        data_hash=dataset.hash,
    )


@pytest.mark.skipif(
    DATA_DIR not in os.environ, reason=f"{DATA_DIR} names no folder that holds mnist/ …"
)
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_mnist_comes_whole_from_the_mirror(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.socket.connect", None)
    found = Downloaded(name, tmp_path)
    tables = found.tables
    assert (len(tables.train), len(tables.test)) == (60000, 10000)
    solution = found.platform.solution()
    assert solution is not None
    assert not {path.name for path in tmp_path.iterdir()} & {found.competition.source["solution"]}
    assert solution["id"].tolist() == tables.test["ImageId"].tolist()
    assert sorted(tables.train["Label"].unique()) == list("0123456789")
    per_class = solution["target"].value_counts().sort_index().tolist()
    classic = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert per_class == (classic if name == "mnist" else [1000] * 10)


# What the platforms' pages say: training rows, test rows, columns that are left for features.
BY_HAND = {
    "titanic": (891, 418, 10),
    "disaster-tweets": (7613, 3263, 3),
    "house-prices": (1460, 1459, 79),
    "ddarung": (1459, 715, 9),
    "nsmc": (150_000, 50_000, 1),
}


@pytest.mark.skipif(
    DATA_DIR not in os.environ, reason=f"{DATA_DIR} names no folder that holds titanic/ …"
)
@pytest.mark.parametrize("name", BY_HAND)
def test_what_members_downloaded_becomes_a_dataset(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.socket.connect", None)
    found = Downloaded(name, tmp_path)
    dataset, warnings = raw.build(found.competition, found.tables)
    assert warnings == []
    assert (len(dataset.y), len(dataset.test_ids), dataset.X_train.shape[1]) == BY_HAND[name]
    solution = found.platform.solution()
    assert (solution is not None) == (name == "nsmc")  # its file of test rows holds the labels
    if solution is not None:
        assert set(solution["id"]) == set(dataset.test_ids)
        assert found.competition.target not in found.tables.test
    sample = found.tables.sample
    with pytest.raises(UserError, match=r"this is the sample|missing values"):
        submission.validate(found.competition, sample, sample, dataset.classes)


@pytest.mark.parametrize("name", BY_HAND)
def test_who_has_not_downloaded_yet_is_told_where_from(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA_DIR, str(tmp_path / "empty"))
    with pytest.raises(
        UserError,
        match=r"must lie in .*/empty/.*nothing was found.*: download .* from https://\S+ and put ",
    ):
        platforms.of(load(name)).download(tmp_path)


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("nsmc", ["ratings_train.txt.gz", "ratings_test.txt.gz"]),
        ("titanic", ["gender_submission.csv"]),
    ],
)
def test_what_others_cannot_have_to_the_byte_is_asked_for_by_no_hash(
    name: str, files: list[str]
) -> None:
    """gzip writes a time into its files, and a sample may be made by hand."""
    listed = load(name).source["files"]
    assert [(listed[file] or {}).get("md5") for file in files] == [None] * len(files)
