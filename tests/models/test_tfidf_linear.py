"""tfidf_linear: sparse to the end, odd texts, numbers beside sentences, every learner."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from features.ngrams import CharacterWeights
from features.text import normalised
from pipelines.models import Job
from pipelines.models.tfidf_linear import Params, TfidfLinear


def table(n: int = 60) -> tuple[pd.DataFrame, np.ndarray]:
    y = np.arange(n) % 2
    texts = [
        f"{'great' if label else 'awful'} film number {row} of all" for row, label in enumerate(y)
    ]
    return pd.DataFrame({"text": texts, "price": np.arange(n) * 1.0}), y


@pytest.mark.parametrize("learner", ["mean", "logistic", "ridge", "nb_ridge", "nb_svm"])
def test_every_learner_reads_the_word_that_tells(learner: str) -> None:
    X, y = table()
    model = TfidfLinear(Params(learner=learner), Job(2, True, 0))
    inputs = model.inputs()
    rows = inputs.fit_transform(X[:40], y[:40])
    assert sparse.issparse(rows)
    predicted = model.fit(rows, y[:40], None).predict(inputs.transform(X[40:]))
    assert (predicted.argmax(axis=1) == y[40:]).all()


def test_a_number_beside_the_text_is_learned_from() -> None:
    X, _ = table()
    X["text"] = [f"the same five words {'ab'[row % 2]} {row}" for row in range(len(X))]
    model, values = (
        TfidfLinear(Params(inverse_penalty=100), Job(1, False, 0)),
        X["price"].to_numpy(),
    )
    rows = model.inputs().fit_transform(X)
    predicted = model.fit(rows, values, None).predict(rows)[:, 0]
    assert np.corrcoef(predicted, values)[0, 1] > 0.99


@pytest.mark.parametrize("odd", ["", None, "😀😀 🔥", "가" * 100_000, "x y " * 25_000, "a\nb\tc"])
def test_odd_texts_are_predicted(odd: str | None) -> None:
    X, y = table()
    model = TfidfLinear(Params(), Job(2, True, 0))
    inputs = model.inputs()
    model.fit(inputs.fit_transform(X), y, None)
    row = pd.DataFrame({"text": [odd], "price": [1.0]}).astype({"text": object})
    assert np.isfinite(model.predict(inputs.transform(row))).all()


def test_runs_of_letters_are_those_of_scikit_learn() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = ["one film, two films", "a film of one", "둘 영화 하나", "영화 하나"]
    for across, analyzer in ((True, "char"), (False, "char_wb")):
        ours = CharacterWeights(2, 4, across=across).fit_transform(texts)
        theirs = TfidfVectorizer(analyzer=analyzer, ngram_range=(2, 4), min_df=2, sublinear_tf=True)
        padded = [f" {text} " for text in texts] if across else texts
        other = theirs.fit_transform(padded)
        np.testing.assert_allclose(
            (ours @ ours.T).toarray(), (other @ other.T).toarray(), atol=1e-5
        )


def test_what_reads_the_same_is_spelled_the_same() -> None:
    assert normalised("ㅋㅋㅋㅋㅋㅋ  See http://t.co/x &amp; GO") == "ㅋㅋㅋ see url & go"
