"""What every model must keep to; a new file in pipelines/models/ is tested by being there."""

from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

from pipelines.models import Choice, Job, Model, ModelParams, Range
from pipelines.models._estimator import Estimator
from pipelines.plumbing import registry
from pipelines.plumbing.errors import MemberFailed
from pipelines.training import backend
from pipelines.values.competition import Image

NAMES = registry.names("models")
# Networks take seconds for each question: of all but the first they are asked in the slow tier.
NETWORKS = [name for name in NAMES if registry.load(Model, name).backend is not None]


PICTURES = Image(height=8, width=8, maximum=1)


def rows(model: type[Model], n: int = 48) -> tuple[Any, np.ndarray]:
    """Three classes that even a network of one epoch can begin to tell apart, as the model takes them."""
    generator = np.random.default_rng(0)
    y = np.arange(n) % 3
    X = generator.normal(0.2, 0.05, (n, 8, 8, 1)).astype(np.float32)
    X[np.arange(n), 2 * y] += 0.7
    try:
        return model(quick(model), Job(3, True, 1, image=PICTURES)).inputs().fit_transform(X, y), y
    except MemberFailed:  # no model of pictures: a table of sentences and numbers
        made = model(quick(model), Job(3, True, 1))
        return made.inputs().fit_transform(sentences(y), y), y


def sentences(y: np.ndarray) -> pd.DataFrame:
    """Sentences with a word of their class, and a number beside."""
    words = np.array(["불이 났다", "nothing burns", "비가 온다"])
    texts = [
        f"{words[label]} near house {row} tonight"
        for row, label in zip(range(len(y)), y, strict=True)
    ]
    return pd.DataFrame({"text": texts, "number": np.arange(len(y)) % 5})


def quick(model: type[Model]) -> ModelParams:
    """The smallest setting that the model's schema allows."""
    small = {"epochs": 2, "batch_size": 16, "k": 3, "units": 4, "filters": 4, "vocabulary": 99}
    return model.Params(
        **{name: value for name, value in small.items() if name in model.Params.model_fields}
    )


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in NETWORKS[1:])) for name in NAMES],
)
class TestModel:
    @pytest.fixture(autouse=True)
    def model(self, name: str) -> None:
        self.model = registry.load(Model, name)
        if self.model.backend is not None:
            backend.prepare("tensorflow", "cpu")

    def fit(self, width: int, y: np.ndarray, seed: int = 1) -> tuple[Model, np.ndarray]:
        X, _ = rows(self.model)
        made = self.model(quick(self.model), Job(width, width > 1, seed))
        validation = (X[36:], y[36:]) if made.validation(made.params, 36) else None
        return made.fit(X[:36], y[:36], validation), X[36:]

    def test_gives_probabilities_for_classes(self, name: str) -> None:
        fitted, X = self.fit(3, np.arange(48) % 3)
        predicted = fitted.predict(X)
        assert predicted.shape == (12, 3)
        assert predicted.dtype == np.float32
        np.testing.assert_allclose(predicted.sum(axis=1), 1, rtol=1e-4)

    def test_gives_one_column_for_values(self, name: str) -> None:
        fitted, X = self.fit(1, np.arange(48) % 3 * 10.0)
        predicted = fitted.predict(X)
        assert predicted.shape == (12, 1)
        assert np.isfinite(predicted).all()

    @pytest.mark.parametrize(("width", "only"), [(3, 2), (1, 7.5)])
    def test_rows_of_one_class_or_value_are_learned_too(
        self, name: str, width: int, only: float
    ) -> None:
        if not issubclass(self.model, Estimator):
            pytest.skip(
                "scikit-learn's estimators and boosters refuse them, and `Estimator` answers for these"
            )
        fitted, X = self.fit(width, np.full(48, only))
        predicted = fitted.predict(X)
        assert predicted.shape == (12, width)
        wanted = only if width == 1 else np.eye(3)[2]
        np.testing.assert_allclose(predicted, np.broadcast_to(wanted, (12, width)), atol=1e-5)

    def test_the_same_seed_gives_the_same_bytes(self, name: str) -> None:
        y = np.arange(48) % 3
        one, two = (fitted.predict(X) for fitted, X in (self.fit(3, y), self.fit(3, y)))
        assert one.tobytes() == two.tobytes()

    def test_predicting_rows_alone_or_together_is_the_same(self, name: str) -> None:
        """Batch statistics at test time would show here."""
        fitted, X = self.fit(3, np.arange(48) % 3)
        alone = np.concatenate([fitted.predict(X[i : i + 1]) for i in range(3)])
        np.testing.assert_allclose(alone, fitted.predict(X)[:3], atol=1e-5)

    def test_does_not_change_what_it_is_given(self, name: str) -> None:
        X, y = rows(self.model)
        before = joblib.hash((X, y))
        made = self.model(quick(self.model), Job(3, True, 1))
        made.fit(X, y, (X, y) if made.validation(made.params, len(y)) else None).predict(X)
        assert joblib.hash((X, y)) == before

    def test_every_part_of_the_search_space_is_a_hyperparameter_it_accepts(self, name: str) -> None:
        for part, space in self.model.space.items():
            ends = space.options if isinstance(space, Choice) else (space.low, space.high)
            for value in ends:
                whole = isinstance(space, Range) and space.whole
                self.model.Params(**{part: int(value) if whole else value})

    def test_reports_epochs_with_their_loss(self, name: str) -> None:
        fitted, _ = self.fit(3, np.arange(48) % 3)
        assert all("loss" in epoch for epoch in fitted.history_)
