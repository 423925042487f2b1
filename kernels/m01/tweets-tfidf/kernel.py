# %% [markdown]
# # Words and pieces of words, weighed
#
# Is a tweet about a real disaster? "The sky is ablaze" may be a sunset. TF-IDF with a logistic regression
# is the model that every larger one has to beat. Three decisions are made here, each by numbers:
# what to clean, whether pieces of words help, and from which probability on a tweet counts as a disaster
# (the score is F1, and 0.5 is rarely the best threshold for it).

# %%
import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.sparse import hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold

# %% [markdown]
# ## Settings

# %% tags=["parameters"]
SEED = 3
FOLDS = 3
STRENGTH = 2.0
MOST_PIECES = 20000

# %%
train = pd.read_csv("../input/disaster-tweets/train.csv")
test = pd.read_csv("../input/disaster-tweets/test.csv")
print(train.shape, test.shape, f"{train['target'].mean():.1%} are about a disaster")

# %% [markdown]
# ## Cleaning
# Links differ in each tweet and say nothing but that there is one. `&amp;` is an artefact of the crawl.
# The keyword is written in front, marked so that it stays apart from the same word in the text.


# %%
def clean(table):
    text = table["text"].str.lower().str.replace(r"https?://\S+", " linkhere ", regex=True)
    text = text.str.replace("&amp;", "&", regex=False).str.replace(
        r"@\w+", " userhere ", regex=True
    )
    keyword = table["keyword"].fillna("none").map(lambda word: re.sub("%20| ", "", str(word)))
    return "key" + keyword + " " + text


texts, texts_test, y = clean(train), clean(test), train["target"].to_numpy()
print(texts.iloc[50])

# %% [markdown]
# ## Words, and pieces of words
# Words and pairs of words catch meaning; pieces of three to five letters catch `wildfire`, `wildfires`
# and `#wildfire2015` at once.


# %%
def vectorizers():
    return (
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
        TfidfVectorizer(
            analyzer="char_wb",
            ngram_range=(3, 5),
            min_df=3,
            max_features=MOST_PIECES,
            sublinear_tf=True,
        ),
    )


def fit_predict(fit_texts, fit_y, *others):
    """Probabilities of a disaster for each of `others`, from vocabulary and weights of `fit_texts`."""
    made = vectorizers()
    model = LogisticRegression(C=STRENGTH, solver="liblinear", random_state=SEED)
    model.fit(hstack([v.fit_transform(fit_texts) for v in made]).tocsr(), fit_y)
    return [
        model.predict_proba(hstack([v.transform(part) for v in made]).tocsr())[:, 1]
        for part in others
    ]


# %% [markdown]
# ## Out-of-fold probabilities
# The vocabulary is learned anew in each fold: a word that only the judged tweets have must not count.

# %%
oof = np.zeros(len(train))
for fit_rows, held_rows in StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(texts, y):
    [oof[held_rows]] = fit_predict(texts.iloc[fit_rows], y[fit_rows], texts.iloc[held_rows])

# %% [markdown]
# ## The threshold
# Chosen on the out-of-fold probabilities: not on the rows that the model was fitted on, and not on the test.

# %%
thresholds = np.linspace(0.25, 0.65, 41)
f1 = np.array([f1_score(y, oof >= threshold) for threshold in thresholds])
threshold = thresholds[f1.argmax()]
print(f"F1 at 0.50: {f1_score(y, oof >= 0.5):.4f}; at {threshold:.2f}: {f1.max():.4f}")
plt.plot(thresholds, f1)
plt.axvline(threshold, linestyle="--")
plt.xlabel("threshold")
plt.ylabel("F1, out of fold")
plt.show()

# %% [markdown]
# ## The submission

# %%
[probability] = fit_predict(texts, y, texts_test)
submission = pd.DataFrame({"id": test["id"], "target": (probability >= threshold).astype(int)})
submission.to_csv("submission_tfidf.csv", index=False)
print(f"{submission['target'].mean():.1%} of the test tweets count as disasters")
