"""The lines that everybody writes first, TF-IDF and logistic regression of scikit-learn, on the group's folds.

PILSA_DATA_DIR holds the files, and `dvc repro` has made data/<competition>/; the figures of `tfidf_linear` are
those of `pilsa scores`.
"""

import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from pipelines.values import metrics
from pipelines.values.dataset import Dataset

WORDS = {"sublinear_tf": True}
LETTERS = {"analyzer": "char", "ngram_range": (1, 6), "min_df": 2, "dtype": np.float32}
LINES = {  # competition: column, metric, vectorizer, C
    "disaster-tweets": ("text", "f1_binary", WORDS, 1.0),
    "nsmc": ("document", "accuracy", LETTERS, 1.0),
}


def main() -> None:
    for name, (column, metric, how, strength) in LINES.items():
        folder = Path("data") / name
        if not (folder / "folds.csv").is_file():
            print(f"{name}: `pilsa use {name}`, then `make repro`, and it can be measured")
            continue
        data = Dataset.load(folder / "dataset")
        texts = data.X_train[column].fillna("").to_numpy(dtype=object)
        fold = pd.read_csv(folder / "folds.csv")["fold"].to_numpy()
        scores, started = [], time.perf_counter()
        for number in range(fold.max() + 1):
            train, valid = fold != number, fold == number
            line = make_pipeline(
                TfidfVectorizer(**how), LogisticRegression(C=strength, max_iter=300)
            )
            predicted = line.fit(texts[train], data.y[train]).predict_proba(texts[valid])
            scores.append(metrics.get(metric).score(data.y[valid], predicted, data.classes))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"{name}: {metric} {np.mean(scores):.4f} ± {np.std(scores):.4f} in "
              f"{time.perf_counter() - started:.0f} s, peak {peak:.1f} GB", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
