# %%
import pandas as pd, numpy as np
%matplotlib inline
from sklearn.model_selection import GridSearchCV
from sklearn.ensemble import GradientBoostingClassifier

train = pd.read_csv("../input/train.csv")
test = pd.read_csv("../input/test.csv")
full = train.append(test, ignore_index=True, sort=False)  # both together
print(full.corr()["Survived"])

# %%
full["Age"] = full["Age"].fillna(full["Age"].mean()).astype(np.int)
full["Fare"] = full["Fare"].fillna(full["Fare"].mean()).astype(np.float)
full["Female"] = (full["Sex"] == "female").astype(np.bool)
full["Deck"] = full["Cabin"].fillna("U").map(lambda c: c[0])
wide = pd.concat([full[["Pclass", "Age", "Fare", "Female", "SibSp", "Parch"]], pd.get_dummies(full["Deck"], prefix="Deck")], axis=1)

# %%
X = wide.ix[:len(train) - 1, :]
y = full.ix[:len(train) - 1, "Survived"]
model = GridSearchCV(GradientBoostingClassifier(loss="deviance", random_state=0), {"n_estimators": [20, 40]}, cv=3)
model.fit(X, y)
out = pd.DataFrame({"PassengerId": test.PassengerId, "Survived": model.predict(wide[len(train):]).astype(np.int)})
out.to_csv("my_submission.csv", index=False)
