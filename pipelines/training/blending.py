"""Blending: members become an ensemble whose own score is nested, beside the best single member."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipelines.ensembles import Method
from pipelines.plumbing import registry
from pipelines.plumbing.errors import MemberFailed, UserError, did_you_mean
from pipelines.values import cuts
from pipelines.values.folds import Folds
from pipelines.values.metrics import Metric
from pipelines.values.predictions import Predictions, one_hot
from pipelines.values.seeds import derive

_SHARED = {
    "row_ids": "training rows", "test_ids": "test rows", "classes": "classes",
    "data_hash": "data",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Blend:
    """An ensemble and how it came about.

    Attributes:
        predictions: named `ensembles/<method>`; the OOF is nested.
        description: `method`; `members` in order; `left_out`, members that give labels where the metric
            needs probabilities; `equal_weights_in`, folds of a time split with nothing earlier to learn
            from; `learned`, what the method found on all rows (weights, say).
    """

    predictions: Predictions
    description: dict[str, Any]


def blend(
    method_name: str,
    members: list[Predictions],
    y: np.ndarray,
    folds: Folds,
    metric: Metric,
    seed: int,
    clip: tuple[float | None, float | None] = (None, None),
) -> Blend:
    """Combine members by one method.

    The OOF rows of fold i come from a method fitted on the other folds; of a time split, on earlier rows
    only, and so does its cut, where the metric has one. Test rows come from a method fitted on all scored rows.

    Args:
        method_name: a file of `pipelines/ensembles/`.
        members: what to combine; labels are left out where the metric needs probabilities.
        y: class indices int64 (n_rows,) or values float64 (n_rows,).
        folds: the fold file that every member was scored on.
        metric: what is to become better.
        seed: of whatever the method draws.
        clip: the least and the greatest value that is predicted, as of the members.

    Raises:
        UserError: members are not comparable, or there is no such method.
        MemberFailed: a member did not predict all scored rows, fewer than two members are left, or the
            method does not suit members or metric.
    """
    check_comparable(members, folds, metric)
    pool = [member for member in members if member.is_pooled]
    _check_pool(pool, members, folds, metric)
    fitted = _Fitting(
        method_name, [cuts.without_cut(each, folds) for each in pool], y, metric, seed, clip
    )
    try:
        _check_kinds(registry.load(Method, method_name), pool)
        combined, equal, final = _combined(fitted, pool, f"ensembles/{method_name}", folds)
    except MemberFailed as error:
        order = ", ".join(member.name for member in pool)
        message = f"ensembles/{method_name} of {order}: {error}"
        raise MemberFailed(message) from error
    scores = [_score(combined, y, folds.valid_rows(i), metric) for i in range(folds.n_splits)]
    description = {
        "method": method_name,
        "members": [member.name for member in pool],
        "left_out": [member.name for member in members if not member.is_pooled],
        "equal_weights_in": equal,
        "learned": final.describe([member.name for member in pool]),
    }
    return Blend(replace(combined, fold_scores=np.array(scores)), description)


def cv_pooled(predictions: Predictions, y: np.ndarray, folds: Folds, metric: Metric) -> float:
    """The metric on all scored rows together.

    Raises:
        MemberFailed: a scored row was not predicted, or has no score; the message names the member.
    """
    return _score(predictions, y, folds.scored, metric)


def best_single(
    members: Sequence[Predictions], y: np.ndarray, folds: Folds, metric: Metric
) -> Predictions:
    """The member with the best `cv_pooled`; of equal ones the first.

    Members that an ensemble could not take (labels where the metric needs probabilities, rows without a
    prediction) are passed over.

    Raises:
        MemberFailed: there is none.
    """
    whole = [m for m in members if m.is_pooled and not _unpredicted(m, folds)]
    if not whole:
        raise MemberFailed(
            f"one member must have predicted every scored row as {metric.name} needs it, found none of "
            f"{len(members)}: run `dvc repro` and `pilsa scores` to see why"
        )
    best, best_score = whole[0], cv_pooled(whole[0], y, folds, metric)
    for member in whole[1:]:
        score = cv_pooled(member, y, folds, metric)
        if metric.better(score, best_score):
            best, best_score = member, score
    return best


def choose(
    wanted: str,
    candidates: Sequence[Predictions],
    y: np.ndarray,
    folds: Folds,
    metric: Metric,
) -> Predictions:
    """What is to be submitted.

    Args:
        wanted: `best` (by `cv_pooled`), a method such as `mean`, or a whole name such as `models/knn`.
        candidates: members first, then ensembles: of equal scores the first, simpler one is taken.
        y, folds, metric: as for `blend`.

    Raises:
        UserError: no candidate has that name.
        MemberFailed: `best`, and no candidate predicted every scored row.
    """
    if wanted == "best":
        return best_single(candidates, y, folds, metric)
    for candidate in candidates:
        if candidate.name in (wanted, f"ensembles/{wanted}"):
            return candidate
    known = ["best", *(candidate.name.removeprefix("ensembles/") for candidate in candidates)]
    raise UserError(
        f"ensemble.choose in params.yaml must be best, a method or a member, found {wanted!r}"
        f"{did_you_mean(wanted, known)}"
    )


def check_comparable(members: Sequence[Predictions], folds: Folds, metric: Metric) -> None:
    """Refuse members that were made of other rows, classes, folds or data, or judged by another metric.

    Raises:
        UserError: two members differ, or one differs from the fold file or the metric.
    """
    for member in members:
        for word, wanted, found in (
            ("folds", folds.hash, member.folds_hash),
            ("metric", metric.name, member.metric),
        ):
            if found != wanted:
                raise UserError(
                    f"{member.name} must be made with the present {word} ({wanted}), found {found}: "
                    "it is not comparable, run `dvc repro`"
                )
        for field, word in _SHARED.items():
            if not np.array_equal(getattr(members[0], field), getattr(member, field)):
                raise UserError(
                    f"{member.name} and {members[0].name} must have the same {word}, and they differ: "
                    "they are not comparable, run `dvc repro`"
                )


def _check_kinds(method: type[Method], pool: Sequence[Predictions]) -> None:
    unfit = [
        f"{member.name} gives a {member.kind}" for member in pool if member.kind not in method.kinds
    ]
    given = {member.kind for member in pool}
    if unfit and len(given) == 1:
        unfit = [f"all give a {given.pop()}"]
    if unfit:
        raise MemberFailed(
            f"members must give a {' or '.join(method.kinds)}, and {', '.join(unfit)}: use mean or weighted"
        )


def _unpredicted(member: Predictions, folds: Folds) -> int:
    """How many scored rows have no prediction."""
    return int((~np.isfinite(member.oof[folds.scored]).all(axis=1)).sum())


def _check_pool(
    pool: list[Predictions], members: list[Predictions], folds: Folds, metric: Metric
) -> None:
    if len(pool) < 2:
        raise MemberFailed(
            f"an ensemble must have 2 members, found {len(pool)} of {len(members)} that {metric.name} can "
            "use: train a model, or join a kernel that gives probabilities"
        )
    gaps = {member.name: _unpredicted(member, folds) for member in pool}
    lacking = [f"{name} lacks {count}" for name, count in gaps.items() if count]
    if lacking:
        raise MemberFailed(
            f"every member must predict all {int(folds.scored.sum())} scored rows, and "
            f"{', '.join(lacking)}: rerun it, or take it out of local.yaml"
        )


class _Fitting:
    """Fits fresh methods of one kind on chosen rows of the same members.

    Attributes:
        oof, test: float64 (n_members, n_rows or n_test, width).
    """

    def __init__(
        self, method_name: str, pool: list[Predictions], y: np.ndarray, metric: Metric, seed: int,
        clip: tuple[float | None, float | None],
    ) -> None:  # fmt: skip
        self.kind, self.clip = registry.load(Method, method_name), clip
        self.metric, self.y, self.seed = metric, y, derive(seed, "ensembles", method_name)
        self.classes = pool[0].classes.tolist()
        self.oof = np.stack([member.oof for member in pool]).astype(np.float64)
        self.test = np.stack([member.test for member in pool]).astype(np.float64)

    def __call__(self, rows: np.ndarray) -> Method:
        method = self.kind(self.metric, self.classes, self.seed)
        return method.fit(self.oof[:, rows], self.y[rows])

    def cut(self, method: Method, rows: np.ndarray) -> np.ndarray:
        """The cut of what a fitted method makes of these rows; equal weights where the metric has none."""
        combined = method.combine(self.oof[:, rows])
        return cuts.fit(self.metric, self.y[rows], combined, self.classes)


def _combined(
    fitted: _Fitting, pool: list[Predictions], name: str, folds: Folds
) -> tuple[Predictions, list[int], Method]:
    """The nested blend under its cut; the folds that had nothing to learn from; the method of all scored rows."""
    oof, equal, cut = _nested(fitted, folds)
    scored = np.flatnonzero(folds.scored)
    final = fitted(scored)
    plain = _predictions(name, pool, oof, final.combine(fitted.test))
    if fitted.clip != (None, None):  # a line through bounded members leaves the bounds
        plain = replace(
            plain, oof=np.clip(plain.oof, *fitted.clip), test=np.clip(plain.test, *fitted.clip)
        )
    if not fitted.metric.has_cut or plain.kind != "probability":
        return plain, equal, final
    return (
        cuts.moved(plain, folds, np.array([*cut, fitted.cut(final, scored)])),
        equal,
        final,
    )


def _nested(fitted: _Fitting, folds: Folds) -> tuple[np.ndarray, list[int], list[np.ndarray]]:
    """OOF (n_rows, width), NaN where no fold scores; the folds that had nothing to learn from; a cut per fold."""
    oof = np.full(fitted.oof.shape[1:], np.nan)
    equal: list[int] = []
    cut = [np.ones(fitted.oof.shape[2]) / fitted.oof.shape[2]] * folds.n_splits
    for fold in range(folds.n_splits):
        train = folds.train_rows(fold)
        train = train[folds.scored[train]]  # rows that only train have no OOF to learn from
        rows = folds.valid_rows(fold)
        if len(train):
            method = fitted(train)
            oof[rows] = method.combine(fitted.oof[:, rows])
            cut[fold] = fitted.cut(method, train)
        else:
            oof[rows] = fitted.oof[:, rows].mean(axis=0)
            equal.append(fold)
    return oof, equal, cut


def _predictions(
    name: str, pool: list[Predictions], oof: np.ndarray, test: np.ndarray
) -> Predictions:
    """Labels in, labels out; else what the metric speaks of. Its fold scores are still to be filled in."""
    kinds = {member.kind for member in pool}
    is_label = kinds == {"label"}
    test_from = {member.test_from for member in pool}
    return replace(
        pool[0], name=name, cut=None,
        kind="label" if is_label else (kinds - {"label"}).pop(),
        oof=_likeliest(oof) if is_label else oof.astype(np.float32),
        test=_likeliest(test) if is_label else test.astype(np.float32),
        test_from=test_from.pop() if len(test_from) == 1 else "folds",
    )  # fmt: skip


def _likeliest(matrix: np.ndarray) -> np.ndarray:
    """One-hot float32 of the largest column; rows of NaN stay NaN."""
    labels = one_hot(matrix.argmax(axis=1), matrix.shape[1])
    labels[np.isnan(matrix).any(axis=1)] = np.nan
    return labels


def _score(predictions: Predictions, y: np.ndarray, rows: np.ndarray, metric: Metric) -> float:
    try:
        return metric.score(y[rows], predictions.oof[rows], predictions.classes.tolist())
    except MemberFailed as error:
        raise MemberFailed(f"{predictions.name}: {error}") from error
