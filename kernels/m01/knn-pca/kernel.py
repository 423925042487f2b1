# %% [markdown]
# # Nearest neighbours after PCA
#
# A handwritten digit is recognised by the training pictures that look most like it. Two questions:
#
# 1. The pictures have 64 pixels, many of them always white. How many numbers are enough?
# 2. How many neighbours should vote?
#
# Both are answered by cross-validation *inside the training file*, never by the test file.

# %%
import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

# %% [markdown]
# ## Settings
# Matrices this small are done before a second thread has started: with one thread the search below takes
# a sixth of the time.

# %% tags=["parameters"]
SEED = 7
COMPONENTS = [16, 32, 48]
NEIGHBOURS = [1, 3, 5]

# %%
threadpool_limits(1)

# %% [markdown]
# ## The files
# Every column but `id` and `label` is a pixel, 0 (white) … 16 (black).

# %%
train = pd.read_csv("../input/digits/train.csv")
test = pd.read_csv("../input/digits/test.csv")
pixels = [column for column in test.columns if column != "id"]
X, y = train[pixels] / 16, train["label"]
print(f"{len(train)} pictures to learn from, {len(test)} to name, {len(pixels)} pixels each")
print(y.value_counts().sort_index().to_dict())

# %% [markdown]
# ## What PCA keeps
# The components are ordered by how much of the pictures' variance they carry. If a few carry nearly
# all of it, the rest is mostly noise, and noise only makes distances less reliable.

# %%
share = PCA(random_state=SEED).fit(X).explained_variance_ratio_.cumsum()
for count in COMPONENTS:
    print(f"{count:>3} components carry {share[count - 1]:.1%} of the variance")

# %% [markdown]
# ## Choosing both numbers together
# PCA stands *in* the pipeline, so that each inner fold fits it anew on its own training part. Near
# neighbours count more than far ones (`weights="distance"`), which also breaks ties.

# %%
pipeline = make_pipeline(PCA(random_state=SEED), KNeighborsClassifier(weights="distance"))
search = GridSearchCV(
    pipeline,
    {"pca__n_components": COMPONENTS, "kneighborsclassifier__n_neighbors": NEIGHBOURS},
    cv=StratifiedKFold(5, shuffle=True, random_state=SEED),
)
search.fit(X, y)
table = pd.DataFrame(search.cv_results_).pivot_table(
    index="param_pca__n_components",
    columns="param_kneighborsclassifier__n_neighbors",
    values="mean_test_score",
)
print(table.round(4).to_string())
print(f"best: {search.best_params_}, inner accuracy {search.best_score_:.4f}")

# %% [markdown]
# ## The submission
# `GridSearchCV` has fitted the best pipeline again on all training rows.

# %%
submission = pd.DataFrame({"id": test["id"], "label": search.predict(test[pixels] / 16)})
submission.to_csv("submission.csv", index=False)
print(np.bincount(submission["label"], minlength=10))
