"""Titanic: titles, decks and families, and how the women and children of a ticket and a surname fared."""

from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from features.blocks import Block

_TITLES = {"Mlle": "Miss", "Ms": "Miss", "Mme": "Mrs", "Lady": "Mrs", "Dona": "Mrs", "the Countess": "Mrs"}  # fmt: skip
_COMMON = ("Mr", "Mrs", "Miss", "Master")
# A group of nobody counts as one of whom half survived, and one other weighs as much as that.
_UNKNOWN = 0.5


class Titanic(Block):
    """What a name, a ticket and a cabin say of a passenger.

    Women and children of one party were saved or lost together, so how the others fared says much of a row.
    `fit_transform` counts them without the row itself, `transform` counts all rows of the fit.

    Attributes:
        fared_: per kind of group, its name → (women and children, survivors among them).
        sizes_: ticket → rows that hold it.
    """

    needs: ClassVar = (
        "Pclass",
        "Name",
        "Sex",
        "SibSp",
        "Parch",
        "Ticket",
        "Fare",
        "Cabin",
        "Embarked",
    )

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        who, survived = _women_and_children(X), _truth(X, y)
        counted = pd.DataFrame({"count": who.astype(float), "survived": who * survived}, X.index)
        self.fared_ = {kind: counted.groupby(names).sum() for kind, names in _groups(X).items()}
        self.sizes_ = X["Ticket"].value_counts()
        return self

    def fit_transform(self, X: pd.DataFrame, y: Any = None, **_: Any) -> pd.DataFrame:
        who = _women_and_children(X)
        own = pd.DataFrame({"count": who.astype(float), "survived": who * _truth(X, y)}, X.index)
        return self.fit(X, y)._described(X, own)

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        return self._described(X, pd.DataFrame(0.0, X.index, ["count", "survived"]))

    def _described(self, X: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
        """The columns; `own` is what each row added to its groups when these were counted."""
        family = X["SibSp"] + X["Parch"] + 1
        holders = X["Ticket"].map(self.sizes_).fillna(1)
        made = {
            "Title": _titles(X), "Family": family, "Alone": (family == 1).astype(float),
            "Deck": X["Cabin"].str[0], "Holders": holders,
            "FarePerHead": X["Fare"] / np.maximum(holders, family),
            "WomanOrChild": _women_and_children(X).astype(float),
        }  # fmt: skip
        for kind, names in _groups(X).items():
            others = self.fared_[kind].reindex(names).fillna(0).set_axis(X.index) - own
            made[f"{kind}Fared"] = (others["survived"] + _UNKNOWN) / (others["count"] + 1)
            made[f"{kind}Known"] = others["count"]
        return X.drop(columns=["Name", "Ticket", "Cabin"]).assign(**made)


def _titles(X: pd.DataFrame) -> pd.Series:
    found = X["Name"].str.extract(r", *([^.]*)\.", expand=False).str.strip().replace(_TITLES)
    return found.where(found.isin(_COMMON), "other")


def _women_and_children(X: pd.DataFrame) -> pd.Series:
    return (X["Sex"] == "female") | (_titles(X) == "Master")


def _groups(X: pd.DataFrame) -> dict[str, pd.Series]:
    """By name of the kind, the group of each row. A surname alone would join strangers: class and port tell them apart."""
    surname = X["Name"].str.partition(",")[0]
    place = X["Pclass"].astype(str) + X["Embarked"].fillna("")
    return {"Ticket": X["Ticket"].astype(str), "Surname": surname + " " + place}


def _truth(X: pd.DataFrame, y: Any) -> pd.Series:
    return pd.Series(np.zeros(len(X)) if y is None else np.asarray(y, float), X.index)
