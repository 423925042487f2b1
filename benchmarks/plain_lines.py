"""The lines of a library that everybody writes first, on pilsa's folds, and the chosen answer beside each of them.

`python benchmarks/plain_lines.py [COMPETITION …]` needs what `pilsa use COMPETITION && make repro` has made; the
others are left out. Tables: numbers stay, all else is a code or a category, and no column is made but those named.
"""

import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from pipelines.plumbing import paths
from pipelines.training.fits import rows_of
from pipelines.training.plan import Plan, load
from pipelines.values.comparison import paired_difference
from pipelines.values.predictions import Predictions

FOREST = {"n_estimators": 500, "random_state": 42, "n_jobs": 2}
BOOSTED = {
    "n_estimators": 600, "learning_rate": 0.03, "num_leaves": 31, "subsample": 0.8, "subsample_freq": 1,
    "colsample_bytree": 0.5, "random_state": 42, "n_jobs": 2, "verbose": -1,
}  # fmt: skip
SHALLOW = BOOSTED | {"num_leaves": 7}
NARROW = SHALLOW | {"n_estimators": 1000, "colsample_bytree": 0.3}
PAIRS = {"ngram_range": (1, 2), "min_df": 2, "sublinear_tf": True}
WITHIN = {"analyzer": "char_wb", "ngram_range": (2, 5), "min_df": 2, "sublinear_tf": True}
LETTERS = {"analyzer": "char", "ngram_range": (1, 6), "min_df": 2, "dtype": np.float32}


Inputs = Callable[[pd.DataFrame], Any]


def coded(rows: pd.DataFrame) -> np.ndarray:
    """Gaps are -1. Codes need no target, so all rows are coded at once."""
    columns = {
        name: rows[name]
        if pd.api.types.is_numeric_dtype(rows[name])
        else rows[name].astype("category").cat.codes
        for name in rows
    }
    return pd.DataFrame(columns).fillna(-1).to_numpy(float)


def named(rows: pd.DataFrame) -> pd.DataFrame:
    """Text as categories, gaps as they are: LightGBM takes both."""
    words = rows.select_dtypes(exclude="number").columns
    return rows.astype(dict.fromkeys(words, "category"))


def titled(rows: pd.DataFrame) -> np.ndarray:
    title = rows["Name"].str.extract(r" (\w+)\.", expand=False)
    title = title.where(title.isin(["Mr", "Mrs", "Miss", "Master"]), "rare")
    rows = rows.drop(columns=["Name", "Ticket", "Cabin"])
    return coded(rows.assign(title=title, family=rows["SibSp"] + rows["Parch"] + 1))


def joined(*names: str) -> Inputs:
    return lambda rows: rows[list(names)].fillna("").agg(" ".join, axis=1).to_numpy(dtype=object)


def on_log(model: Any) -> Any:
    return TransformedTargetRegressor(model, func=np.log1p, inverse_func=np.expm1)


def logistic(strength: float, **how: Any) -> Any:
    return make_pipeline(TfidfVectorizer(**how), LogisticRegression(C=strength, max_iter=300))


Line = tuple[str, Inputs, Any]
LINES: dict[str, Sequence[Line]] = {
    "titanic": (
        ("random forest, with title and family", titled, RandomForestClassifier(min_samples_leaf=2, **FOREST)),
        ("extra trees, with title and family", titled, ExtraTreesClassifier(min_samples_leaf=2, **FOREST)),
        ("LightGBM, with title and family", titled, LGBMClassifier(**SHALLOW)),
    ),
    "house-prices": (
        ("LightGBM on the log, with categories", named, on_log(LGBMRegressor(**NARROW))),
        ("extra trees on the log", coded, on_log(ExtraTreesRegressor(max_features=0.5, **FOREST))),
    ),
    "ddarung": (
        ("extra trees", coded, ExtraTreesRegressor(**FOREST)),
        ("LightGBM", coded, LGBMRegressor(**BOOSTED)),
    ),
    "disaster-tweets": (
        ("TF-IDF of words and pairs + logistic", joined("keyword", "text"), logistic(3, **PAIRS)),
        ("TF-IDF of 2-5 letters + logistic", joined("keyword", "text"), logistic(1, **WITHIN)),
    ),
    "nsmc": (("TF-IDF of 1-6 letters + logistic", joined("document"), logistic(1, **LETTERS)),),
}  # fmt: skip


def main(names: Sequence[str]) -> None:
    for name in names:
        if not paths.folds(name).is_file():
            print(f"{name}: `pilsa use {name}`, then `make repro`, and it can be measured")
            continue
        plan = load(name, "forest")  # of the plan only the rows, the folds and the metric are used
        for line in LINES[name]:
            measure(plan, *line)


def measure(plan: Plan, title: str, inputs: Inputs, model: Any) -> None:
    data, metric, folds = plan.dataset, plan.metric, plan.folds
    X, started, scores = inputs(data.X_train), time.perf_counter(), []
    oof = np.zeros((len(data.y), data.width))
    for fold in range(folds.n_splits):
        train, valid = folds.train_rows(fold), folds.valid_rows(fold)
        fitted = clone(model).fit(rows_of(X, train), data.y[train])
        if data.is_classification:
            oof[valid] = fitted.predict_proba(rows_of(X, valid))
        else:
            oof[valid, 0] = fitted.predict(rows_of(X, valid))
        scores.append(metric.score(data.y[valid], oof[valid], data.classes))
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{plan.competition.name}: {title}: {metric.name} {np.mean(scores):.4f} ± {np.std(scores):.4f} in "
          f"{seconds:.0f} s, peak so far {peak:.1f} GB", flush=True)  # fmt: skip
    against(plan, title, oof)


def against(plan: Plan, title: str, oof: np.ndarray) -> None:
    """Say how the chosen answer does beside the line, on the rows that both predict."""
    kept = paths.ensembles(plan.competition.name) / "chosen.npz"
    if not kept.is_file():
        return
    chosen, data = Predictions.load(kept), plan.dataset
    if (chosen.data_hash, chosen.folds_hash) != (data.hash, plan.folds.hash):
        print(f"  {kept.name} is of other rows or folds: `make repro`")
        return
    rows = np.flatnonzero(plan.folds.scored)
    found = paired_difference(
        plan.metric, data.y[rows], chosen.oof[rows], oof[rows], data.classes, plan.settings.seed
    )
    print(f"  {found.sentence(f'chosen ({chosen.name}, {chosen.fold_scores.mean():.4f})', 'it')}")


if __name__ == "__main__":
    main(sys.argv[1:] or list(LINES))
