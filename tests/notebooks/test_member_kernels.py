"""The kernels that lie in kernels/: each can be read, is written up, and runs on what Kaggle would give it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split

from pipelines.cells import conversion
from pipelines.platforms.files import DATA_DIR
from pipelines.values import competition as competitions
from pipelines.values import kernel as kernels

ROOT = Path(__file__).parents[2]
NAMES = sorted(
    f"{path.parent.parent.name}/{path.parent.name}" for path in ROOT.glob("kernels/*/*/kernel.yaml")
)


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def sections(notes: str) -> dict[str, str]:
    """Heading → what stands below it."""
    parts = re.split(r"^## +(.+)$", notes, flags=re.MULTILINE)
    return {
        heading.strip(): text.strip()
        for heading, text in zip(parts[1::2], parts[2::2], strict=True)
    }


@pytest.mark.parametrize("name", NAMES)
class TestEveryKernel:
    def test_loads(self, name: str) -> None:
        found = kernels.load(name)
        assert found.file.title
        if found.file.competition is not None:
            assert found.file.competition in competitions.names()

    def test_is_cells_of_python_with_words_between_them(self, name: str) -> None:
        notebook = jupytext.reads(kernels.load(name).code, fmt="py:percent")
        code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        for source in code:
            compile(source, name, "exec")
        words = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
        assert words
        assert words[0].startswith("# ")
        assert len(code) >= 3
        assert len(words) >= len(code) / 3

    def test_answers_all_that_the_notes_ask(self, name: str) -> None:
        found = sections((ROOT / "kernels" / name / "notes.md").read_text(encoding="utf-8"))
        assert [heading for heading, text in found.items() if text] == list(kernels.NOTES)

    def test_its_quick_values_name_parameters(self, name: str) -> None:
        kernel = kernels.load(name)
        conversion.with_quick(conversion.from_percent(kernel.code), kernel.file.quick)


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def view(folder: Path, competition: str, train: pd.DataFrame, test: pd.DataFrame) -> Path:
    """Kaggle's folders with these tables and a constant sample; the working folder."""
    found = competitions.load(competition)
    given = folder / "input" / competition
    given.mkdir(parents=True)
    train.to_csv(given / "train.csv", index=False)
    test.drop(columns=found.target).to_csv(given / "test.csv", index=False)
    sample = test[[found.id_column]].assign(**{found.target: train[found.target].min()})
    sample.to_csv(given / str(found.files.sample), index=False)
    working = folder / "working"
    working.mkdir()
    return working


def submitted(name: str, working: Path, test: pd.DataFrame) -> pd.Series:
    """What a kernel, run as a plain script, writes for the rows of test; checked against Kaggle's rules."""
    file = kernels.load(name).file
    assert file.competition is not None
    found = competitions.load(file.competition)
    done = subprocess.run(
        [sys.executable, str(ROOT / "kernels" / name / "kernel.py")], cwd=working, text=True,
        capture_output=True, env=os.environ | {"MPLBACKEND": "agg"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    [path] = working.glob("*.csv")
    answer = read(path)
    assert answer.columns.tolist() == [found.id_column, found.target]
    assert answer[found.id_column].tolist() == test[found.id_column].tolist()
    return answer[found.target]


@pytest.mark.parametrize("name", ["m01/knn-pca", "m02/svm-digits"])
def test_digits_are_read(name: str, tmp_path: Path) -> None:
    X, y = load_digits(return_X_y=True)
    table = pd.DataFrame(X.astype(int), columns=[f"pixel_{i // 8}_{i % 8}" for i in range(64)])
    table.insert(0, "label", y.astype(str))
    train, test = train_test_split(table, train_size=700, test_size=200, random_state=1, stratify=y)
    for part in (train, test):
        part.insert(0, "id", np.arange(1, len(part) + 1).astype(str))
    answer = submitted(name, view(tmp_path, "digits", train, test), test)
    assert (answer.to_numpy() == test["label"].to_numpy()).mean() > 0.9


def split(competition: str, rows: int, random_state: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to learn from and a fifth to judge by, out of the real training file."""
    found = competitions.load(competition)
    table = read(
        Path(os.environ[DATA_DIR]) / str(found.source["mirror"]) / found.files.train_files[0]
    )
    table = table.sample(min(rows, len(table)), random_state=random_state)
    train, test = train_test_split(
        table, test_size=0.2, random_state=random_state, stratify=table[found.target]
    )
    return train, test


needs_files = pytest.mark.skipif(
    DATA_DIR not in os.environ, reason=f"{DATA_DIR} names no folder that holds titanic/ …"
)


@needs_files
@pytest.mark.parametrize("name", ["m03/titanic-trees", "m04/titanic-logistic", "m05/titanic-rule"])
def test_survivors_are_found(name: str, tmp_path: Path) -> None:
    train, test = split("titanic", 891, 4)
    answer = submitted(name, view(tmp_path, "titanic", train, test), test)
    # Who says that nobody survived is right in 0.61.
    assert (answer.to_numpy() == test["Survived"].to_numpy()).mean() > 0.72


@needs_files
@pytest.mark.parametrize("name", ["m01/tweets-tfidf", "m05/tweets-keywords"])
def test_disasters_are_told_apart(name: str, tmp_path: Path) -> None:
    train, test = split("disaster-tweets", 1500, 4)
    answer = submitted(name, view(tmp_path, "disaster-tweets", train, test), test)
    # Who calls every tweet a disaster has F1 0.60.
    assert f1_score(test["target"].astype(int), answer.astype(int)) > 0.62


@needs_files
def test_only_the_rule_knows_the_answers_without_having_learned(tmp_path: Path) -> None:
    train, test = split("titanic", 891, 4)
    shuffled = train.assign(Survived=train["Survived"].sample(frac=1, random_state=0).to_numpy())
    right = {}
    for name in ("m04/titanic-logistic", "m05/titanic-rule"):
        working = view(tmp_path / name, "titanic", shuffled, test)
        answer = submitted(name, working, test)
        right[name] = (answer.to_numpy() == test["Survived"].to_numpy()).mean()
    assert right["m05/titanic-rule"] > 0.75
    assert right["m04/titanic-logistic"] < 0.68
