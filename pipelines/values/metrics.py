"""Metrics: each carries its direction and the kind of prediction that it needs. No negated scores."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from sklearn import metrics as sk

from pipelines.plumbing.errors import MemberFailed, UserError, did_you_mean

Kind = Literal["label", "probability", "value"]
_TINY = 1e-15


@dataclass(frozen=True)
class Metric:
    """A named way to judge predictions.

    Attributes:
        name: as in a competition file.
        title: as on the weekly page.
        greater_is_better: the direction.
        needs: label (classes are decided first), probability, or value (regression).
        function: (y, p, classes) → score. `p` is what `needs` says: class indices (n,), probabilities
            (n, n_classes), or values (n,). `y`: class indices (n,) or values (n,).
        has_cut: whether the likeliest class is not the best answer, and a cut is fitted (see `cuts`).
    """

    name: str
    title: str
    greater_is_better: bool
    needs: Kind
    function: Callable[[np.ndarray, np.ndarray, Sequence[str]], float]
    has_cut: bool = False

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """Optuna's word for the direction."""
        return "maximize" if self.greater_is_better else "minimize"

    @property
    def task(self) -> Literal["classification", "regression"]:
        return "regression" if self.needs == "value" else "classification"

    def better(self, a: float, b: float) -> bool:
        """Whether score `a` is strictly better than score `b`."""
        return a > b if self.greater_is_better else a < b

    def gain(self, a: float, b: float) -> float:
        """By how much `a` is better than `b`; negative where it is worse."""
        return a - b if self.greater_is_better else b - a

    def check_task(self, task: str) -> None:
        """Raise UserError where the metric judges another kind of task."""
        if task != self.task:
            fitting = [name for name, metric in METRICS.items() if metric.task == task]
            raise UserError(
                f"metric must fit the task ({task}), and {self.name} is for {self.task}: "
                f"choose one of {', '.join(fitting)}"
            )

    def check_classes(self, classes: Sequence[str]) -> None:
        """Raise UserError where the classes do not suit the metric (F1 of two, QWK of numbers)."""
        if self.name == "f1_binary" and len(classes) != 2:
            raise UserError(
                f"f1_binary must have 2 classes, found {len(classes)}: use metric: f1_macro in the competition file"
            )
        if self.name == "qwk" and not all(_is_integer(label) for label in classes):
            raise UserError(
                f"qwk must have classes that are whole numbers, found {list(classes)[:5]}: "
                "use metric: accuracy or f1_macro in the competition file"
            )

    def score(self, y: np.ndarray, predicted: np.ndarray, classes: Sequence[str] = ()) -> float:
        """The score of a prediction matrix.

        Args:
            y: class indices int (n,) or values float (n,).
            predicted: (n, n_classes) probabilities or one-hot labels; (n, 1) values. No NaN.
            classes: class names in the order of the columns.

        Raises:
            MemberFailed: a prediction is NaN or outside what the metric is defined for, or the metric is
                undefined on these rows.
        """
        if not np.isfinite(predicted).all():
            rows = int((~np.isfinite(predicted).all(axis=1)).sum())
            raise MemberFailed(
                f"predictions must be finite numbers, found NaN or infinity in {rows} rows"
            )
        score = float(self.function(y, self.view(predicted), classes))
        if not np.isfinite(score):
            raise MemberFailed(
                f"{self.name} must be defined on the judged rows, found {score} for {len(y)} rows: use fewer "
                "folds, or another metric in the competition file"
            )
        return score

    def view(self, predicted: np.ndarray) -> np.ndarray:
        """A prediction matrix as `function` takes it. Equal probabilities: the first class wins."""
        if self.needs == "label":
            return predicted.argmax(axis=1)
        return predicted[:, 0].astype(np.float64) if self.needs == "value" else predicted

    def row_losses(self, y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """A loss per row, shape (n,), lower is better, for paired tests on the same rows.

        Log loss for classification and squared error for values: smooth stand-ins where the metric
        itself (F1, AUC, QWK, R²) exists only for a whole set of rows.
        """
        if self.needs == "value":
            return np.square(predicted[:, 0].astype(np.float64) - y)
        picked = predicted[np.arange(len(y)), y.astype(np.int64)].astype(np.float64)
        return -np.log(np.clip(picked, _TINY, 1.0))


def _is_integer(label: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9]+(\.0*)?", label) is not None


def _log_loss(y: np.ndarray, p: np.ndarray, classes: Sequence[str]) -> float:
    p = np.clip(p.astype(np.float64), _TINY, 1.0)
    return sk.log_loss(y, p / p.sum(axis=1, keepdims=True), labels=np.arange(p.shape[1]))


def _roc_auc(y: np.ndarray, p: np.ndarray, classes: Sequence[str]) -> float:
    if len(np.unique(y)) < p.shape[1]:
        raise MemberFailed(
            f"roc_auc must see every class among the judged rows, found {len(np.unique(y))} of {p.shape[1]}: "
            "use fewer folds or a stratified split"
        )
    if p.shape[1] == 2:
        return sk.roc_auc_score(y, p[:, 1])
    p = p.astype(np.float64) + _TINY
    return sk.roc_auc_score(y, p / p.sum(axis=1, keepdims=True), multi_class="ovr", average="macro")


def _qwk(y: np.ndarray, p: np.ndarray, classes: Sequence[str]) -> float:
    """Weights are squared distances of the ratings themselves, so a rating nobody gave still counts."""
    ratings = np.array([int(float(label)) for label in classes])
    span = np.arange(ratings.min(), ratings.max() + 1)
    return sk.cohen_kappa_score(ratings[y], ratings[p], labels=span, weights="quadratic")


def _rmsle(y: np.ndarray, p: np.ndarray, classes: Sequence[str]) -> float:
    if min(y.min(), p.min()) < 0:
        raise MemberFailed(
            f"rmsle must have targets and predictions of 0 or more, found {min(y.min(), p.min()):g}"
        )
    return sk.root_mean_squared_log_error(y, p)


METRICS = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "Accuracy", True, "label", lambda y, p, _: sk.accuracy_score(y, p)),
        Metric("f1_macro", "F1 (macro)", True, "label",
               lambda y, p, c: sk.f1_score(y, p, labels=np.arange(len(c)), average="macro", zero_division=0), True),
        Metric("f1_binary", "F1", True, "label", lambda y, p, _: sk.f1_score(y, p, zero_division=0), True),
        Metric("log_loss", "Log loss", False, "probability", _log_loss),
        Metric("roc_auc", "ROC AUC", True, "probability", _roc_auc),
        Metric("qwk", "Quadratic weighted kappa", True, "label", _qwk, True),
        Metric("rmse", "RMSE", False, "value", lambda y, p, _: sk.root_mean_squared_error(y, p)),
        Metric("rmsle", "RMSLE", False, "value", _rmsle),
        Metric("mae", "MAE", False, "value", lambda y, p, _: sk.mean_absolute_error(y, p)),
        Metric("r2", "R²", True, "value", lambda y, p, _: sk.r2_score(y, p)),
    )
}  # fmt: skip


def get(name: str) -> Metric:
    """The metric of that name.

    Raises:
        UserError: there is none; the message names the nearest.
    """
    if name not in METRICS:
        raise UserError(f"metric must be a known name, found {name!r}{did_you_mean(name, METRICS)}")
    return METRICS[name]
