"""Old notebooks: every removal is found, explained and, where it is mechanical, rewritten so that it runs."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from pipelines.notebooks import environments, revival
from pipelines.old_apis import removed_api
from pipelines.old_apis.removed_api import removals
from pipelines.old_apis.rewriting import EDITS
from pipelines.plumbing.schema import read_yaml
from pipelines.sandbox.task import FailedCell
from pipelines.values.kernel import KernelFile, Source

OLD = sorted((Path(__file__).parent / "old").glob("*.py"))
RULES = read_yaml(Path(removed_api.__file__).with_name("removals.yaml"))
DF = 'import pandas as pd\ndf = pd.DataFrame({"a": [1.0, None], "s": ["x", "y"]})\n'
FIT = "X, y = [[0.0], [1.0]] * 10, [0, 1] * 10\n"
DRAW = 'import matplotlib\nmatplotlib.use("agg")\nimport matplotlib.pyplot as plt\n'
KERAS = (
    "from keras.models import Sequential\nfrom keras.layers import Dense, Input\nimport numpy as np\n"
    'm = Sequential([Input((3,)), Dense(2, activation="softmax")])\n'
    'm.compile("adam", "sparse_categorical_crossentropy")\nX, y = np.ones((4, 3)), np.zeros(4)\n'
)
BY_HAND = None
# Rule → a notebook that uses it, and a part of the fixed text; BY_HAND where a person must decide.
EXAMPLES = {
    "print": ('print "a %d" % 1, 2\n', 'print("a %d" % 1, 2)'),
    "except": ("try:\n    raise ValueError, 'no'\nexcept ValueError, e:\n    said = e\n", "ValueError as e"),
    "old-words": ("if 1 <> 2: n = 10L\n", "if 1 != 2: n = 10"),
    "old-builtins": ("for i in xrange(3): i\n", "range(3)"),
    "has-key": ('found = {"a": 1}.has_key("a")\n', '("a" in {"a": 1})'),
    "iteritems": (DF + "for k, v in df.iteritems(): k\n", "df.items()"),
    "cross-validation": ("from sklearn.cross_validation import train_test_split\n", "sklearn.model_selection import train"),
    "grid-search": ("from sklearn import grid_search\ngrid_search.GridSearchCV\n", "model_selection as grid_search"),
    "n-folds": ("from sklearn.model_selection import KFold\nKFold(9, n_folds=3)\n", BY_HAND),
    "random-state": (
        "from sklearn.model_selection import KFold\nKFold(n_splits=3, random_state=1)\n", "KFold(n_splits=3)",
    ),
    "externals": ("from sklearn.externals import joblib\njoblib.dump\n", "import joblib\n"),
    "imputer": ("from sklearn.preprocessing import Imputer\n", BY_HAND),
    "feature-names": (
        'from sklearn.feature_extraction.text import CountVectorizer\nv = CountVectorizer().fit(["one"])\n'
        "v.get_feature_names()\n", "v.get_feature_names_out()",
    ),
    "one-hot-sparse": (
        "from sklearn.preprocessing import OneHotEncoder\nOneHotEncoder(sparse=False)\n", "(sparse_output=False)",
    ),
    "base-estimator": (
        "from sklearn.ensemble import AdaBoostClassifier\nAdaBoostClassifier(base_estimator=None)\n", "(estimator=None)",
    ),
    "estimator-values": (
        "from sklearn.ensemble import RandomForestRegressor\n" + FIT
        + "RandomForestRegressor(n_estimators=2, max_features='auto', criterion='mse').fit(X, y)\n",
        'max_features=1.0, criterion="squared_error"',
    ),
    "normalize": ("from sklearn.linear_model import Ridge\nRidge(normalize=True)\n", BY_HAND),
    "squared": (
        "from sklearn.metrics import mean_squared_error\nassert mean_squared_error([0], [3], squared=False) == 3\n",
        "mean_squared_error([0], [3]) ** 0.5 == 3",
    ),
    "plot-functions": ("from sklearn.metrics import plot_confusion_matrix\n", BY_HAND),
    "load-boston": ("from sklearn.datasets import load_boston\n", BY_HAND),
    "append": (
        DF + "both = df.append(df, ignore_index=True)\nassert len(both) == 4\n",
        "pd.concat([df, df], ignore_index=True)",
    ),
    "ix": (DF + 'df.ix[0, "a"]\n', 'df.loc[0, "a"]'),
    "as-matrix": (DF + "df.as_matrix()\n", "df.to_numpy()"),
    "pd-np": (DF + "pd.np.nan\n", "import numpy as np; import pandas as pd"),
    "tools-plotting": ("import pandas.tools.plotting\n", "import pandas.plotting"),
    "scatter-matrix": ("import pandas as pd\npd.scatter_matrix\n", "pd.plotting.scatter_matrix"),
    "drop-axis": (DF + 'df.drop("a", 1)\n', 'df.drop("a", axis=1)'),
    "bad-lines": (
        'import io\nimport pandas as pd\npd.read_csv(io.StringIO("a\\n1\\n1,2"), error_bad_lines=False)\n', 'on_bad_lines="skip"',
    ),
    "fillna-method": (DF + 'df.fillna(method="pad")\n', "df.ffill()"),
    "chained-inplace": (
        DF + 'df["a"].fillna(0, inplace=True)\nassert df["a"].notna().all()\n', 'df["a"] = df["a"].fillna(0)',
    ),
    "chained-assignment": (
        DF + 'df["a"][df["a"].isnull()] = 0\nassert df["a"].notna().all()\n', 'df.loc[df["a"].isnull(), "a"] = 0',
    ),
    "object-dtype": (
        DF + 'assert list(df.dtypes[df.dtypes != "object"].index) == ["a"]\nassert df["s"].dtype == object\n',
        '~df.dtypes.map(pd.api.types.is_string_dtype)',
    ),
    "group-mean": (DF + 'df.groupby("a").mean()\n', 'df.groupby("a").mean(numeric_only=True)'),
    "corr": (DF + "df.corr()\n", "df.corr(numeric_only=True)"),
    "numpy-types": ("import numpy as np\nnp.int(3.0)\n", "\nint(3.0)"),
    "numpy-names": ("import numpy as np\nnp.NaN\nnp.product([1])\n", "np.prod([1])"),
    "seaborn-style": (DRAW + 'plt.style.use("seaborn-white")\n', '"seaborn-v0_8-white"'),
    "normed": (DRAW + "plt.hist([1, 2], normed=True)\n", "density=True"),
    "get-cmap": (DRAW + 'plt.cm.get_cmap("viridis")\n', 'plt.get_cmap("viridis")'),
    "factorplot": (
        DRAW + "import seaborn as sns\n" + DF + 'sns.factorplot(x="s", y="a", data=df)\n',
        'sns.catplot(x="s", y="a", data=df, kind="point")',
    ),
    "seaborn-size": (DRAW + "import seaborn as sns\n" + DF + 'sns.FacetGrid(df, size=2)\n', "height=2"),
    "seaborn-positional": (
        DRAW + "import seaborn as sns\n" + DF + 'sns.barplot("s", "a", data=df)\n', 'sns.barplot(x="s", y="a", data=df)',
    ),
    "boosting-fit": (
        "import xgboost as xgb\n" + FIT + "m = xgb.XGBClassifier(n_estimators=2)\n"
        'm.fit(X, y, eval_metric="auc", eval_set=[(X, y)], early_stopping_rounds=2)\n',
        'm.set_params(early_stopping_rounds=2, eval_metric="auc").fit(X, y, eval_set=[(X, y)])',
    ),
    "lightgbm-fit": (
        "import lightgbm as lgb\n" + FIT + "m = lgb.LGBMClassifier(n_estimators=2, verbose=-1)\n"
        "m.fit(X, y, eval_set=[(X, y)], early_stopping_rounds=2, verbose=False)\n",
        "m.fit(X, y, eval_set=[(X, y)], callbacks=[lgb.early_stopping(2)])",
    ),
    "np-utils": ("from keras.utils import np_utils\nnp_utils.to_categorical\n", "from keras import utils as np_utils"),
    "keras-layers": ("from keras.layers.core import Dense\n", "from keras.layers import Dense"),
    "keras-text": ("from keras.preprocessing.text import Tokenizer\n", "from tensorflow.keras.preprocessing.text"),
    "keras-images": (
        "from keras.preprocessing.image import ImageDataGenerator\n", "from tensorflow.keras.preprocessing.image import",
    ),
    "keras-wrappers": ("from keras.wrappers.scikit_learn import KerasClassifier\n", BY_HAND),
    "learning-rate": ("from keras.optimizers import Adam\nAdam(lr=0.1)\n", "Adam(learning_rate=0.1)"),
    "epochs": (KERAS + "m.fit(X, y, nb_epoch=1, verbose=0)\n", "m.fit(X, y, epochs=1, verbose=0)"),
    "fit-generator": (KERAS + "m.fit_generator(((X, y) for _ in [1]), steps_per_epoch=1, verbose=0)\n", "m.fit(((X, y) for"),
    "predict-classes": (KERAS + "m.predict_classes(X, verbose=0)\n", "m.predict(X, verbose=0).argmax(axis=-1)"),
    "graph-mode": ("import tensorflow as tf\ntf.placeholder\n", BY_HAND),
    "contrib": ("import tensorflow as tf\ntf.contrib\n", BY_HAND),
}  # fmt: skip
NETWORKS = {name for name, (code, _) in EXAMPLES.items() if "keras" in code or "tensorflow" in code}
RUNS = [name for name, (_, fixed) in EXAMPLES.items() if fixed is not None]


def file_of(**values: object) -> KernelFile:
    return KernelFile.model_validate({"kind": "study", "source": {"platform": "own"}, **values})


def test_every_removal_has_an_example() -> None:
    assert set(EXAMPLES) == set(RULES)
    assert {each.edit for each in removals() if each.edit} == set(EDITS)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_removal_is_found_and_nothing_else(name: str) -> None:
    code, fixed = EXAMPLES[name]
    found = revival.scan(code, {})
    assert {each.what for each in found} == {RULES[name]["what"]}
    assert {each.is_mechanical for each in found} == {fixed is not BY_HAND}
    sentence = str(found[0])
    assert f"line {found[0].line}" in sentence
    assert RULES[name]["since"] in sentence
    assert RULES[name]["replacement"] in sentence


@pytest.mark.parametrize("name", RUNS)
def test_the_fix_is_what_a_person_would_write(name: str) -> None:
    code, expected = EXAMPLES[name]
    fixed = revival.fix(code)
    assert expected is not None
    assert expected in fixed
    assert revival.scan(fixed, {}) == []
    assert revival.fix(fixed) == fixed


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in RUNS if name not in NETWORKS])
def test_the_old_text_fails_and_the_fixed_one_runs(name: str) -> None:
    code, _ = EXAMPLES[name]
    with pytest.raises(Exception):  # noqa: B017, PT011 (each library has its own)
        exec(compile(code, name, "exec"), {})
    exec(compile(revival.fix(code), name, "exec"), {})


@pytest.mark.slow
def test_the_fixed_networks_run() -> None:
    texts = [revival.fix(EXAMPLES[name][0]) for name in RUNS if name in NETWORKS]
    assert len(texts) > 5
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(texts)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(
    "name", [name for name, (_, fixed) in EXAMPLES.items() if fixed is BY_HAND]
)
def test_what_a_person_must_decide_is_left_alone(name: str) -> None:
    assert revival.fix(EXAMPLES[name][0]) == EXAMPLES[name][0]


def test_a_library_that_still_has_it_is_not_at_fault() -> None:
    code = DF + "df.append(df, ignore_index=True).ix\n"
    new, old = revival.scan(code, {"pandas": "2.0.0"}), revival.scan(code, {"pandas": "1.5.3"})
    assert [each.what for each in new] == ["`DataFrame.append`"]
    assert old == []
    assert revival.fix(DF + "x = df.append(df)\n", {"pandas": "1.5.3"}).endswith("df.append(df)\n")


HARMLESS = """# %%
import numpy as np, pandas as pd
import seaborn as sns
%matplotlib inline
rows = []
rows.append(3)
print("rows", rows)
print (1), 2
np.append([1], 2)
table = {"a": {}}
table["a"]["b"] = 1
df = pd.DataFrame({"a": [1]})
df.fillna(0, inplace=True)
df["a"].corr(df["a"])
df.drop("a", axis=1)
sns.countplot(df["a"])
np.int64(3)
class Range:
    ix = 1
def unicode(x): return x
unicode("a")
"""


def test_what_is_still_there_is_left_alone() -> None:
    assert revival.scan(HARMLESS, {}) == []
    assert revival.fix(HARMLESS) == HARMLESS


def test_a_fix_keeps_comments_places_and_hangul() -> None:
    code = (
        "# %%\nimport pandas as pd\n이름 = pd.read_csv('x')  # 자료\n"
        "모두 = 이름.append(\n    이름,  # 둘째\n    ignore_index=True)   # 합치기\n"
        "가 = '가나다'; 이름.drop('가', 1)  # 지우기\n"
    )
    assert revival.fix(code) == (
        "# %%\nimport pandas as pd\n이름 = pd.read_csv('x')  # 자료\n"
        "모두 = pd.concat([이름, 이름],  # 둘째\n    ignore_index=True)   # 합치기\n"
        "가 = '가나다'; 이름.drop('가', axis=1)  # 지우기\n"
    )


def test_calls_within_calls_are_all_fixed() -> None:
    code = DF + "x = df.append(df.append(df)).drop('a', 1)\n"
    assert revival.fix(code).endswith(
        "x = pd.concat([df, pd.concat([df, df])]).drop('a', axis=1)\n"
    )


STATEMENTS = [
    ("print", "print()"),
    ("print 'a', b,", "print('a', b, end=\" \")"),
    ("print >>log, 'a'", "print('a', file=log)"),
    ("print >>log", "print(file=log)"),
    ("if x: print 'a' # why", "if x: print('a') # why"),
    ("print ('a'), 'b'; y = 1", "print(('a'), 'b'); y = 1"),
    ("print('a')", "print('a')"),
    ("print 'a' % (\n    b)", "print('a' % (\n    b))"),
    ("raise E", "raise E"),
    ("raise E, 'why'", "raise E('why')"),
    ("raise E, 'why', trace", "raise E, 'why', trace"),
]


@pytest.mark.parametrize(("old", "new"), STATEMENTS)
def test_statements_of_python_2(old: str, new: str) -> None:
    broken = "print 'Python 2'\n"  # without it a cell that Python 3 reads is not touched
    assert revival.fix(f"{broken}{old}\n") == f"print('Python 2')\n{new}\n"


def test_two_moved_names_of_one_import_are_left_to_a_person() -> None:
    code = "from numpy import NaN, Inf\n"
    assert [each.is_mechanical for each in revival.scan(code, {})] == [False]
    assert revival.fix(code) == code


def test_one_broken_cell_hides_no_other() -> None:
    code = "# %%\nthis is ( no Python\n# %%\nimport numpy as np\nnp.int\n# %%\n%%bash\nprint it\n"
    assert [(each.line, each.library) for each in revival.scan(code, {})] == [(5, "numpy")]
    assert revival.fix(code) == code.replace("np.int", "int")


def test_the_difference_shows_the_lines() -> None:
    code = DF + "df.as_matrix()\n"
    shown = revival.difference(code, revival.fix(code))
    assert "-df.as_matrix()\n+df.to_numpy()\n" in shown
    assert revival.difference(code, code) == ""


def failed(source: str, error: str, message: str) -> FailedCell:
    return FailedCell(number=1, source=source, error=error, message=message)


def test_a_failed_cell_first_hears_of_as_of() -> None:
    cell = "both = df.append(df)\n"
    file = file_of(source={"platform": "own", "published": date(2020, 1, 1)})
    error = failed(cell, "AttributeError", "'DataFrame' object has no attribute 'append'")
    said = revival.explain(error, f"# %%\n{DF}\n# %%\n{cell}", {"pandas": "3.1.1"}, file)
    assert said[0].startswith(f"`as_of: {environments.FIRST_DAY}` in kernel.yaml")
    assert "`DataFrame.append` is gone from pandas since 2.0: write `pd.concat" in said[1]
    assert "--fix" in said[2]


def test_a_kernel_of_later_gets_the_last_day_that_has_it() -> None:
    found = revival.scan(DF + "x = df.append(df)\n", {})
    file = file_of(source={"platform": "own", "published": date(2024, 5, 1)})
    assert "`as_of: 2023-04-02`" in revival.offers(found, DF, file)[0]


def test_where_a_day_is_too_late_a_version_is_asked_for() -> None:
    code = "import tensorflow as tf\n" + DF + "x = df.append(df)\n"
    said = revival.offers(revival.scan(code, {}), code, file_of())
    assert '`as_of: 2023-09-19` and `requires: ["pandas<2.0"]`' in said[0]
    said = revival.offers(revival.scan(code, {}), code, file_of(as_of=date(2024, 1, 1)))
    assert said[0].startswith('`requires: ["pandas<2.0"]` in kernel.yaml')


def test_what_no_day_brings_back_is_said() -> None:
    cell = "from sklearn.cross_validation import KFold\n"
    error = failed(cell, "ModuleNotFoundError", "No module named 'sklearn.cross_validation'")
    said = revival.explain(error, cell, {"scikit-learn": "1.9.1"}, file_of())
    assert "No version that runs on Python 3.11 has `sklearn.cross_validation`" in said[0]
    assert "since 0.20: write `sklearn.model_selection` (there since 0.18)" in said[1]


def test_false_data_of_an_earlier_cell_is_named() -> None:
    code = f'# %%\n{DF}df["a"].fillna(0, inplace=True)\n# %%\nmodel.fit(df)\n'
    error = failed("model.fit(df)\n", "ValueError", "Input X contains NaN.")
    said = revival.explain(error, code, {"pandas": "3.1.1"}, file_of())
    assert "changes a copy" in said[1]
    other = failed("model.fit(df)\n", "KeyError", "'b'")
    assert revival.explain(other, code, {"pandas": "3.1.1"}, file_of()) == []


def test_what_the_exception_names_comes_first() -> None:
    cell = "import numpy as np\nboth = df.append(df)\nn = np.int(3)\n"
    error = failed(cell, "AttributeError", "module 'numpy' has no attribute 'int'")
    said = revival.explain(error, f"# %%\n{DF}\n# %%\n{cell}", {}, file_of())
    assert ["np.int" in sentence for sentence in said[1:3]] == [True, False]


def test_a_failure_that_has_nothing_to_do_with_age_is_left_alone() -> None:
    error = failed("1 / 0\n", "ZeroDivisionError", "division by zero")
    assert revival.explain(error, DF + "x = df.append(df)\n1 / 0\n", {}, file_of()) == []
    error = failed("open('x')\n", "FileNotFoundError", "No such file: 'x'")
    assert revival.explain(error, "open('x')\n", {}, file_of()) == []


MISSING = [
    ("seaborn", {}, ["extra `kernels`", "make setup", "requires: [seaborn]"]),
    ("catboost", {}, ["`requires: [catboost]`"]),
    ("cv2", {"requires": ["six"]}, ["`requires: [six, opencv-python-headless]`"]),
    ("my_own_file", {}, ["No known package", "another notebook"]),
    ("google.colab", {}, ["'google.colab'", "on Google Colab only", "../input"]),
    ("kaggle_secrets", {}, ["on Kaggle only", "leave out"]),
    ("kaggle_datasets", {"requires": ["six"]}, ["on Kaggle only", "../input"]),
    ("ipywidgets", {}, ["extra `kernels`", "requires: [ipywidgets]"]),
    ("sklearn.nowhere", {}, ["scikit-learn is there", "'sklearn.nowhere'"]),
]


@pytest.mark.parametrize(("module", "values", "parts"), MISSING)
def test_a_missing_module_names_what_brings_it(
    module: str, values: dict[str, object], parts: list[str]
) -> None:
    cell = f"import {module}\n"
    error = failed(cell, "ModuleNotFoundError", f"No module named '{module}'")
    (said,) = revival.explain(error, cell, {}, file_of(**values))
    assert all(part in said for part in parts), said


def test_what_an_exception_does_not_name_is_read_from_the_cell() -> None:
    cell = "from google.colab import drive\n"
    error = failed(cell, "ModuleNotFoundError", "No module named 'google'")
    (said,) = revival.explain(error, cell, {}, file_of())
    assert "on Google Colab only" in said
    error = failed("tqdm(range(3))", "ImportError", "IProgress not found. Please update jupyter")
    (said,) = revival.explain(
        error, "from tqdm.notebook import tqdm\ntqdm(range(3))", {}, file_of()
    )
    assert "requires: [ipywidgets]" in said


AGGREGATED = {
    "import pandas as pd\ndf = pd.read_csv('a.csv')\ndf.fillna(df.mean())\n": 3,
    "df.groupby('y', as_index=False).median()\nimport pandas\n": 1,
    "import pandas as pd\ngroups = df.groupby('y')\ngroups.std()\n": 3,
    "import pandas as pd\ndf.groupby('y')['a'].mean()\ndf['a'].mean()\nx.mean()\n": None,
    "import pandas as pd\ndf.groupby('y').mean(numeric_only=True)\n": None,
}


@pytest.mark.parametrize("code", AGGREGATED)
def test_a_mean_is_taken_over_text_only_of_a_whole_table(code: str) -> None:
    assert [each.line for each in revival.scan(code, {})] == [AGGREGATED[code]] * (
        AGGREGATED[code] is not None
    )


def test_what_runs_on_without_an_error_and_does_nothing_is_known() -> None:
    code = DF + 'df["a"][df["a"] > 1] = 0\ndf["a"].fillna(0, inplace=True)\ndf.append(df)\n'
    first, second = revival.changed_silently(code, {"pandas": "3.1.1"})
    assert first.startswith("line 3: ")
    assert second.startswith("line 4: ")
    assert "since pandas 3.0" in first
    assert revival.changed_silently(code, {"pandas": "2.3.0"}) == []
    assert revival.changed_silently(code, {}) == [], "nobody knows what it ran with"


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_an_old_notebook_is_fixed_to_something_readable(path: Path) -> None:
    code = path.read_text(encoding="utf-8")
    fixed = revival.fix(code)
    assert (fixed == code) is (path.stem == "titanic_2022_forest")
    assert fixed.count("\n") == code.count("\n")
    assert all(not each.is_mechanical for each in revival.scan(fixed, {}))


def test_the_source_of_a_notebook_may_be_unknown() -> None:
    assert Source(platform="own").published is None
    assert environments.propose_as_of(None) == environments.FIRST_DAY
