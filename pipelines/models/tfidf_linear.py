"""Linear models of TF-IDF: words and runs of letters, sparse from the first row to the last.

Logistic regression, ridge regression and NB-SVM (a linear model of features that are weighted by how much
more often one class has them) err in different places, and may be averaged. Ridge alone is the default:
in one fold of NSMC it beat the mean (0.8803 against 0.8785) in under half the time, and in five of the tweets
it lost 0.0005 of F1 to it.
"""

import warnings
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field
from scipy import sparse
from sklearn.base import TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge

from features.sentences import WeightedSentences
from pipelines.models import Choice, Model, ModelParams, Range


class Params(ModelParams):
    """Hyperparameters of the linear models.

    Attributes:
        learner: which one, or mean for all three; values are learned by ridge alone.
        words: longest run of words that counts as one; 0 none.
        letters: longest run of letters, one more in Korean; 0 none.
        morphemes: whether Korean is read by its morphemes too; asks for kiwipiepy.
        strength: how closely the rows are followed, the inverse of regularisation.
    """

    learner: Literal["mean", "logistic", "ridge", "nb_svm"] = "ridge"
    words: int = Field(default=2, ge=0, le=3)
    letters: int = Field(default=5, ge=0, le=8)
    morphemes: bool = False
    strength: float = Field(default=1.0, gt=0)


class TfidfLinear(Model):
    """Takes tables with texts; numbers and categories beside them are scaled and joined in."""

    Params = Params
    space = {
        "learner": Choice(("mean", "logistic", "ridge", "nb_svm")),
        "words": Range(1, 3, whole=True),
        "letters": Range(3, 6, whole=True),
        "strength": Range(0.2, 5.0, log=True),
    }

    def inputs(self) -> TransformerMixin:
        params = self.params
        return WeightedSentences(
            params.words or (not params.letters), params.letters, params.morphemes
        )

    def fit(self, X: Any, y: np.ndarray, validation: tuple[Any, np.ndarray] | None) -> Self:
        if not self.job.is_classification:
            self._learners = [_Ridge(self.params.strength, None).fit(X, y[:, np.newaxis])]
            return self
        # A small fold may lack a class.
        self._classes, y = np.unique(y, return_inverse=True)
        kinds: dict[str, Any] = {"logistic": _Logistic, "ridge": _Ridge, "nb_svm": _NBSVM}
        names = list(kinds) if self.params.learner == "mean" else [self.params.learner]
        self._learners = []
        for name in names if len(self._classes) > 1 else ():
            self.job.progress(name)
            self._learners.append(kinds[name](self.params.strength, len(self._classes)).fit(X, y))
        return self

    def predict(self, X: Any) -> np.ndarray:
        parts = [learner.predict(X) for learner in self._learners]
        if not self.job.is_classification:
            return np.asarray(parts[0], np.float32)
        predicted = np.zeros((X.shape[0], self.job.width), np.float32)
        predicted[:, self._classes] = np.mean(parts, axis=0) if parts else 1.0
        return predicted


class _Logistic:
    """Logistic regression, of several classes at once."""

    def __init__(self, strength: float, classes: int) -> None:
        self.model = LogisticRegression(C=1.5 * strength, tol=1e-5, max_iter=150)

    def fit(self, X: Any, y: np.ndarray) -> Self:
        with warnings.catch_warnings():
            # After 150 steps the likeliest class hardly changes any more.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.model.fit(X, y)
        return self

    def predict(self, X: Any) -> np.ndarray:
        return np.asarray(self.model.predict_proba(X))


class _Ridge:
    """Ridge regression of the values, or of 1 for a row's class and −1 for any other."""

    def __init__(self, strength: float, classes: int | None) -> None:
        self.classes = classes
        self.model = Ridge(3.0 / strength, solver="sparse_cg", tol=1e-3)

    def fit(self, X: Any, y: np.ndarray) -> Self:
        wanted = y if self.classes is None else 2.0 * np.eye(self.classes)[y] - 1
        # Of two classes the one is the other's opposite.
        self.model.fit(X, wanted[:, :1] if self.classes == 2 else wanted)
        return self

    def predict(self, X: Any) -> np.ndarray:
        found = np.asarray(self.model.predict(X)).reshape(X.shape[0], -1)
        if self.classes is None:
            return found
        if self.classes == 2:
            found = np.concatenate([found, -found], axis=1)
        shares = np.clip((found + 1) / 2, 1e-6, 1)
        return shares / shares.sum(axis=1, keepdims=True)


class _NBSVM:
    """Per class, logistic regression of columns times the logarithm of how much more the class has of each."""

    def __init__(self, strength: float, classes: int) -> None:
        # Of two classes the second says all.
        self.strength, self.asked = strength, range(classes) if classes > 2 else [1]

    def fit(self, X: Any, y: np.ndarray) -> Self:
        # A column with negative values counts nothing: it stays as it is.
        counts = np.asarray(X.min(axis=0).todense()).ravel() >= 0
        self.parts = []
        for label in self.asked:
            own, other = (
                np.asarray(X[rows].sum(axis=0), np.float64).ravel() + 1
                for rows in (y == label, y != label)
            )
            own, other = np.where(counts, own, 1), np.where(counts, other, 1)
            ratio = np.log(own / own.sum()) - np.log(other / other.sum())
            scale = sparse.diags(np.where(counts, ratio, 1).astype(np.float32))
            model = _Logistic(self.strength, 2).fit(X @ scale, y == label)
            self.parts.append((scale, model))
        return self

    def predict(self, X: Any) -> np.ndarray:
        found = np.stack([model.predict(X @ scale)[:, 1] for scale, model in self.parts], axis=1)
        if len(self.asked) == 1:
            return np.concatenate([1 - found, found], axis=1)
        return found / np.maximum(found.sum(axis=1, keepdims=True), 1e-9)
