"""Cross-validation: honest rows, kept folds, the same bytes after a kill."""

from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from features.image import Pixels
from pipelines.models import Model, ModelParams
from pipelines.plumbing import paths, registry
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.stages.preprocess import preprocess
from pipelines.training import cross_validation as cv
from pipelines.training import plan as plans
from pipelines.training.plan import Plan
from tests.conftest import Workshop

UNTUNED = cv.Tuned({}, {})


class Params(ModelParams):
    validation: float = 0.0
    spread: float = 1.0


class Recorder(Model):
    """Remembers what it was fitted on and asked about; predicts the class shares of its training rows."""

    Params = Params
    fits: list[dict[str, Any]]

    @classmethod
    def validation(cls, params: Any, rows: int) -> float:
        return float(params.validation)

    def fit(
        self, X: np.ndarray, y: np.ndarray, validation: tuple[np.ndarray, np.ndarray] | None
    ) -> Self:
        self.seen = {
            "fitted": X,
            "validation": None if validation is None else validation[0],
            "asked": [],
            "seed": self.job.seed,
        }
        self.fits.append(self.seen)
        self.shares = np.bincount(y, minlength=self.job.width) / len(y)
        self.history_ = [{"loss": 1.0}]
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        self.seen["asked"].append(X)
        return np.tile(self.shares, (len(X), 1)).astype(np.float32)


@pytest.fixture
def plan(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Plan:
    preprocess("tiny")
    made = plans.load("tiny", "knn")
    Recorder.fits = []
    found = registry.load
    monkeypatch.setattr(
        registry, "load", lambda base, name: Recorder if name == "recorder" else found(base, name)
    )
    return made


def cross_validate(plan: Plan, work: Path, tuned: cv.Tuned = UNTUNED) -> cv.Outcome:
    return cv.cross_validate(plan, cv.specs_of(plan, tuned), work)


def key(plan: Plan, tuned: cv.Tuned = UNTUNED) -> str:
    return cv.key_of(plan, cv.specs_of(plan, tuned))


def recording(plan: Plan, **params: object) -> Plan:
    from dataclasses import replace

    return replace(plan, name="recorder", model=Recorder, fixed=params)


def as_rows(X: np.ndarray) -> set[bytes]:
    return {row.tobytes() for row in X}


@pytest.mark.parametrize("validation", [0.0, 0.25])
def test_rows_that_a_fold_is_scored_on_never_reach_fit(
    plan: Plan, tmp_path: Path, validation: float
) -> None:
    cross_validate(recording(plan, validation=validation), tmp_path / "work")
    X = plan.dataset.X_train.reshape(60, -1).astype(np.float32) / 16
    assert len(Recorder.fits) == 3
    for fold, fit in enumerate(Recorder.fits):
        valid = as_rows(X[plan.folds.valid_rows(fold)])
        assert as_rows(fit["asked"][0]) == valid
        given = as_rows(fit["fitted"]) | (as_rows(fit["validation"]) if validation else set())
        assert not given & valid
        assert given == as_rows(X[plan.folds.train_rows(fold)])
        if validation:
            assert not as_rows(fit["fitted"]) & as_rows(fit["validation"])


def test_inputs_are_fitted_on_the_training_rows_of_each_fold_alone(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mean or a category learned from a scored row would be in every score and in no fold's `fit`."""
    original, seen = Pixels.fit, []

    def fit(self: Pixels, X: np.ndarray, y: np.ndarray | None = None) -> Pixels:
        seen.append(as_rows(X))
        return original(self, X, y)

    monkeypatch.setattr(Pixels, "fit", fit)
    cross_validate(recording(plan), tmp_path / "work")
    X = plan.dataset.X_train
    assert seen == [as_rows(X[plan.folds.train_rows(fold)]) for fold in range(3)]


def test_each_fold_has_its_own_seed_which_does_not_depend_on_the_others(
    plan: Plan, tmp_path: Path
) -> None:
    cross_validate(recording(plan), tmp_path / "one")
    seeds = [fit["seed"] for fit in Recorder.fits]
    Recorder.fits = []
    cross_validate(recording(plan), tmp_path / "two")
    assert len(set(seeds)) == 3
    assert [fit["seed"] for fit in Recorder.fits] == seeds


def test_every_scored_row_is_predicted_and_test_is_the_mean_over_folds(
    plan: Plan, tmp_path: Path
) -> None:
    outcome = cross_validate(recording(plan), tmp_path / "work")
    assert np.isfinite(outcome.predictions.oof).all()
    shares = [np.bincount(plan.dataset.y[plan.folds.train_rows(fold)]) / 40 for fold in range(3)]
    np.testing.assert_allclose(
        outcome.predictions.test, np.tile(np.mean(shares, axis=0), (20, 1)), atol=1e-6
    )
    assert outcome.predictions.test_from == "folds"
    assert [row["fold"] for row in outcome.history] == [0, 1, 2]


def test_a_refit_sees_all_rows(plan: Plan, tmp_path: Path) -> None:
    outcome = cross_validate(recording(plan, test_from="refit"), tmp_path / "work")
    assert [len(fit["fitted"]) for fit in Recorder.fits] == [40, 40, 40, 60]
    assert outcome.predictions.test_from == "refit"


def test_finished_folds_are_kept_and_a_rerun_gives_the_same_bytes(
    plan: Plan, tmp_path: Path
) -> None:
    first = cross_validate(recording(plan), tmp_path / "work").predictions
    (tmp_path / "work" / "fold-1.npz").unlink()
    Recorder.fits = []
    again = cross_validate(recording(plan), tmp_path / "work").predictions
    assert len(Recorder.fits) == 1
    assert first.oof.tobytes() == again.oof.tobytes()
    assert first.test.tobytes() == again.test.tobytes()


def test_a_fold_that_fails_names_itself_and_leaves_the_finished_ones(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Recorder.predict

    def break_at_the_third(self: Recorder, X: np.ndarray) -> np.ndarray:
        predicted = original(self, X)
        return predicted if len(Recorder.fits) < 3 else predicted * np.nan

    monkeypatch.setattr(Recorder, "predict", break_at_the_third)
    with pytest.raises(MemberFailed, match=r"recorder failed on fold 2: .*NaN"):
        cross_validate(recording(plan), tmp_path / "work")
    assert sorted(path.name for path in (tmp_path / "work").glob("fold*.npz")) == [
        "fold-0.npz",
        "fold-1.npz",
    ]


def test_repeats_have_seeds_of_their_own_and_their_mean_predicts(
    plan: Plan, tmp_path: Path
) -> None:
    once = cross_validate(recording(plan), tmp_path / "once")
    seeds = [fit["seed"] for fit in Recorder.fits]
    Recorder.fits = []
    twice = cross_validate(recording(plan, repeats=2), tmp_path / "twice")
    assert [fit["seed"] for fit in Recorder.fits][::2] == seeds
    assert len({fit["seed"] for fit in Recorder.fits}) == 6
    # The recorder does not look at its seed: the mean of equal models is one of them.
    assert twice.predictions.oof.tobytes() == once.predictions.oof.tobytes()


def test_nested_values_reach_their_fold(plan: Plan, tmp_path: Path) -> None:
    tuned = cv.Tuned({"spread": 1.0}, {"0": {"spread": 2.0}, "1": {"spread": 3.0}})
    assert [tuned.of(fold)["spread"] for fold in range(3)] == [2.0, 3.0, 1.0]
    assert key(recording(plan), tuned) != key(recording(plan))


def test_what_is_fixed_wins_over_what_was_tuned(plan: Plan) -> None:
    assert recording(plan, spread=5.0).params({"spread": 2.0}).spread == 5.0  # type: ignore[attr-defined]


@pytest.mark.parametrize("change", [{"seed": 8}, {"train": {"knn": {"k": 2}}}])
def test_the_key_changes_with_what_decides_the_numbers(
    plan: Plan, workshop: Workshop, change: dict[str, Any]
) -> None:
    before = key(plan)
    workshop.write_params(**change)
    assert key(plans.load("tiny", "knn")) != before


def test_backend_and_device_count_for_networks_only(
    plan: Plan, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.training import backend as backends

    def keys(device: str = "cpu", backend: str = "tensorflow") -> list[str]:
        monkeypatch.setattr(backends, "prepare", lambda *asked: device)
        models = {"knn": {}, "cnn": {}}
        workshop.write_params(tune=models, train=models, backend=backend)
        return [key(plans.load("tiny", name).on_its_backend()) for name in models]

    knn, cnn = keys()
    for changed in (keys(device="gpu"), keys(backend="jax")):
        assert changed[0] == knn
        assert changed[1] != cnn


def test_the_key_ignores_what_decides_nothing(plan: Plan, workshop: Workshop) -> None:
    before = key(plan)
    workshop.write_params(language="en", tune={"knn": {"trials": 3}})
    assert key(plans.load("tiny", "knn")) == before


def test_time_folds_train_on_earlier_rows_only(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pandas as pd

    raw = paths.raw("tiny")
    for name in ("train", "test"):
        table = pd.read_csv(raw / f"{name}.csv")
        table["day"] = np.random.default_rng(1).permutation(len(table))
        table.to_csv(raw / f"{name}.csv", index=False)
    workshop.write_competition(split={"kind": "time", "time": "day"}, drop=["day"])
    preprocess("tiny")
    made = plans.load("tiny", "knn")
    Recorder.fits = []
    monkeypatch.setattr(registry, "load", lambda base, name: Recorder)
    outcome = cross_validate(recording(made), tmp_path / "work")
    times = made.dataset.times
    assert times is not None
    for fold, fit in enumerate(Recorder.fits):
        first = times[made.folds.valid_rows(fold)].min()
        assert len(fit["fitted"]) == (times < first).sum()
    assert np.isnan(outcome.predictions.oof[made.folds.fold == -1]).all()
    assert np.isfinite(outcome.predictions.oof[made.folds.scored]).all()


def test_a_model_without_its_section_is_named(workshop: Workshop) -> None:
    preprocess("tiny")
    workshop.write_params(train={})
    with pytest.raises(UserError, match="a section 'knn' under train"):
        plans.load("tiny", "knn")
