"""What is to be trained: everything a training stage reads, gathered once and checked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipelines.models import Model, ModelParams
from pipelines.plumbing import paths, registry
from pipelines.plumbing.errors import MemberFailed
from pipelines.plumbing.schema import validate
from pipelines.training import backend, finished
from pipelines.training.fits import FitSpec, dataset_in
from pipelines.values import competition as competitions
from pipelines.values import folds as fold_files
from pipelines.values import metrics
from pipelines.values import params as settings_file
from pipelines.values.competition import Competition, TuneParams
from pipelines.values.dataset import Dataset
from pipelines.values.folds import Folds, inner_validation
from pipelines.values.metrics import Metric
from pipelines.values.params import Params
from pipelines.values.seeds import derive


@dataclass(frozen=True, eq=False)
class Plan:
    """One model on one competition.

    Attributes:
        name: the model's file name.
        model: its class.
        fixed: what params.yaml writes under `train.<name>`; leaves the search space.
        device: cpu or gpu; what `auto` stands for is known once a network's backend is there.
    """

    name: str
    model: type[Model]
    fixed: dict[str, Any]
    competition: Competition
    settings: Params
    metric: Metric
    dataset: Dataset
    folds: Folds
    device: str = "cpu"

    @property
    def backend(self) -> str | None:
        """What the model computes with, where it needs a backend."""
        return self.settings.backend if self.model.backend == "keras" else None

    @property
    def tune(self) -> TuneParams:
        return self.settings.tune[self.name]

    def params(self, tuned: dict[str, Any]) -> ModelParams:
        """Hyperparameters: defaults, over them what tuning found, over that what is fixed.

        Raises:
            UserError: a key is unknown or a value does not fit the model's schema.
        """
        return validate(self.model.Params, tuned | self.fixed, f"params.yaml: train.{self.name}")

    def on_its_backend(self) -> "Plan":
        """The plan with Keras imported on its backend and device, where the model needs one.

        Raises:
            UserError: the backend is not installed, or there is no GPU where one is asked for.
        """
        if self.backend is None:
            return self
        return replace(self, device=backend.prepare(self.backend, self.settings.device))

    def spec(
        self, name: str, params: ModelParams, seed: int, train: np.ndarray,
        predict: Sequence[np.ndarray] = (), predicts_test: bool = False,
    ) -> FitSpec:  # fmt: skip
        """One fit of this plan.

        Args:
            name: unique within its job.
            params: hyperparameters.
            seed: of this fit alone.
            train: positions to learn from; a part of them only validates, where the model asks for it.
            predict: sets of positions to predict.
            predicts_test: whether the test rows are predicted too.
        """
        data, validation = self.dataset, train[:0]
        share = self.model.validation(params, len(train))
        if share:
            drawn = derive(seed, "watch")  # the word is part of the seed
            _, validation = inner_validation(
                self.folds, train, share, data.y, drawn, data.groups, data.times
            )
        return FitSpec(
            name, self.name, self.competition.name, params.model_dump(), seed, paths.dataset(self.competition.name), data.hash,
            train, validation, tuple(predict), predicts_test, self._on_log(params), data.clip, self.backend, self.device,
        )  # fmt: skip

    def _on_log(self, params: ModelParams) -> bool:
        """Whether values are learned as log(1 + y).

        Raises:
            MemberFailed: they shall, and one of them has no logarithm.
        """
        if self.dataset.is_classification or params.target == "plain":
            return False
        if params.target == "auto" and self.metric.name != "rmsle":
            return False
        if self.dataset.y.min() <= -1:
            raise MemberFailed(
                f"values must be above -1 to be learned as log(1 + y), found {self.dataset.y.min():g}: set "
                f"`target: plain` under train.{self.name} in params.yaml"
            )
        return True

    def key(self, *engines: str, **more: Any) -> str:
        """The key of this plan's work.

        Args:
            engines: modules that decide what is done, beside the fits themselves.
            more: what else decides the numbers: the specs, the fold that is held back.
        """
        return finished.key(
            self.name, self.backend, self.competition.name, *engines, data=self.dataset.hash,
            folds=self.folds.hash, metric=self.metric.name, seed=self.settings.seed,
            computes_with=[self.backend, self.device] if self.backend else [], **more,
        )  # fmt: skip


def load(competition_name: str, model_name: str) -> Plan:
    """Read params.yaml, the competition, its dataset and its folds.

    Raises:
        UserError: something is missing, unknown or does not fit; nothing has been trained yet.
    """
    settings = settings_file.load()
    competition = competitions.load(competition_name)
    model = registry.load(Model, model_name)
    dataset = dataset_in(paths.dataset(competition_name))
    folds = fold_files.load(paths.folds(competition_name), dataset.row_ids, competition.split)
    settings.check_sections(model_name)
    plan = Plan(
        model_name, model, settings.train[model_name], competition, settings,
        metrics.get(competition.metric), dataset, folds,
    )  # fmt: skip
    plan.params({})
    return plan
