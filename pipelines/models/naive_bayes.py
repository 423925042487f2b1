"""Naive Bayes of texts: how likely each word and each run of letters is in a class, multiplied as if none knew of others.

Rennie, Shih, Teevan & Karger 2003, "Tackling the poor assumptions of naive Bayes text classifiers", ICML: weights
of TF-IDF instead of counts. It errs elsewhere than what weighs columns against each other, such as `tfidf_linear`,
and is worth most beside it.
"""

from typing import Any, Self

import numpy as np
from pydantic import Field
from scipy.special import softmax
from sklearn.naive_bayes import MultinomialNB

from pipelines.models import Range
from pipelines.models._texts import RUNS, TextModel, TextParams

_PARTS = 10  # that values are cut into, with about as many rows in each


class Params(TextParams):
    """Hyperparameters of naive Bayes.

    Attributes:
        smoothing: weight that each column has in each class before anything is seen.
        temperature: what the logarithms of chances are divided by: neighbouring runs of letters say the same thing
            again, and each would count as news. It moves no likeliest class, only how sure the model is.
    """

    smoothing: float = Field(default=0.05, gt=0)
    temperature: float = Field(default=4.0, ge=1)


class NaiveBayes(TextModel):
    """Takes tables with texts, and keeps them sparse; of numbers beside them only what is above 0 counts."""

    Params = Params
    space = {
        **RUNS,
        "smoothing": Range(0.01, 1.0, log=True),
        "temperature": Range(1.0, 10.0, log=True),
    }

    def fit(self, X: Any, y: np.ndarray, validation: tuple[Any, np.ndarray] | None) -> Self:
        if not self.job.is_classification:
            # A value counts as the part it lies in, and is predicted by the means of the parts.
            edges = np.unique(np.quantile(y, np.linspace(0, 1, _PARTS + 1)[1:-1]))
            values, y = y, np.digitize(y, edges)
            self.means_ = np.array([values[y == part].mean() for part in np.unique(y)])
        self.model_ = MultinomialNB(alpha=self.params.smoothing).fit(_positive(X), y)
        return self

    def predict(self, X: Any) -> np.ndarray:
        logs = self.model_.predict_joint_log_proba(_positive(X))
        chances = softmax(logs / self.params.temperature, axis=1)
        if not self.job.is_classification:
            return (chances @ self.means_)[:, np.newaxis].astype(np.float32)
        # A small fold may lack a class.
        predicted = np.zeros((X.shape[0], self.job.width), np.float32)
        predicted[:, self.model_.classes_] = chances
        return predicted


def _positive(X: Any) -> Any:
    kept = X.copy()
    kept.data = np.maximum(kept.data, 0)
    return kept
