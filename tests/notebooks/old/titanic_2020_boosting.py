# %%
import lightgbm as lgb
import pandas as pd
from sklearn.model_selection import train_test_split

train = pd.read_csv("../input/titanic/train.csv")
test = pd.read_csv("../input/titanic/test.csv")
columns = ["Pclass", "Age", "SibSp", "Parch", "Fare"]
for table in (train, test):
    table["Female"] = (table.Sex == "female").astype(int)
columns.append("Female")

# %%
X_a, X_b, y_a, y_b = train_test_split(train[columns], train["Survived"], test_size=0.2, random_state=42)
model = lgb.LGBMClassifier(n_estimators=60, learning_rate=0.1, num_leaves=15)
model.fit(X_a, y_a, eval_set=[(X_b, y_b)], early_stopping_rounds=10, verbose=20)

# %%
sample = pd.read_csv("../input/titanic/gender_submission.csv")
sample["Survived"] = model.predict(test[columns])
sample.to_csv("lgb_submission.csv", index=False)
