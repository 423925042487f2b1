"""The small competition, preprocessed: what guards and grading find when `dvc repro` has run."""

from pathlib import Path

import pandas as pd

from pipelines.plumbing import paths
from pipelines.values import competition, raw, submission
from pipelines.values.competition import Competition
from tests.conftest import Workshop, tiny_tables


def preprocess(workshop: Workshop, **changes: object) -> Competition:
    """Write the dataset and the sample of `tiny`, whose competition file gets these changes."""
    workshop.write_competition(**changes)
    loaded = competition.load("tiny")
    tables = raw.read(loaded, paths.raw("tiny"))
    dataset, _ = raw.build(loaded, tables)
    dataset.save(paths.dataset("tiny"))
    submission.save(paths.sample("tiny"), tables.sample)
    return loaded


def truth() -> pd.DataFrame:
    """The solution: every other row is Public."""
    answers = tiny_tables()[3]
    usage = ["Public" if number % 2 == 0 else "Private" for number in range(len(answers))]
    return answers.rename(columns={"label": "target"}).assign(usage=usage)


def write(frame: pd.DataFrame, name: str = "mine.csv") -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False)
    return path


def answers(wrong: int = 0) -> pd.DataFrame:
    """A submission with the first `wrong` rows answered wrongly."""
    frame = tiny_tables()[3]
    frame.loc[: wrong - 1, "label"] = [
        "c1" if label == "c0" else "c0" for label in frame["label"][:wrong]
    ]
    return frame
