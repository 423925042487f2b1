"""What is to be trained: everything a training stage reads, gathered once and checked."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.models import Job, Model, ModelParams
from pipelines.plumbing import paths, registry
from pipelines.plumbing.schema import validate
from pipelines.training.checkpoints import job_key
from pipelines.values import competition as competitions
from pipelines.values import folds as fold_files
from pipelines.values import metrics
from pipelines.values import params as settings_file
from pipelines.values.competition import Competition
from pipelines.values.dataset import Dataset
from pipelines.values.folds import Folds
from pipelines.values.metrics import Metric
from pipelines.values.params import Params, TuneParams


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
    def is_network(self) -> bool:
        return self.model.inputs == "image"

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
        """The plan with Keras imported on its backend and device, where the model is a network.

        Raises:
            UserError: the backend is not installed, or there is no GPU where one is asked for.
        """
        if not self.is_network:
            return self
        from pipelines.training import backend

        return replace(self, device=backend.prepare(self.settings.backend, self.settings.device))

    def job(self, seed: int, folder: Path | None, progress: Callable[[str], None]) -> Job:
        """What one fit must know beside its arrays; see `Job`."""
        return Job(self.dataset.width, self.dataset.is_classification, seed, folder, progress)

    def key(self, engine: str, **more: Any) -> str:
        """The key of this plan's work.

        Args:
            engine: the module that does the work; its code counts, as the model's does.
            more: what else decides the numbers: hyperparameters, the fold that is held back.
        """
        settings = self.settings
        modules = [self.model.__module__, engine]
        if self.is_network:
            modules.append("pipelines.training.backend")
            more |= {"backend": settings.backend, "device": self.device}
        return job_key(
            *modules, competition=self.competition.name, model=self.name, data=self.dataset.hash,
            folds=self.folds.hash, metric=self.metric.name, seed=settings.seed, **more,
        )  # fmt: skip


def load(competition_name: str, model_name: str) -> Plan:
    """Read params.yaml, the competition, its dataset and its folds.

    Raises:
        UserError: something is missing, unknown or does not fit; nothing has been trained yet.
    """
    settings = settings_file.load()
    competition = competitions.load(competition_name)
    model = registry.load(Model, model_name)
    dataset = Dataset.load(paths.dataset(competition_name))
    folds = fold_files.load(paths.folds(competition_name), dataset.row_ids, competition.split)
    settings.check_sections(model_name)
    plan = Plan(
        model_name, model, settings.train[model_name], competition, settings,
        metrics.get(competition.metric), dataset, folds,
    )  # fmt: skip
    plan.params({})
    return plan
