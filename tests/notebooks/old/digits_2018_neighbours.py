# %%
import pandas as pd
import matplotlib.pyplot as plt
from sklearn.externals import joblib
from sklearn.grid_search import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
plt.style.use('seaborn')
train = pd.read_csv("../input/train.csv")
test = pd.read_csv("../input/test.csv").as_matrix()
pixels = train.ix[:, 1:].values    # everything but the label
plt.hist(pixels.ravel(), normed=True)

# %%
search = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 3]}, cv=3)
search.fit(pixels, train["label"])
joblib.dump(search.best_estimator_, "knn.pkl")
pd.DataFrame({"ImageId": range(1, len(test) + 1), "Label": search.predict(test)}).to_csv("knn.csv", index=False)
