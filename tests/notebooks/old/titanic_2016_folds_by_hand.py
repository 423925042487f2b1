# %%
import pandas as pd
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.cross_validation import KFold
from sklearn import cross_validation

titanic = pd.read_csv("../input/train.csv")
titanic_test = pd.read_csv("../input/test.csv")

# %%
titanic["Age"] = titanic["Age"].fillna(titanic["Age"].median())
titanic.loc[titanic["Sex"] == "male", "Sex"] = 0
titanic.loc[titanic["Sex"] == "female", "Sex"] = 1
titanic["Embarked"] = titanic["Embarked"].fillna("S")
predictors = ["Pclass", "Sex", "Age", "SibSp", "Parch", "Fare"]

# %%
kf = KFold(titanic.shape[0], n_folds=3, random_state=1)
parts = []
for rows, held in kf:
    alg = LogisticRegression()
    alg.fit(titanic[predictors].iloc[rows, :], titanic["Survived"].iloc[rows])
    parts.append(alg.predict(titanic[predictors].iloc[held, :]))
print(np.concatenate(parts, axis=0)[:10])
print(cross_validation.cross_val_score(LogisticRegression(), titanic[predictors], titanic["Survived"], cv=3).mean())

# %%
titanic_test["Age"] = titanic_test["Age"].fillna(titanic["Age"].median())
titanic_test["Sex"] = (titanic_test["Sex"] == "female").astype(int)
titanic_test["Fare"] = titanic_test["Fare"].fillna(titanic_test["Fare"].median())
alg = LogisticRegression().fit(titanic[predictors], titanic["Survived"])
pd.DataFrame({"PassengerId": titanic_test["PassengerId"], "Survived": alg.predict(titanic_test[predictors])}).to_csv("kaggle.csv", index=False)
