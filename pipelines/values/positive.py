"""Which of two classes is the positive one: F1 and ROC AUC judge it, and a single column of a sample asks for its chance."""

import pandas as pd

from pipelines.plumbing.errors import UserError
from pipelines.values import spelling, submission
from pipelines.values.competition import Competition
from pipelines.values.metrics import get

_PLAIN = ("1", "1.0", "true", "yes", "y", "t")  # nobody expects the other one


def put_last(
    competition: Competition, classes: list[str], sample: pd.DataFrame
) -> tuple[list[str], list[str]]:
    """Order two classes such that the positive one is the last; more than two stay as they are.

    It is the one that `positive:` names, else the one after which the sample's single column of probabilities is
    called, else the last in order.

    Args:
        competition: names the metric and, where it does, the class.
        classes: the labels of train, in order.
        sample: its columns count.

    Returns:
        The classes, and what there is to say of the choice, a sentence each.

    Raises:
        UserError: `positive:` is no class, or the sample asks for the other one.
    """
    asked, named = _asked_for(competition, classes, sample), competition.positive
    if named is not None:
        (chosen,) = spelling.as_classes(pd.Series([named]), classes)
        if chosen not in classes or len(classes) != 2:
            raise UserError(
                f"positive must be one of two classes, found {named!r} of {classes[:5]}: correct or remove "
                "`positive:` in the competition file"
            )
        if asked not in (None, chosen):
            raise UserError(
                f"the sample's column asks for the probability of {asked!r}, and `positive:` names {named!r}: remove "
                "`positive:` from the competition file"
            )
        return sorted(classes, key=lambda label: label == chosen), []
    if asked is not None:
        said = (
            f"the sample's column asks for the probability of {asked!r}: it is the positive class"
        )
        return sorted(classes, key=lambda label: label == asked), [said]
    single = len(submission.target_columns(competition, sample)) == 1
    needs = get(competition.metric).needs
    matters = competition.metric == "f1_binary" or (needs == "probability" and single)
    if len(classes) != 2 or not matters or classes[1].casefold() in _PLAIN:
        return classes, []
    return classes, [
        f"{competition.metric} takes {classes[1]!r}, the last in order, for the positive class: `positive: {classes[0]}` "
        "in the competition file takes the other"
    ]


def _asked_for(competition: Competition, classes: list[str], sample: pd.DataFrame) -> str | None:
    """The class whose probability the sample's only column names."""
    columns = submission.target_columns(competition, sample)
    if len(classes) != 2 or len(columns) != 1 or get(competition.metric).needs != "probability":
        return None
    place = submission.class_named(columns[0], classes)
    return None if place is None else classes[place]
