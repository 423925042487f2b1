# %% [markdown]
# # Names, tickets and cabins for a forest
#
# The three columns that a first model throws away are the ones that tell who travelled with whom:
#
# | column | what it hides |
# | --- | --- |
# | `Name` | the title (Mr, Mrs, Miss, Master), hence age and marriage, and the surname |
# | `Ticket` | people who share a number travelled together, family or not |
# | `Cabin` | its letter is the deck; that it is known at all says something |
#
# Then two kinds of tree ensembles are compared on the training rows, and the better one writes the
# submission.

# %%
import matplotlib.pyplot as plt
import pandas as pd
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score

# %% [markdown]
# ## Settings

# %% tags=["parameters"]
SEED = 2023
TREES = 300
REPEATS = 2

# %%
train = pd.read_csv("../input/titanic/train.csv")
test = pd.read_csv("../input/titanic/test.csv")
print(train.shape, test.shape)
print(train.isna().sum()[lambda counts: counts > 0])

# %% [markdown]
# ## Who survived?
# Sex and class first: any model has to beat what these two alone say.

# %%
print(train.pivot_table(index="Sex", columns="Pclass", values="Survived").round(2))

# %% [markdown]
# ## Features
# Both files are stacked for this, because groups of travellers are split between them. Only columns
# that the test file has are used, so no answer can slip in.

# %%
both = pd.concat([train.drop(columns="Survived"), test], keys=["train", "test"])
both["Title"] = both["Name"].str.extract(r",\s*([^.]+)\.", expand=False).str.strip()
both["Title"] = both["Title"].replace({"Mlle": "Miss", "Ms": "Miss", "Mme": "Mrs"})
both.loc[~both["Title"].isin(["Mr", "Mrs", "Miss", "Master"]), "Title"] = "Rare"
print(both["Title"].value_counts().to_dict())

# %% [markdown]
# Family and fellow travellers. A fare is paid per ticket, so it is divided among those who share it.

# %%
both["Family"] = both["SibSp"] + both["Parch"] + 1
both["Together"] = both.groupby("Ticket")["Ticket"].transform("size")
both["FareEach"] = both["Fare"] / both["Together"]
both["Deck"] = both["Cabin"].str[0].fillna("?")
both["HasCabin"] = both["Cabin"].notna().astype(int)

# %% [markdown]
# Ages are filled by title and class: a Master is a boy, a Mrs seldom is. Where a group has no known
# age, the median of all must do.

# %%
by_group = both.groupby(["Title", "Pclass"])["Age"].transform("median")
both["AgeKnown"] = both["Age"].notna().astype(int)
both["Age"] = both["Age"].fillna(by_group).fillna(both["Age"].median())
both["FareEach"] = both["FareEach"].fillna(both["FareEach"].median())
both["Sex"] = (both["Sex"] == "female").astype(int)

# %%
columns = ["Pclass", "Sex", "Age", "AgeKnown", "SibSp", "Parch", "Family", "Together", "FareEach"]
X_both = pd.concat(
    [both[[*columns, "HasCabin"]], pd.get_dummies(both[["Title", "Deck", "Embarked"]], dtype=int)],
    axis=1,
)
X, X_test, y = X_both.loc["train"], X_both.loc["test"], train["Survived"]
print(X.shape, X_test.shape)

# %% [markdown]
# ## Two ensembles of trees
# A forest averages deep trees that were grown apart; boosting adds shallow trees that mend each
# other's mistakes. Repeated folds, since one split of some hundred rows moves by ± 0.03.

# %%
models = {
    "forest": RandomForestClassifier(
        TREES, min_samples_leaf=3, max_features=0.5, random_state=SEED, n_jobs=1
    ),
    "boosting": GradientBoostingClassifier(
        n_estimators=TREES // 3, learning_rate=0.06, max_depth=3, subsample=0.7, random_state=SEED
    ),
}
cv = RepeatedStratifiedKFold(n_splits=4, n_repeats=REPEATS, random_state=SEED)
scores = {name: cross_val_score(model, X, y, cv=cv) for name, model in models.items()}
for name, values in scores.items():
    print(f"{name:>9}: {values.mean():.4f} ± {values.std():.4f}")

# %% [markdown]
# ## What the better one looks at

# %%
best = max(scores, key=lambda name: scores[name].mean())
model = models[best].fit(X, y)
importance = pd.Series(model.feature_importances_, index=X.columns).sort_values()
importance.tail(12).plot.barh(figsize=(6, 4), title=f"What the {best} looks at")
plt.tight_layout()
plt.show()

# %% [markdown]
# ## The submission

# %%
submission = pd.DataFrame(
    {"PassengerId": test["PassengerId"], "Survived": model.predict(X_test).astype(int)}
)
submission.to_csv("my_submission.csv", index=False)
print(f"{best}: {submission['Survived'].mean():.1%} predicted to survive")
