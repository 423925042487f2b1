# %% [markdown]
# # A straight line through the Titanic
#
# How far does a model get that can be read aloud? A logistic regression has one weight per feature, and
# each weight says by how much it moves the odds of survival. Everything that is fitted (medians, scales,
# categories) stands in one pipeline, so that no fold sees another fold's rows.

# %%
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

# %% [markdown]
# ## Settings

# %% tags=["parameters"]
SEED = 5
C_VALUES = [0.03, 0.1, 0.3, 1, 3]

# %%
train = pd.read_csv("../input/titanic/train.csv")
test = pd.read_csv("../input/titanic/test.csv")

# %% [markdown]
# ## Features that suit a line
# A line cannot bend: "children survive, adults do not" must be told to it as a column of its own. Sex
# matters more in first and second class than in third, so the two are also written together.


# %%
def features(table):
    title = table["Name"].str.extract(r",\s*([^.]+)\.", expand=False).str.strip()
    family = table["SibSp"] + table["Parch"] + 1
    return pd.DataFrame(
        {
            "Age": table["Age"],
            "LogFare": np.log1p(table["Fare"]),
            "Family": family.clip(upper=6),
            "IsBoy": (title == "Master").astype(int),
            "BigFamily": (family > 4).astype(int),
            "SexClass": table["Sex"] + " " + table["Pclass"].astype(str),
            "Embarked": table["Embarked"],
            "Deck": table["Cabin"].str[0],
        }
    )


X, X_test, y = features(train), features(test), train["Survived"]
print(X.head(3).to_string())

# %% [markdown]
# ## One pipeline for everything that is fitted

# %%
numbers = ["Age", "LogFare", "Family", "IsBoy", "BigFamily"]
words = ["SexClass", "Embarked", "Deck"]
prepare = ColumnTransformer(
    [
        ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (
            "words",
            make_pipeline(
                SimpleImputer(strategy="constant", fill_value="?"),
                OneHotEncoder(handle_unknown="ignore"),
            ),
            words,
        ),
    ]
)
search = GridSearchCV(
    make_pipeline(prepare, LogisticRegression(max_iter=1000)),
    {"logisticregression__C": C_VALUES},
    cv=StratifiedKFold(5, shuffle=True, random_state=SEED),
).fit(X, y)
for C, mean, std in zip(
    C_VALUES,
    search.cv_results_["mean_test_score"],
    search.cv_results_["std_test_score"],
    strict=True,
):
    print(f"C={C:<5} {mean:.4f} ± {std:.4f}")

# %% [markdown]
# ## Reading the weights
# A weight of 0.7 doubles the odds, one of −0.7 halves them.

# %%
best = search.best_estimator_
names = best[0].get_feature_names_out()
weights = pd.Series(best[-1].coef_[0], index=names).sort_values()
print(pd.concat([weights.head(5), weights.tail(5)]).round(2).to_string())

# %% [markdown]
# ## The submission

# %%
predicted = search.predict(X_test)
out = pd.DataFrame({"PassengerId": test["PassengerId"], "Survived": predicted})
out.to_csv("logistic.csv", index=False)
print(out["Survived"].value_counts().to_dict())
