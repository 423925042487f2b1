"""What plain lines of libraries give on pilsa's own folds: `python benchmarks/plain_tables.py titanic`.

The figure a competition's models have to beat. It needs what `pilsa use NAME && dvc repro preprocess` has made.
Numbers stay, gaps are -1, everything else is a code; no column is made.
"""

import sys
import time

import lightgbm
import numpy as np
import pandas as pd
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)  # fmt: skip

from pipelines.training.plan import Plan, load

SEED = 42


def coded(rows: pd.DataFrame) -> np.ndarray:
    """Codes need no target, so all rows are coded at once."""
    columns = {
        name: rows[name]
        if pd.api.types.is_numeric_dtype(rows[name])
        else rows[name].astype("category").cat.codes
        for name in rows
    }
    return pd.DataFrame(columns).fillna(-1).to_numpy(float)


def fold_score(plan: Plan, X: np.ndarray, model: object, fold: int) -> float:
    train, valid = plan.folds.train_rows(fold), plan.folds.valid_rows(fold)
    data = plan.dataset
    log = plan.metric.name == "rmsle"
    model.fit(X[train], np.log1p(data.y[train]) if log else data.y[train])
    if data.is_classification:
        predicted = model.predict_proba(X[valid])
    else:
        values = model.predict(X[valid])
        predicted = (np.expm1(values) if log else values)[:, np.newaxis]
    return plan.metric.score(data.y[valid], predicted, data.classes)


def main(name: str) -> None:
    plan = load(name, "lightgbm")
    X = coded(plan.dataset.X_train)
    kinds = (
        [RandomForestClassifier, ExtraTreesClassifier, lightgbm.LGBMClassifier]
        if plan.dataset.is_classification
        else [RandomForestRegressor, ExtraTreesRegressor, lightgbm.LGBMRegressor]
    )
    for kind in kinds:
        more = {"verbose": -1} if kind.__name__.startswith("LGBM") else {}
        started = time.monotonic()
        scores = [
            fold_score(plan, X, kind(n_estimators=300, random_state=SEED, n_jobs=2, **more), fold)
            for fold in range(plan.folds.n_splits)
        ]
        print(f"{name} {kind.__name__}: {np.mean(scores):.4f} ± {np.std(scores):.4f} in {time.monotonic() - started:.1f} s")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
