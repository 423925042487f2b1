# %%
import pandas as pd
import numpy as np
from sklearn.preprocessing import Imputer, LabelEncoder
from sklearn.ensemble import GradientBoostingRegressor

train = pd.read_csv("../input/train.csv")
test = pd.read_csv("../input/test.csv")

# %%
data = pd.concat([train.drop("SalePrice", axis=1), test], sort=False)
for c in data.columns:
    if data[c].dtype == "object":
        data[c] = LabelEncoder().fit_transform(data[c].fillna("None"))
data = Imputer().fit_transform(data)

# %%
model = GradientBoostingRegressor(n_estimators=60, loss="ls", random_state=0)
model.fit(data[:len(train)], np.log(train["SalePrice"]))
pd.DataFrame({"Id": test["Id"], "SalePrice": np.exp(model.predict(data[len(train):]))}).to_csv("sub.csv", index=False)
