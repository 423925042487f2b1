# %%
import pandas as pd
from sklearn.ensemble import RandomForestClassifier

train = pd.read_csv("/kaggle/input/titanic/train.csv".replace("/kaggle", ".."))
test = pd.read_csv("/kaggle/input/titanic/test.csv".replace("/kaggle", ".."))
features = ["Pclass", "Sex", "SibSp", "Parch"]

# %%
X = pd.get_dummies(train[features])
model = RandomForestClassifier(n_estimators=50, max_depth=5, random_state=1).fit(X, train["Survived"])
answer = model.predict(pd.get_dummies(test[features]))
pd.DataFrame({"PassengerId": test.PassengerId, "Survived": answer}).to_csv("submission.csv", index=False)
