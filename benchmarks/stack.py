"""The level 2 of `stack` beside a weight per member and pair of classes, on the same rows, in one run.

Two members of different kinds, nested over five folds: scikit-learn's digits, its wine, and 100,000 made rows
of 62 classes. The other level 2 is scikit-learn's multinomial logistic regression on the same
log-probabilities (scaled, C = 0.1), which `stack` was before.
"""

import sys
import time

import numpy as np
from sklearn.datasets import load_digits, load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipelines.ensembles.stack import Stack
from pipelines.values import metrics

CLASSES, WIDTH = 62, 24
CV = StratifiedKFold(5, shuffle=True, random_state=0)


def made(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Clouds around 62 centres, a tenth of the values lost: (rows, 24) and classes (rows,)."""
    generator = np.random.default_rng(0)
    centres, y = generator.normal(0, 1.05, (CLASSES, WIDTH)), generator.integers(0, CLASSES, rows)
    X = centres[y] + generator.normal(0, 1.3, (rows, WIDTH))
    return np.where(generator.random(X.shape) < 0.1, 0, X), y


class PairsOfClasses:
    """What `stack` was: a weight per member and pair of classes."""

    def __init__(self) -> None:
        level_2 = LogisticRegression(C=0.1, max_iter=1000)
        self.model = make_pipeline(StandardScaler(), level_2)

    def fit(self, members: np.ndarray, y: np.ndarray) -> "PairsOfClasses":
        self.model.fit(self.features(members), y)
        return self

    def combine(self, members: np.ndarray) -> np.ndarray:
        return np.asarray(self.model.predict_proba(self.features(members)))

    def features(self, members: np.ndarray) -> np.ndarray:
        return np.log(np.clip(np.concatenate(members, axis=1), 1e-3, 1.0))


def main(rows: int) -> None:
    sets = {"digits": load_digits(return_X_y=True), "wine": load_wine(return_X_y=True)}
    for name, (X, y) in {**sets, f"{rows} × {CLASSES} classes": made(rows)}.items():
        folds = list(CV.split(X, y))
        models = LinearDiscriminantAnalysis(), GaussianNB(var_smoothing=0.05)
        members = np.stack(
            [cross_val_predict(m, X, y, cv=folds, method="predict_proba") for m in models]
        )
        labels = list(map(str, range(members.shape[2])))
        kinds = {
            "stack": lambda labels=labels: Stack(metrics.get("accuracy"), labels, 0),
            "pairs of classes": PairsOfClasses,
        }
        for kind, fresh in kinds.items():
            start, oof = time.monotonic(), np.zeros(members.shape[1:])
            for train, valid in folds:
                oof[valid] = fresh().fit(members[:, train], y[train]).combine(members[:, valid])
            seconds = time.monotonic() - start
            accuracy = metrics.get("accuracy").score(y, oof, labels)
            log_loss = metrics.get("log_loss").score(y, oof, labels)
            print(
                f"{name:22} {kind:16} accuracy {accuracy:.4f}  log loss {log_loss:.4f}  "
                f"{seconds:6.1f} s"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
