# %%
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

train = pd.read_csv("../input/train.csv")
test = pd.read_csv("../input/test.csv")
numbers, words = ["Age", "Fare", "SibSp", "Parch"], ["Sex", "Embarked", "Pclass"]

# %%
encoder = OneHotEncoder(
    handle_unknown="ignore",
    sparse=False,  # a plain array
)
encoder.fit(train[["Sex", "Pclass"]])
print(encoder.get_feature_names())

# %%
prepare = ColumnTransformer([
    ("numbers", Pipeline([("fill", SimpleImputer(strategy="median")), ("scale", StandardScaler())]), numbers),
    ("words", Pipeline([("fill", SimpleImputer(strategy="most_frequent")), ("encode", OneHotEncoder(handle_unknown="ignore", sparse=False))]), words),
])
model = Pipeline([("prepare", prepare), ("fit", LogisticRegression(max_iter=500))])
folds = StratifiedKFold(n_splits=3, shuffle=True, random_state=0)
print(cross_val_score(model, train, train["Survived"], cv=folds).mean())

# %%
model.fit(train, train["Survived"])
test["Survived"] = model.predict(test)
test[["PassengerId", "Survived"]].to_csv("submission.csv", index=False)
