"""One competition: where it lives, its files, columns, task, metric and split."""

import re
from typing import Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError, did_you_mean
from pipelines.plumbing.schema import KernelName, Name, Strict, read_yaml, validate
from pipelines.values.code_rules import Code
from pipelines.values.given_files import Files

TaskKind = Literal["classification", "regression"]
Decimal = Literal[",", "."]
Quotes = Literal["standard", "backslash", "none"]
SplitKind = Literal["stratified", "plain", "group", "stratified_group", "time"]


class Image(Strict):
    """Pixels are the feature columns, row by row, channels last; or what picture files are brought to.

    Attributes:
        height, width: pixels.
        channels: 1 for grey, 3 for RGB.
        maximum: the value of white; inputs are divided by it.
    """

    height: int = Field(ge=1)
    width: int = Field(ge=1)
    channels: Literal[1, 3] = 1
    maximum: float = Field(default=255, gt=0)

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.height, self.width, self.channels)

    @property
    def size(self) -> int:
        return self.height * self.width * self.channels


class Pictures(Strict):
    """Where pictures lie that are files (`files.format: images`); all are brought to the size under `image:`.

    Attributes:
        train, test: a folder or a zip below `raw/`; both may be the same.
        labels: column (the train CSV names each picture and its target) or folders (one folder per class).
        column: the column that names pictures, with or without folders and suffix; the ids by default.
        skip_broken: instead of refusing pictures that cannot be read leave those of train out, and predict those of
            test as black ones; how many is said.
    """

    train: str = "train"
    test: str = "test"
    labels: Literal["column", "folders"] = "column"
    column: str | None = None
    skip_broken: bool = False


class Split(Strict):
    """How rows fall into folds.

    Attributes:
        kind: stratified (by target), plain, group, stratified_group, or time (later rows are judged by
            models of earlier ones).
        group: the column whose values stay together in one fold.
        group_part: what of its values is the group: a regular expression that finds it in brackets, such as ^(.+)_ for
            p012 in p012_3; by default the whole value.
        time: the column that orders the rows.
        time_format: how it is written, as of `strptime`, such as %d/%m/%Y; known forms need none.
    """

    kind: SplitKind
    group: str | None = None
    group_part: str | None = None
    time: str | None = None
    time_format: str | None = None

    @field_validator("group_part")
    @classmethod
    def _has_brackets(cls, group_part: str | None) -> str | None:
        try:
            is_one = group_part is None or re.compile(group_part).groups == 1
        except re.error:
            is_one = False
        if not is_one:
            raise ValueError(
                "must be a regular expression with one pair of brackets, such as ^(.+)_"
            )
        return group_part

    @model_validator(mode="after")
    def _has_its_column(self) -> "Split":
        if "group" in self.kind and not self.group:
            raise ValueError(f"a {self.kind} split needs `group: COLUMN`")
        if self.kind == "time" and not self.time:
            raise ValueError("a time split needs `time: COLUMN`")
        return self


class Clip(Strict):
    """Bounds of what can be: predictions beyond them are moved to the bound.

    Attributes:
        low, high: in the units of the target; null for none.
    """

    low: float | None = None
    high: float | None = None


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

    @model_serializer(mode="wrap")
    def _only_given(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What was written: what was not is for another file to say."""
        return {name: value for name, value in dump(self).items() if name in self.model_fields_set}


class Competition(Strict):
    """One file of `competitions/`.

    Attributes:
        name: the file's name without `.yaml`.
        title: what tables and pages are headed with.
        url: the competition's page.
        task: classes, or numbers.
        id_column: the column of ids in train, test and sample. Where ids only count rows (`id: position`) train
            and test may lack it.
        sample_id_column: its name in the sample submission, where that is another.
        target: the column to predict. Of several each is a competition of its own, and their submissions are joined
            by hand.
        image: where the feature columns are pixels, or files are pictures.
        pictures: where picture files lie.
        split: how rows fall into folds.
        files: names of the files as downloaded.
        id: `key` where ids mean something and are kept, `position` where they only count rows.
        metric: a name of `pipelines.values.metrics`.
        source: `platform` and what that platform needs; checked by the platform's own schema.
        positive: the class that F1 and ROC AUC take for positive; the last one by default.
        clip: the least and the greatest value that can be predicted; RMSLE has 0 as the least by itself.
        drop: columns that are no features.
        keep: columns that are features although they look like an index of the rows.
        day_first: whether dates such as 03/04/2021 begin with the day, where a column's own cells do not tell; by
            default they begin with the month.
        encoding: of the CSV files, a codec of Python such as cp949 or cp1252; found out by default.
        delimiter: between their cells; found out by default.
        decimal: what stands before a number's fraction, "," or "."; found out by default.
        quotes: what a double quote means in them: standard (it surrounds cells, and stands twice within one),
            backslash (within a cell one stands before it), or none (it is text). Without the key standard,
            where no cell looks like a swallowed row.
        baselines: the models that `pilsa use` lists for it.
        tune: per baseline, how long `pilsa use` has it tuned; what it leaves open, params.yaml says.
        pool: the kernels, member/kernel, that `pilsa use` lists for it.
        daily_limit: submissions a day.
        live: whether it still runs: its code may then be shared only within one team of the platform.
        team: the members who are that team.
        views: `yes`, or `no, because …`: then kernels run on the real view only and have no CV. A view needs
            one train row per id and one sample row per test row.
        code: what the site allows a notebook, where notebooks are what is handed in.
    """

    name: Name
    title: str
    url: str | None = None
    task: TaskKind
    metric: str
    id_column: str
    sample_id_column: str | None = None
    id: Literal["key", "position"] = "key"
    target: str
    positive: str | None = None
    image: Image | None = None
    clip: Clip = Clip()
    pictures: Pictures | None = None
    drop: list[str] = []
    keep: list[str] = []
    day_first: bool | None = None
    encoding: str | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    decimal: Decimal | None = None
    quotes: Quotes | None = None
    split: Split
    files: Files = Files()
    source: dict[str, Any]
    baselines: list[Name] = ["knn"]
    tune: dict[Name, TuneParams] = {}
    pool: list[KernelName] = []
    daily_limit: int = Field(default=5, ge=1)
    live: bool = False
    team: list[Name] = []
    views: str = Field(default="yes", pattern=r"^(yes|no, because \S.*)$")
    code: Code | None = None

    @property
    def sample_id(self) -> str:
        """The column of ids in the sample and in every submission."""
        return self.sample_id_column or self.id_column

    @field_validator("target", mode="before")
    @classmethod
    def _is_one_column(cls, target: Any) -> Any:
        if isinstance(target, list):
            raise ValueError(
                "must be one column, found a list: write a competition file for each, with `sample: null`, and join "
                "their submissions by hand"
            )
        return target

    @field_validator("positive", mode="before")
    @classmethod
    def _is_as_spelled(cls, positive: Any) -> Any:
        """A number is its digits; what YAML turned into something else must be quoted."""
        if isinstance(positive, int | float) and not isinstance(positive, bool):
            return str(positive)
        if positive is not None and not isinstance(positive, str):
            raise ValueError(
                f"must be a class as spelled in train, and YAML reads it as {type(positive).__name__}: put it in "
                "quotes"
            )
        return positive

    @field_validator("encoding")
    @classmethod
    def _is_a_codec(cls, encoding: str | None) -> str | None:
        try:
            "".encode(encoding or "utf-8")
        except LookupError:
            raise ValueError("must be a codec of Python, such as utf-8, cp949 or cp1252") from None
        return encoding

    @field_validator("source")
    @classmethod
    def _names_a_platform(cls, source: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(source.get("platform"), str):
            raise ValueError("must name a `platform:`, one of the files in pipelines/platforms/")
        return source

    @model_validator(mode="after")
    def _fits_together(self) -> "Competition":
        if self.task == "regression" and "stratified" in self.split.kind:
            raise ValueError(
                f"a {self.split.kind} split needs classes, and the task is regression: use plain"
            )
        if self.task == "classification" and self.clip != Clip():
            raise ValueError("clip is for values, and the task is classification: take it out")
        if strays := [name for name in self.tune if name not in self.baselines]:
            raise ValueError(
                f"tune must name baselines, and {strays[0]!r} is none{did_you_mean(strays[0], self.baselines)}"
            )
        files = self.files
        shown_in_part = [
            *files.train_files,
            *files.test_files,
            files.sample,
            self.source.get("solution"),
        ]
        if twice := [name for name in files.also if name in shown_in_part]:
            raise ValueError(
                f"also must name files that hold no target and no test rows, and {twice[0]!r} is one of the competition's "
                "own: take it out, since every view would show it whole"
            )
        if self.id_column == self.target:
            raise ValueError(f"id_column and target must differ, both are {self.target!r}")
        if self.files.format == "idx" and self.image is None:
            raise ValueError("idx files need `image:` with height and width")
        if (self.files.format == "images") != (self.pictures is not None):
            raise ValueError("`format: images` and `pictures:` must stand together")
        if self.pictures is not None and (self.image is None or self.image.maximum != 255):
            raise ValueError("picture files need `image:` with height and width, and maximum 255")
        return self


def names() -> list[str]:
    """Every competition of `competitions/`, in alphabetical order."""
    return sorted(path.stem for path in (paths.root() / "competitions").glob("*.yaml"))


def load(name: str) -> Competition:
    """Read `competitions/<name>.yaml`.

    Raises:
        UserError: there is no such file, a key is unknown or missing, or the metric does not fit the task.
    """
    from pipelines.values import metrics

    if name not in names():  # and no path of its own, of any length
        raise UserError(
            f"competition must be one of the files in competitions/, found {name[:80]!r}"
            f"{did_you_mean(name[:80], names())}"
        )
    path = paths.competition_file(name)
    where = str(path.relative_to(paths.root()))
    content = read_yaml(path)
    if "name" in content:
        raise UserError(
            f"{where}: the file's name is the competition's name: remove the key 'name'"
        )
    competition = validate(Competition, {**content, "name": name}, where)
    try:
        metrics.get(competition.metric).check_task(competition.task)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    return competition
