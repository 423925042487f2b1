"""What a run is told: params.yaml, every number the DAG depends on, and local.yaml, which is one clone's own."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pipelines.plumbing import atomic, paths, process
from pipelines.plumbing.errors import UserError, did_you_mean
from pipelines.plumbing.schema import KernelName, Name, Strict, read_yaml, validate
from pipelines.values import competition as competitions
from pipelines.values.competition import Competition, TuneParams

_DEFAULT = "digits"
_HEADER = """\
# This clone's own; git ignores it. `pilsa use NAME` switches the competition and writes its models, kernels and tune;
# `pilsa kernel join` and `leave` change the kernels. Yours to edit: models (files of pipelines/models/), tune (per model
# trials and minutes, before those of params.yaml), device (auto, cpu or gpu), parallel (fits at a time), member (whose
# runs these are, where `git config pilsa.member` names nobody).
"""


def _each_once(names: list[str]) -> list[str]:
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise ValueError(f"must name each once, found twice: {', '.join(twins)}")
    return names


def _empty_sections(sections: Any) -> Any:
    """`knn:` with nothing behind it is an empty section, not null."""
    if not isinstance(sections, dict):
        return sections
    return {name: {} if value is None else value for name, value in sections.items()}


class FoldParams(Strict):
    """`n_splits`: parts the training rows fall into, 2 to 20."""

    n_splits: int = Field(default=5, ge=2, le=20)


class PreprocessParams(Strict):
    """`max_rows`: keep at most this many training rows, drawn by class; 0 keeps all."""

    max_rows: int = Field(default=0, ge=0)


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


class _File(Strict):
    """A key with nothing behind it, such as `kernels:` once its last line is gone, counts as not written."""

    @model_validator(mode="before")
    @classmethod
    def _without_empty_keys(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        return {key: value for key, value in content.items() if value is not None}


class LocalParams(_File):
    """local.yaml: what is one person's or one machine's. DVC takes competition, models and kernels from it.

    Attributes:
        competition: the active one.
        kernels: member/kernel, the notebooks in the pool.
        tune: per model, how long it is tuned; key by key it goes before `tune` of params.yaml.
        device: in the key and the record of a network's work, in no stage's parameters.
        parallel: fits at a time, each in a process of its own; the bytes are the same.
        member: whose runs these are; `git config pilsa.member` comes before it.
    """

    competition: Name
    models: Annotated[list[Name], AfterValidator(_each_once)]
    kernels: Annotated[list[KernelName], AfterValidator(_each_once)] = []
    tune: Annotated[dict[Name, TuneParams], BeforeValidator(_empty_sections)] = {}
    device: Literal["auto", "cpu", "gpu"] = "auto"
    parallel: int = Field(default=1, ge=1)
    member: Name = "group"


class Params(LocalParams):
    """Both files. Sections under `tune` and `train` bear the names of models.

    Attributes:
        seed: of all that is drawn; what needs its own seed derives it from this one.
        train: per model, the values that are fixed; the model's own schema checks them. What is written
            here leaves the search space.
        language: of the weekly page; ko or en; only the stage `review` hangs on it.
    """

    seed: int = Field(default=42, ge=0, lt=2**32)
    backend: Literal["tensorflow", "jax", "torch"] = "tensorflow"
    folds: FoldParams = FoldParams()
    preprocess: PreprocessParams = PreprocessParams()
    train: Annotated[dict[Name, dict[str, Any]], BeforeValidator(_empty_sections)] = {}
    ensemble: EnsembleParams = EnsembleParams()
    language: Literal["ko", "en"] = "ko"

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
    """Read params.yaml and local.yaml; the member is git's where `git config pilsa.member` names one.

    Raises:
        UserError: params.yaml is missing, a key is unknown or stands in the wrong one of the two files, or a
            name holds characters a shell would act on.
    """
    local = read_local().model_dump()
    content = read_yaml(paths.params())
    own_tune = local.pop("tune")
    strays = [key for key in local if key in content]
    if strays:
        raise UserError(
            f"params.yaml must hold what all members share, and {strays[0]!r} is one clone's own: move it to "
            "local.yaml"
        )
    own = _member_of_git()
    if own:
        validate(LocalParams, local | {"member": own}, "git config pilsa.member")
        local["member"] = own
    content["tune"] = _layered(content.get("tune"), own_tune)
    return validate(Params, content | local, "params.yaml")


def _layered(shared: Any, own: dict[str, dict[str, Any]]) -> Any:
    """`tune` of params.yaml with what local.yaml says of its sections; what is no section stays for the schema.

    Raises:
        UserError: local.yaml names a section that params.yaml lacks.
    """
    sections = _empty_sections({} if shared is None else shared)
    if not isinstance(sections, dict):
        return sections
    for name in own:
        if name not in sections:
            raise UserError(
                f"local.yaml: tune must name sections that params.yaml has under tune, found {name!r}"
                f"{did_you_mean(name, sections)}"
            )
    return {
        name: section | own.get(name, {}) if isinstance(section, dict) else section
        for name, section in sections.items()
    }


def read_local() -> LocalParams:
    """Read local.yaml; where it is missing, the default competition with its baselines and its pool.

    Raises:
        UserError: a key is unknown, or a name holds characters a shell would act on.
    """
    if given := _given_locally():
        return validate(LocalParams, given, "local.yaml")
    # A group may have taken the default out of competitions/: then it is the first that is there.
    name = min(competitions.names(), key=lambda name: name != _DEFAULT, default=_DEFAULT)
    return LocalParams(**lists_of(competitions.load(name)))


def _given_locally() -> dict[str, Any]:
    """What local.yaml holds; nothing where it is missing or empty."""
    path = paths.local()
    if not path.is_file() or not path.stat().st_size:
        return {}
    return read_yaml(path, "delete it, and `pilsa use NAME` writes it anew")


def lists_of(competition: Competition) -> dict[str, Any]:
    """What local.yaml says of a competition: its name, its baselines, its pool, and how its models are tuned."""
    return {
        "competition": competition.name,
        "models": competition.baselines,
        "kernels": competition.pool,
        "tune": competition.tune,
    }


@contextmanager
def editing_local() -> Iterator[dict[str, Any]]:
    """The content of local.yaml, to be changed in place; written, with every key, when the block ends well.

    One process at a time: what the block reads of the file, nobody else changes before it ends.

    Raises:
        UserError: the file has an unknown key, before or after.
    """
    with process.exclusive(paths.cache() / "locks" / "local", "editing local.yaml"):
        content = read_local().model_dump()
        yield content
        whole = validate(LocalParams, content, "local.yaml").model_dump()
        text = yaml.safe_dump(whole, allow_unicode=True, sort_keys=False)
        atomic.write_text(paths.local(), _HEADER + text)


def complete_local() -> bool:
    """Write local.yaml where it is missing or lacks a key: DVC knows no defaults. Return whether it was so."""
    given = _given_locally()
    lacks = any(given.get(key) is None for key in LocalParams.model_fields)
    if lacks:
        with editing_local():
            pass
    return lacks


def _member_of_git() -> str:
    """What `git config pilsa.member` says in the repository; empty where there is none, or no git."""
    command = ["git", "config", "pilsa.member"]
    try:
        done = subprocess.run(
            command, cwd=paths.home(), capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip()
