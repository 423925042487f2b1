# %%
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
import seaborn as sns
sns.set(style="white", context="notebook", palette="deep")

train = pd.read_csv("../input/train.csv")
test = pd.read_csv("../input/test.csv")
ids = test["PassengerId"]

# %%
g = sns.factorplot(x="SibSp", y="Survived", data=train, kind="bar", size=6, palette="muted")
g = sns.factorplot("Parch", "Survived", data=train)   # 가족이 많으면?
g = sns.FacetGrid(train, col="Survived", size=4)
g = g.map(plt.hist, "Age", bins=20)

# %%
dataset = pd.concat(objs=[train, test], axis=0).reset_index(drop=True)
dataset["Embarked"].fillna("S", inplace=True)
dataset["Fare"].fillna(dataset["Fare"].median(), inplace=True)
dataset["Age"].fillna(dataset["Age"].median(), inplace=True)
dataset["Title"] = dataset["Name"].str.extract(r" ([A-Za-z]+)\.", expand=False)
dataset["Title"] = dataset["Title"].replace(["Lady", "Countess", "Capt", "Col", "Don", "Dr", "Major", "Rev", "Sir", "Jonkheer", "Dona"], "Rare")
dataset["Title"] = dataset["Title"].map({"Mr": 0, "Miss": 1, "Mrs": 2, "Master": 3, "Rare": 4}).fillna(0).astype(int)
dataset["FamilySize"] = dataset["SibSp"] + dataset["Parch"] + 1
dataset["Sex"] = dataset["Sex"].map({"male": 0, "female": 1})
dataset = pd.get_dummies(dataset, columns=["Embarked"])
dataset = dataset.drop(["Name", "Ticket", "Cabin", "PassengerId"], 1)

# %%
from sklearn.ensemble import RandomForestClassifier

rows = dataset[:len(train)]
rest = dataset[len(train):].drop("Survived", 1)
forest = RandomForestClassifier(n_estimators=50, max_features="auto", random_state=2)
forest.fit(rows.drop("Survived", 1), rows["Survived"].astype(int))
result = pd.concat([ids, pd.Series(forest.predict(rest), name="Survived")], axis=1)
result.to_csv("families.csv", index=False)
