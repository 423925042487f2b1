# %%
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
import seaborn as sns
from scipy.stats import skew
from sklearn.linear_model import LassoCV
plt.style.use("seaborn-whitegrid")

train = pd.read_csv("../input/train.csv")
test = pd.read_csv("../input/test.csv")
sns.distplot(train["SalePrice"])

# %%
corrmat = train.corr()
cols = corrmat.nlargest(5, "SalePrice")["SalePrice"].index
cm = np.corrcoef(train[cols].values.T)
sns.boxplot("OverallQual", "SalePrice", data=train)

# %%
all_data = pd.concat((train.loc[:, "MSSubClass":"YrSold"], test.loc[:, "MSSubClass":"YrSold"]))
numeric_feats = all_data.dtypes[all_data.dtypes != "object"].index
skewed = train[numeric_feats].apply(lambda x: skew(x.dropna()))
skewed = skewed[skewed > 0.75].index
all_data[skewed] = np.log1p(all_data[skewed])
all_data = pd.get_dummies(all_data)
all_data = all_data.fillna(all_data.mean())
X_train, X_test = all_data[:train.shape[0]], all_data[train.shape[0]:]
y = np.log1p(train.SalePrice)

# %%
model = LassoCV(alphas=[1, 0.1, 0.001, 0.0005], cv=3).fit(X_train, y)
solution = pd.DataFrame({"id": test.Id, "SalePrice": np.expm1(model.predict(X_test))})
solution = solution.rename(columns={"id": "Id"})[["Id", "SalePrice"]]
solution.to_csv("ridge_sol.csv", index=False)
