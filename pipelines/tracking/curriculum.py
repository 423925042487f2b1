"""curriculum.yaml: which week is which Saturday, what is transcribed in it, and what its kernels must show."""

from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from pipelines.plumbing import paths
from pipelines.plumbing.schema import Name, Strict, read_yaml, validate


def _a_variable(name: str) -> str:
    if not name.isidentifier():
        raise ValueError(f"must be the name of a variable, found {name!r}")
    return name


Variable = Annotated[str, AfterValidator(_a_variable)]


class DataCheck(Strict):
    """What a data set of the notebook must be; what is not given is not asked.

    Attributes:
        name: the variable that holds it: a tf.data.Dataset, a Keras Sequence, a loader, an array, or a
            pair of arrays.
        labels: the variable with the labels, where `name` is an array without them.
        shape: of one element without the batch, such as [28, 28].
        dtype: such as float32.
        range: lowest and highest value allowed; the first batch must lie within.
        batch: elements in a batch.
    """

    name: Variable
    labels: Variable | None = None
    shape: list[int] | None = None
    dtype: str | None = None
    range: tuple[float, float] | None = None
    batch: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _range_runs_upward(self) -> "DataCheck":
        if self.range is not None and self.range[0] > self.range[1]:
            raise ValueError(f"range must be [lowest, highest], found {list(self.range)}")
        return self


class ModelCheck(Strict):
    """What the model must be.

    Attributes:
        name: the variable that holds it, also for `compile`, `fitted` and `test_score`.
        params: all parameters.
        trainable: those that a gradient moves.
        layers: in order: the layer's class and its size, such as `Dense 512`, `Conv2D 64 5x5`,
            `Dropout 0.25`, `BatchNormalization`, `ReLU`. An activation is a layer of its own, whether it
            is written as one or as `activation=`. Input and Flatten are not listed, and the activation at
            the very end need not be.
    """

    name: Variable
    params: int | None = Field(default=None, ge=0)
    trainable: int | None = Field(default=None, ge=0)
    layers: list[str] | None = None


class CompileCheck(Strict):
    """What `compile` must have been given, in any spelling Keras knows.

    Attributes:
        learning_rate: of the optimiser; of a schedule the one that it starts with.
        metrics: those that must be among the compiled ones.
    """

    optimizer: str | None = None
    learning_rate: float | None = Field(default=None, gt=0)
    loss: str | None = None
    metrics: list[str] = []


class Bounds(Strict):
    """Least and greatest values of metrics, by name: `minimum: {accuracy: 0.85}`, `maximum: {loss: 1}`."""

    minimum: dict[str, float] = {}
    maximum: dict[str, float] = {}


class Check(Strict):
    """The week's own steps of the self-check, in their order; what is not written is not a step.

    Attributes:
        fitted: `fit` ran, and its last epoch keeps these bounds.
        test_score: what the model scores on `test_data` keeps these bounds.
    """

    train_data: DataCheck | None = None
    test_data: DataCheck | None = None
    model: ModelCheck | None = None
    compile: CompileCheck | None = None
    fitted: Bounds | None = None
    test_score: Bounds | None = None

    @model_validator(mode="before")
    @classmethod
    def _an_empty_step_is_one(cls, content: Any) -> Any:
        """`fitted:` with nothing behind it asks for a fit without bounds; it does not ask for nothing."""
        if not isinstance(content, dict):
            return content
        return {name: {} if step is None else step for name, step in content.items()}

    @model_validator(mode="after")
    def _says_on_what(self) -> "Check":
        for name in ("compile", "fitted", "test_score"):
            if getattr(self, name) is not None and self.model is None:
                raise ValueError(f"`{name}:` must know the model: add `model: {{name: …}}`")
        if self.test_score is not None and self.test_data is None:
            raise ValueError("`test_score:` must know the test set: add `test_data: {name: …}`")
        return self


class Week(Strict):
    """One week of the group's programme.

    Attributes:
        date: of the meeting (Saturday, Korean time).
        competition: the one that the group works on, whose runs and page are of this week.
        kernel: what is transcribed, in words.
        presenters: members, in the order of their talks.
        check: the week's own steps of the self-check.
    """

    week: int = Field(ge=1)
    date: date
    topic: str
    competition: Name | None = None
    kernel: str | None = None
    presenters: list[Name] = []
    check: Check | None = None


class Curriculum(Strict):
    """The whole programme."""

    weeks: list[Week] = []

    def week_of(self, competition: str, day: date) -> Week | None:
        """The week of a competition: of several the next on or after `day`, else the last; None without one."""
        ours = [week for week in self.weeks if week.competition == competition]
        ahead = [week for week in ours if week.date >= day]
        if ahead:
            return min(ahead, key=lambda week: week.date)
        return max(ours, key=lambda week: week.date, default=None)

    def numbered(self, number: int | None) -> Week | None:
        """The week of that number; None where there is none."""
        return next((week for week in self.weeks if week.week == number), None)


def load() -> Curriculum:
    """Read curriculum.yaml.

    Raises:
        UserError: it is missing, or a key is unknown.
    """
    return validate(Curriculum, read_yaml(paths.curriculum()), "curriculum.yaml")


def week_today(competition: str) -> int | None:
    """The number of a competition's week for a run that starts now; None where the curriculum has none."""
    week = load().week_of(competition, date.today())
    return week.week if week else None
