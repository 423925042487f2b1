"""params.yaml: the active competition, its models and kernels, and every number the DAG depends on."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.schema import KernelName, Name, Strict, read_yaml, validate


def _each_once(names: list[str]) -> list[str]:
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise ValueError(f"must name each once, found twice: {', '.join(twins)}")
    return names


class FoldParams(Strict):
    """`n_splits`: parts the training rows fall into, 2 to 20."""

    n_splits: int = Field(default=5, ge=2, le=20)


class PreprocessParams(Strict):
    """`max_rows`: keep at most this many training rows, drawn by class; 0 keeps all."""

    max_rows: int = Field(default=0, ge=0)


class TuneParams(Strict):
    """How long one model is tuned.

    Attributes:
        trials: number of trials; 0 tunes nothing and imports nothing.
        minutes: wall-clock budget over all calls together; no trial outlasts it.
        nested: tune anew inside every fold, so that cv_mean is as honest as fold0.
        prune: stop a trial whose rows are significantly worse than the best trial's.
    """

    trials: int = Field(default=0, ge=0)
    minutes: float = Field(default=10, gt=0)
    nested: bool = False
    prune: bool = True


class EnsembleParams(Strict):
    """What is blended and who wins.

    Attributes:
        methods: names of `pipelines/ensembles/`.
        choose: `best` for the highest nested cv_pooled among methods and members, or a fixed name.
    """

    methods: Annotated[list[Name], AfterValidator(_each_once)] = [
        "mean",
        "rank_mean",
        "weighted",
        "hill_climb",
        "stack",
    ]
    choose: str = "best"


class Params(Strict):
    """The whole file. Sections under `tune` and `train` bear the names of models.

    A key with nothing behind it, such as `kernels:` once its last line is gone, counts as not written.

    Attributes:
        kernels: member/kernel, the notebooks in the pool.
        seed: of all that is drawn; what needs its own seed derives it from this one.
        train: per model, the values that are fixed; the model's own schema checks them. What is written
            here leaves the search space.
        parallel: fits at a time, each in a process of its own; the bytes are the same.
        language: of the weekly page; ko or en; in no stage's dependencies.
    """

    competition: Name
    models: Annotated[list[Name], AfterValidator(_each_once)]
    kernels: Annotated[list[KernelName], AfterValidator(_each_once)] = []
    seed: int = Field(default=42, ge=0, lt=2**32)
    backend: Literal["tensorflow", "jax", "torch"] = "tensorflow"
    device: Literal["auto", "cpu", "gpu"] = "auto"
    parallel: int = Field(default=1, ge=1)
    folds: FoldParams = FoldParams()
    preprocess: PreprocessParams = PreprocessParams()
    tune: dict[Name, TuneParams] = {}
    train: dict[Name, dict[str, Any]] = {}
    ensemble: EnsembleParams = EnsembleParams()
    member: Name = "group"
    language: Literal["ko", "en"] = "ko"

    @model_validator(mode="before")
    @classmethod
    def _without_empty_keys(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        return {key: value for key, value in content.items() if value is not None}

    @field_validator("tune", "train", mode="before")
    @classmethod
    def _empty_sections(cls, sections: Any) -> Any:
        """`knn:` with nothing behind it is an empty section, not null."""
        if not isinstance(sections, dict):
            return sections
        return {name: {} if value is None else value for name, value in sections.items()}

    def check_sections(self, model: str) -> None:
        """Raise UserError where `tune` or `train` has no section for a model; DVC reads both.

        An empty section, `{}`, is one: it fixes nothing.
        """
        for name, sections in (("tune", self.tune), ("train", self.train)):
            if model not in sections:
                raise UserError(
                    f"params.yaml must have a section {model!r} under {name}, found {list(sections)}: "
                    f"add `{model}: {{}}` there"
                )


def load() -> Params:
    """Read params.yaml.

    Raises:
        UserError: it is missing, a key is unknown, or a name holds characters a shell would act on.
    """
    return validate(Params, read_yaml(paths.params()), "params.yaml")
