"""What the engine does around a model: values on the log, bounds, and the competition's own feature block."""

from typing import Any, Self

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import FunctionTransformer

from features import blocks
from pipelines import models
from pipelines.plumbing import registry
from pipelines.plumbing.errors import MemberFailed
from pipelines.stages.preprocess import preprocess
from pipelines.training import cross_validation as cv
from pipelines.training import fits
from pipelines.training import plan as plans
from tests.conftest import ROWS, Workshop, tiny_tables

REGRESSION = {"task": "regression", "image": None, "split": {"kind": "plain"}}


class Mean(models.Model):
    """Predicts the mean of what it learned from, and keeps what it was shown."""

    shown: list[tuple[Any, np.ndarray]] = []

    def inputs(self) -> FunctionTransformer:
        return FunctionTransformer()

    def fit(self, X: Any, y: np.ndarray, validation: object) -> Self:
        self.shown.append((X, y))
        self.mean_ = y.mean()
        return self

    def predict(self, X: Any) -> np.ndarray:
        return np.full((len(X), 1), self.mean_, np.float32)


@pytest.fixture
def values(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    train, test, sample, _ = tiny_tables()
    workshop.write_raw(train.assign(label=np.arange(ROWS) ** 2), test, sample.assign(label=0))
    real = registry.load
    monkeypatch.setattr(
        registry, "load", lambda base, name: Mean if base is models.Model else real(base, name)
    )
    monkeypatch.setattr(Mean, "shown", [])
    return workshop


def specs(workshop: Workshop, metric: str, **changes: Any) -> list[fits.FitSpec]:
    workshop.write_competition(**REGRESSION | {"metric": metric} | changes)
    preprocess("tiny")
    return cv.specs_of(plans.load("tiny", "knn"), cv.Tuned({}, {}))


def test_under_rmsle_a_model_learns_logarithms_and_predicts_values(values: Workshop) -> None:
    spec = specs(values, "rmsle")[0]
    found = fits.run(spec).parts[0]
    y = np.arange(ROWS) ** 2
    np.testing.assert_allclose(Mean.shown[0][1], np.log1p(y[spec.train]))
    np.testing.assert_allclose(found, np.expm1(np.log1p(y[spec.train]).mean()), rtol=1e-5)


@pytest.mark.parametrize(("metric", "asked", "is_log"), [("rmse", "auto", False), ("rmse", "log", True), ("rmsle", "plain", False)])  # fmt: skip
def test_params_may_ask_for_the_other(
    values: Workshop, metric: str, asked: str, is_log: bool
) -> None:
    values.write_params(train={"knn": {"target": asked}})
    assert {spec.on_log for spec in specs(values, metric)} == {is_log}


def test_a_value_without_a_logarithm_is_this_models_failure(values: Workshop) -> None:
    train, test, sample, _ = tiny_tables()
    values.write_raw(train.assign(label=np.arange(ROWS) - 9), test, sample.assign(label=0))
    values.write_params(train={"knn": {"target": "log"}})
    with pytest.raises(MemberFailed, match=r"above -1 .* found -9: set `target: plain` under train.knn"):  # fmt: skip
        specs(values, "rmse")


def test_predictions_stay_within_the_bounds_of_the_competition(values: Workshop) -> None:
    y = np.arange(ROWS) ** 2
    spec = specs(values, "rmse")[0]
    assert fits.run(spec).parts[0][0, 0] == pytest.approx(y[spec.train].mean())
    bounded = specs(values, "rmse", clip={"high": 100})[0]
    assert set(fits.run(bounded).parts[0].ravel()) == {100}
    assert specs(values, "rmsle")[0].clip == (0, None)
    assert fits.FitSpec.load(_saved(bounded, values)).content() == bounded.content()


def _saved(spec: fits.FitSpec, workshop: Workshop) -> Any:
    spec.save(workshop.root / "spec.npz")
    return workshop.root / "spec.npz"


class Twin(blocks.Block):
    """Adds the mean target of the rows that it learned from; a row that is learned from gets a mark instead."""

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        self.mean_ = float(np.mean(y))
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        return X.assign(mean=self.mean_)

    def fit_transform(self, X: pd.DataFrame, y: Any = None) -> pd.DataFrame:
        return self.fit(X, y).transform(X).assign(mean=-1.0)


def test_the_block_of_a_competition_comes_before_the_models_own_inputs(
    values: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = specs(values, "rmse")[0]
    monkeypatch.setattr(blocks, "of", lambda name, columns: [Twin()] if name == "tiny" else [])
    fits.run(spec)
    assert set(Mean.shown[0][0]["mean"]) == {-1.0}
    assert blocks.name_of("house-prices") == "house_prices"
