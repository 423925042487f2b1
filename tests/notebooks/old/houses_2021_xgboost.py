# %%
import pandas as pd
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split, KFold
from xgboost import XGBRegressor

train = pd.read_csv("../input/train.csv", index_col="Id")
test = pd.read_csv("../input/test.csv", index_col="Id")
numeric = [c for c in test.columns if train[c].dtype in ["int64", "float64"]]
y = pd.np.log(train["SalePrice"])

# %%
folds = KFold(n_splits=3, random_state=7)
X_a, X_b, y_a, y_b = train_test_split(train[numeric], y, random_state=0)
model = XGBRegressor(n_estimators=80, learning_rate=0.1)
model.fit(X_a, y_a, early_stopping_rounds=5, eval_set=[(X_b, y_b)], verbose=False)
print("RMSE", mean_squared_error(y_b, model.predict(X_b), squared=False))

# %%
out = pd.DataFrame({"Id": test.index, "SalePrice": pd.np.exp(model.predict(test[numeric]))})
out.to_csv("submission.csv", index=False)
