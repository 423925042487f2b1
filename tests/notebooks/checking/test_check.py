"""The self-check: every step where it passes and where it fails, in both languages."""

import ast
import re
from dataclasses import replace
from datetime import date
from importlib.resources import files
from io import BytesIO
from typing import Any

import pytest
from babel.messages.pofile import read_po
from nbformat import v4

from pipelines.cells import conversion
from pipelines.notebooks.checking import probe, secrets
from pipelines.notebooks.checking.check import CheckInput, Verdict, judge
from pipelines.plumbing.pages import Say
from pipelines.plumbing.secrets import KINDS
from pipelines.tracking.curriculum import Check, Week
from pipelines.tracking.kernel_facts import ViewFacts
from pipelines.values import metrics
from pipelines.values.kernel import NOTES, Kernel, KernelFile

CODE = """# %% [markdown]
# # Titanic, a first look
# After *Women and children first* by someone-else (Apache-2.0)

# %%
x = 1

# %%
print(x)
"""
SOURCE = {
    "platform": "kaggle", "author": "someone-else", "title": "Women and children first", "licence": "Apache-2.0",
}  # fmt: skip
NOTED = "".join(f"## {heading}\nsomething\n\n" for heading in NOTES)
WEEK_STEPS: dict[str, Any] = {
    "train_data": {"name": "train_ds", "shape": [784], "dtype": "float32", "range": [0, 1], "batch": 128},
    "test_data": {"name": "test_ds"},
    "model": {"name": "model", "params": 409098, "trainable": 408074,
              "layers": ["Dense 512", "BatchNormalization", "ReLU", "Dense 10"]},
    "compile": {"optimizer": "adam", "learning_rate": 0.01, "loss": "SparseCategoricalCrossentropy",
                "metrics": ["accuracy"]},
    "fitted": {"minimum": {"accuracy": 0.85}},
    "test_score": {"minimum": {"accuracy": 0.85}, "maximum": {"loss": 1}},
}  # fmt: skip
DATA = {"shape": [784], "dtype": "float32", "batch": 128, "minimum": 0.0, "maximum": 1.0}
MODEL = {
    "params": 409098, "trainable": 408074,
    "layers": ["Dense 512", "BatchNormalization", "ReLU", "Dense 10", "Softmax"],
    "optimizer": "Adam", "learning_rate": 0.009999999776482582, "losses": ["sparse_categorical_crossentropy"],
    "metrics": ["acc"], "history": {"loss": [0.6, 0.3], "acc": [0.8, 0.97]},
}  # fmt: skip
PROBE = {
    "figures": {}, "histories": {}, "train_data": DATA, "test_data": DATA, "model": MODEL,
    "test_score": {"scores": {"loss": 0.8617, "sparse_categorical_accuracy": 0.8783}},
}  # fmt: skip
BUILT_IN = ["header", "secrets", "runs", "submission", "beats_sample", "learns"]


def kernel(code: str = CODE, **changes: Any) -> Kernel:
    content = {"competition": "titanic", "source": SOURCE} | changes
    if content.get("kind") == "study":
        del content["competition"]
    return Kernel("m01/first", KernelFile.model_validate(content), code)


def executed(*outputs: list[Any], code: str = CODE) -> Any:
    """The notebook as it looks after a clean run, with these outputs of its code cells."""
    notebook = conversion.from_percent(code)
    for number, cell in enumerate(conversion.code_cells(notebook), 1):
        cell.execution_count = number
        cell.outputs = outputs[number - 1] if number <= len(outputs) else []
    return notebook


def printed(text: str) -> list[Any]:
    return [v4.new_output("stream", name="stdout", text=text)]


def view(name: str, score: float | None = None, reason: str | None = None) -> ViewFacts:
    return ViewFacts(
        view=name, status="failed" if reason else "valid", score=score, seconds=1.0, reason=reason
    )


def week(**steps: Any) -> Week:
    return Week(week=2, date=date(2026, 12, 5), topic="t", check=Check.model_validate(steps))


def facts(**changes: Any) -> CheckInput:
    """An honest kernel that passes everything, with changes; `probe` is what the probe printed."""
    good = CheckInput(
        kernel(), executed(), [view("fold0", 0.8), view("shuffled", 0.63)], "fold0", metric=metrics.get("accuracy"),
        constant=0.61, probe=probe.read(PROBE), notes=NOTED, language="en",
    )  # fmt: skip
    if "probe" in changes:
        changes["probe"] = probe.read(changes["probe"])
    return replace(good, **changes)


def passed(verdict: Verdict) -> bool:
    return all(step.passed for step in verdict.steps)


def failed(verdict: Verdict) -> tuple[str, str]:
    """Name and sentence of the failed step, which must be the last."""
    assert not passed(verdict)
    assert [step.passed for step in verdict.steps[:-1]] == [True] * (len(verdict.steps) - 1)
    return verdict.steps[-1].name, verdict.steps[-1].sentence


def test_an_honest_kernel_passes_every_step() -> None:
    verdict = judge(facts(week=week(**WEEK_STEPS)))
    assert [step.name for step in verdict.steps] == [*BUILT_IN, *WEEK_STEPS]
    assert passed(verdict)
    assert verdict.advice == []
    said = " ".join(step.sentence for step in verdict.steps)
    for words in (
        "Apache-2.0",
        "All 2 code cells",
        "0.8000",
        "0.6300",
        "409,098",
        "2 epochs",
        "0.9700",
        "0.8783",
    ):
        assert words in said


def test_a_study_kernel_has_the_first_three_steps_and_the_weeks() -> None:
    study = facts(kernel=kernel(kind="study"), views=[view("study")], view="study", metric=None)
    assert [step.name for step in judge(study).steps] == BUILT_IN[:3]
    fitted = {"model": {"name": "model"}, "fitted": {}}
    assert [step.name for step in judge(replace(study, week=week(**fitted))).steps] == [
        *BUILT_IN[:3], "model", "fitted",
    ]  # fmt: skip


def test_a_competition_without_views_compares_no_scores() -> None:
    verdict = judge(facts(has_views=False, views=[view("real")], view="real"))
    assert [step.name for step in verdict.steps] == BUILT_IN[:4]
    assert passed(verdict)


def test_all_sentences_are_korean_too() -> None:
    korean = judge(facts(language="ko", week=week(**WEEK_STEPS)))
    assert passed(korean)
    assert all(re.search("[가-힣]", step.sentence) for step in korean.steps)
    name, sentence = failed(judge(facts(language="ko", knows_the_answers=True)))
    assert (name, "배울 것이 없는데도" in sentence) == ("learns", True)


# Header


@pytest.mark.parametrize(
    ("code", "source", "words"),
    [
        ("# %%\nx = 1\n", SOURCE, "holds a title"),
        ("# %% [markdown]\n# by someone-else\n\n# %%\nx = 1\n", SOURCE, "holds a title"),
        ("# %%\nx = 1\n\n# %% [markdown]\n# # Title by someone-else\n", SOURCE, "holds a title"),
        ("# %% [markdown]\n# # Title\n\n# %%\nx = 1\n", SOURCE, "whose work this is"),
        ("# %% [markdown]\n# # unknown\n\n# %%\nx = 1\n", SOURCE | {"author": "unknown"}, "whose work"),
    ],
)  # fmt: skip
def test_a_header_that_lacks_something(code: str, source: dict[str, str], words: str) -> None:
    name, sentence = failed(judge(facts(kernel=kernel(code, source=source))))
    assert name == "header"
    assert words in sentence


@pytest.mark.parametrize(
    ("header", "source", "words"),
    [
        ("# # Title\n# 원작: SomeOne-Else", SOURCE, "Apache-2.0"),
        ("# Title\n# ===\n# women and CHILDREN first", SOURCE, "Apache-2.0"),
        ("# # Title", {"platform": "own"}, "own work"),
        ("# # Title\n# by someone-else", SOURCE | {"licence": "unknown"}, "licence of the original is not known"),
    ],
)  # fmt: skip
def test_a_header_that_is_complete(header: str, source: dict[str, str], words: str) -> None:
    code = f"# %% [markdown]\n{header}\n\n# %% [markdown]\n# more\n\n# %%\nx = 1\n"
    step = judge(facts(kernel=kernel(code, source=source))).steps[0]
    assert step.passed, step.sentence
    assert words in step.sentence


# Secrets. None of these is one.

SECRETS = [
    ("token = 'KGAT_" + "0a1b2c3d" * 4 + "'", "Kaggle"),
    ('{"username": "m01", "key": "' + "0a1b2c3d" * 4 + '"}', "Kaggle"),
    ("os.environ['KAGGLE_KEY'] = '" + "0a1b2c3d" * 4 + "'", "access token"),
    ("# !export KAGGLE_KEY=" + "0a1b2c3d" * 4, "access token"),
    ("# %env API_TOKEN=" + "0a1b2c3d" * 4, "access token"),
    ("AKIA" + "2B4C6D8E" * 2, "AWS"),
    ("aws_secret_access_key = 'aB3/" + "x9Y/" * 9 + "'", "access token"),
    ("-----BEGIN " + "RSA PRIVATE KEY-----", "private key"),
    ("login(password='sesame-open')", "password"),
    ("DB_PASSWORD: str = 'sesame'", "password"),
    ("url = 'postgres://m01:" + "sesame@localhost/db'", "password"),
    ("gh" + "p_" + "0aB1" * 9, "access token"),
    ("Authorization: Bearer " + "abc1.def2.ghi3-jkl4", "access token"),
]
HARMLESS = [
    "pad_token = '[PAD]'", "token = 'startsequence'", "tokenizer = BertTokenizer('bert-base-uncased')",
    "password = getpass()", "password = 'your-password'", "key = 'SalePrice_2ndFlr_2020'", "key = user['key']",
    "api_key = os.environ['API_KEY']", "df = df.sort_values(key='GrLivArea2')", "sha = '" + "0a1b2c3d" * 8 + "'",
    "columns = ['password', 'username']", "secret = user_secrets.get_secret('wandb_api_key')",
    "path_key = '/kaggle/input/titanic2020/train.csv'", "html = 'https://example.org/a:b@c'",
    "from sklearn.sk_learn import x  # the sk-learn-style-of-estimators", "token = 'AKIAIOSFODNN7EXAMPLE'",
]  # fmt: skip


@pytest.mark.parametrize(("line", "kind"), SECRETS)
def test_a_secret_is_found_and_never_shown(line: str, kind: str) -> None:
    value = max(re.findall(r"[\w/.-]+", line), key=len)
    in_source = facts(kernel=kernel(CODE + f"\n# %%\n{line}\n"))
    in_output = facts(notebook=executed([], printed(f"ok\n{line}\n")))
    in_notes = facts(notes=NOTED + line)
    for given, place in (
        (in_source, "line 12 of kernel.py"),
        (in_output, "code cell 2"),
        (in_notes, "notes.md"),
    ):
        name, sentence = failed(judge(given))
        assert name == "secrets"
        assert place in sentence
        assert kind in sentence
        assert value not in sentence


@pytest.mark.parametrize("line", HARMLESS)
def test_what_only_looks_like_a_secret_passes(line: str) -> None:
    assert secrets.search(line, executed(printed(line)), line) == []


def test_secrets_in_every_kind_of_output() -> None:
    text = "AKIA" + "2B4C6D8E" * 2
    shown = v4.new_output("display_data", {"text/html": f"<b>{text}</b>"})
    error = v4.new_output("error", ename="E", evalue="", traceback=["\x1b[31m" + text])
    result = v4.new_output("execute_result", {"text/plain": text})
    picture = v4.new_output("display_data", {"image/png": text})
    message = v4.new_output("error", ename="E", evalue=text, traceback=[])
    for outputs, number in (
        ([shown], 1),
        ([error], 1),
        ([message], 1),
        ([result], 1),
        ([picture], 0),
    ):
        assert len(secrets.search("", executed(outputs), None)) == number


def test_a_value_of_the_environment_is_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDY_TOKEN", "open the door")
    assert [found.kind for found in secrets.search("x = 'open the door'", None, None)] == [
        "a value of this machine's environment"
    ]


def test_a_printed_megabyte_is_searched_once() -> None:
    assert (
        secrets.search("", executed(printed("a1" * 500_000 + "\n" + "token=" * 100_000)), None)
        == []
    )


# Whether it runs


def test_a_notebook_that_was_not_executed_fails_with_its_reason() -> None:
    reason = "the notebook's process died (killed for memory)"
    name, sentence = failed(judge(facts(notebook=None, views=[view("fold0", reason=reason)])))
    assert name == "runs"
    assert reason in sentence
    name, sentence = failed(judge(facts(notebook=None, views=[])))
    assert (name, "`pilsa kernel run m01/first`" in sentence) == ("runs", True)


def with_counts(*counts: int | None) -> Any:
    notebook = executed()
    for cell, count in zip(conversion.code_cells(notebook), counts, strict=True):
        cell.execution_count = count
    return notebook


@pytest.mark.parametrize(
    ("notebook", "words"),
    [
        (executed([], [v4.new_output("error", ename="NameError", evalue="x", traceback=[])]), "cell 2 ended with NameError"),
        (with_counts(1, None), "cell 2 did not run. it took more than 60 s"),
        (with_counts(2, 1), "cell 2 ran before the one above"),
        (with_counts(1, 1), "cell 2 ran before the one above"),
        (v4.new_notebook(cells=[v4.new_markdown_cell("a")]), "no code cell"),
    ],
)  # fmt: skip
def test_a_run_that_is_not_clean(notebook: Any, words: str) -> None:
    views = [view("fold0", reason="it took more than 60 s")]
    name, sentence = failed(judge(facts(notebook=notebook, views=views)))
    assert name == "runs"
    assert words in sentence


@pytest.mark.parametrize("answer", [None, {}])
def test_a_process_that_died_in_its_last_cell_did_not_run_clean(
    answer: dict[str, Any] | None,
) -> None:
    views = [view("fold0", reason="the process died")]
    assert failed(judge(facts(probe=answer, views=views, view=None)))[0] == "runs"
    name, sentence = failed(judge(facts(probe=answer, views=views)))
    assert (name, "the process died" in sentence) == ("runs", True)


def test_a_submission_that_does_not_fit_is_no_process_that_died() -> None:
    views = [view("fold0", reason="a.csv has 3 rows"), view("shuffled", 0.63)]
    name, sentence = failed(judge(facts(views=views)))
    assert (name, "3 rows" in sentence) == ("submission", True)


def test_a_run_elsewhere_is_read_from_its_notebook_alone() -> None:
    imported = facts(views=[view("real")], view="real", probe=None, has_views=False)
    assert passed(judge(imported))


def test_only_the_view_of_the_notebook_says_whether_it_ran() -> None:
    views = [view("fold0", reason="the process died"), view("real")]
    for own, runs in (("real", True), ("fold0", False)):
        steps = {step.name: step.passed for step in judge(facts(views=views, view=own, probe=None)).steps}  # fmt: skip
        assert steps["runs"] is runs


# What it hands in


def test_a_submission_that_does_not_fit() -> None:
    views = [view("fold0", 0.8), view("fold1", reason="no CSV fits the sample")]
    name, sentence = failed(judge(facts(views=views)))
    assert name == "submission"
    assert "on view fold1 there is none: no CSV fits the sample" in sentence
    for only in ([], [view("shuffled", 0.6)]):
        name, sentence = failed(judge(facts(views=only)))
        assert (name, "no view was run" in sentence) == ("submission", True)


def test_a_kernel_that_runs_on_the_real_files_alone_has_a_submission_and_no_score() -> None:
    views = [view("fold0", reason="it names a row count"), view("real")]
    name, sentence = failed(judge(facts(views=views, view="real")))
    assert name == "beats_sample"
    assert "it names a row count" in sentence


@pytest.mark.parametrize(
    ("metric", "score", "constant", "passes"),
    [
        ("accuracy", 0.61, 0.61, True),
        ("accuracy", 0.60, 0.61, False),
        ("rmse", 0.5, 0.6, True),
        ("rmse", 0.7, 0.6, False),
        ("accuracy", None, 0.61, False),
        ("accuracy", 0.8, None, False),
        (None, 0.8, 0.61, False),
    ],
)
def test_a_score_is_not_worse_than_the_constant_submissions(
    metric: str | None, score: float | None, constant: float | None, passes: bool
) -> None:
    given = facts(
        metric=metric and metrics.get(metric), constant=constant,
        views=[view("fold0", score), view("shuffled", 0.6)], knows_the_answers=False,
    )  # fmt: skip
    found = {step.name: step.passed for step in judge(given).steps}
    assert found["beats_sample"] is passes
    assert ("learns" in found) is passes


@pytest.mark.parametrize("knows", [True, False])
def test_a_kernel_that_knows_the_answers_has_not_learnt_them(knows: bool) -> None:
    verdict = judge(facts(knows_the_answers=knows))
    assert verdict.steps[-1].name == "learns"
    assert passed(verdict) is not knows


def test_a_shuffled_view_that_is_missing_or_failed_fails_closed() -> None:
    for views, words in (
        ([view("fold0", 0.8)], "it was not run"),
        ([view("fold0", 0.8), view("shuffled", reason="out of memory")], "out of memory"),
    ):
        name, sentence = failed(judge(facts(views=views)))
        assert (name, words in sentence) == ("learns", True)
    without_score = [view("fold0", 0.8), view("shuffled")]
    assert failed(judge(facts(views=without_score)))[0] == "learns"


@pytest.mark.parametrize("score", [0.61, 0.63])
def test_a_kernel_that_is_no_better_with_true_targets_learns_nothing(score: float) -> None:
    name, sentence = failed(judge(facts(views=[view("fold0", score), view("shuffled", 0.63)])))
    assert (name, f"{score:.4f}" in sentence) == ("learns", True)


# The week's own steps


def test_a_week_that_the_curriculum_does_not_have_is_no_way_around_its_steps() -> None:
    name, sentence = failed(judge(facts(kernel=kernel(week=99))))
    assert (name, "week 99" in sentence) == ("week", True)
    assert passed(judge(facts(kernel=kernel(week=2), week=week())))


@pytest.mark.parametrize("answer", [None, {}, {"detail": "boom"}, {"model": "x"}])
def test_without_an_answer_the_weeks_first_step_fails(answer: dict[str, Any] | None) -> None:
    name, sentence = failed(judge(facts(week=week(**WEEK_STEPS), probe=answer)))
    assert name == "train_data"
    assert "did not answer" in sentence


CHANGES = [
    ("train_data", {"shape": [28, 28]}, "shape [784], found [28, 28]"),
    ("train_data", {"dtype": "uint8"}, "float32, found uint8"),
    ("train_data", {"maximum": 255.0}, "between 0 and 1, found 0 to 255"),
    ("train_data", {"minimum": -1.0}, "between 0 and 1, found -1 to 1"),
    ("train_data", {"minimum": None}, "found – to 1"),
    ("train_data", {"batch": 32}, "batches of 128, found 32"),
    ("train_data", {"batch": None}, "found no batches"),
    ("train_data", {"problem": "missing"}, "a variable train_ds, and it is not there"),
    ("test_data", {"problem": "failed", "detail": "ValueError: bad"}, "ValueError: bad"),
    ("model", {"problem": "no model", "detail": "int"}, "must be a Keras model, found int"),
    ("model", {"params": 407050}, "409,098 parameters, found 407,050"),
    ("model", {"trainable": 409098}, "408,074 must be trainable, found 409,098"),
    ("model", {"layers": ["Dense 512", "ReLU", "BatchNormalization", "Dense 10"]}, "Dense 512 → ReLU → Batch"),
    ("model", {"layers": ["Dense 512", "BatchNormalization", "ReLU", "Dense 10", "ReLU"]}, "Dense 10 → ReLU"),
    ("model", {"layers": []}, "found –"),
    ("compile", {"optimizer": None}, "must be compiled"),
    ("compile", {"optimizer": "SGD"}, "the optimiser must be adam, found SGD"),
    ("compile", {"learning_rate": 0.001}, "the learning rate must be 0.01, found 0.001"),
    ("compile", {"losses": ["mse"]}, "the loss must be SparseCategoricalCrossentropy, found mse"),
    ("compile", {"losses": []}, "found –"),
    ("compile", {"metrics": ["auc"]}, "the metrics must be accuracy, found auc"),
    ("fitted", {"history": {}}, "has no history"),
    ("fitted", {"history": {"loss": []}}, "has no history"),
    ("fitted", {"history": {"accuracy": [0.9, 0.7]}}, "accuracy must be at least 0.85, found 0.7000"),
    ("fitted", {"history": {"loss": [0.3]}}, "there must be a metric accuracy, found loss"),
    ("fitted", {"history": {"accuracy": [None]}}, "found NaN"),
    ("test_score", {"scores": {"loss": 0.5, "accuracy": 0.8}}, "accuracy must be at least 0.85, found 0.8000"),
    ("test_score", {"scores": {"loss": 1.5, "accuracy": 0.9}}, "loss must be at most 1, found 1.5000"),
    ("test_score", {"scores": {"loss": None, "accuracy": 0.9}}, "found NaN"),
    ("test_score", {"scores": {}}, "gave no score"),
    ("test_score", {"problem": "endless"}, "repeats for ever"),
]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(("step", "change", "words"), CHANGES)
def test_a_step_of_the_week_says_what_is_missing(
    step: str, change: dict[str, Any], words: str, language: str
) -> None:
    role = "model" if step in ("compile", "fitted") else step
    answer = PROBE | {role: PROBE[role] | change}
    name, sentence = failed(judge(facts(week=week(**WEEK_STEPS), probe=answer, language=language)))
    assert name == step
    if language == "en":
        assert words in sentence
    else:
        assert re.search("[가-힣]", sentence)


def test_a_score_that_equals_its_bound_keeps_it() -> None:
    answer = PROBE | {"test_score": {"scores": {"loss": 1.0, "accuracy": 0.85}}}
    assert passed(judge(facts(week=week(**WEEK_STEPS), probe=answer)))


def test_figures_that_are_claimed_and_not_there_are_advice() -> None:
    claiming = kernel(claims={"accuracy": {"printed": 0.9}, "loss": {"printed": 0.1}})
    answer = PROBE | {"figures": {"accuracy": 0.9}}
    verdict = judge(facts(kernel=claiming, probe=answer))
    assert passed(verdict)
    assert verdict.advice == [
        "kernel.yaml claims figures that the notebook does not leave as numbers: loss."
    ]
    assert judge(facts(kernel=claiming, probe=None)).advice == []  # it was not asked


def test_advice_fails_nothing_and_is_given_even_where_a_step_fails() -> None:
    verdict = judge(facts(notes=None))
    assert passed(verdict)
    assert "notes.md" in verdict.advice[0]
    assert judge(facts(notes=None, notebook=None)).advice == verdict.advice


def test_a_kernel_that_is_no_python_is_judged_without_a_crash() -> None:
    broken = "# %% [markdown]\n# # T by someone-else\n\n# %%\nprint 'x\n"
    name, _ = failed(judge(facts(kernel=kernel(broken), notebook=None)))
    assert name == "runs"


# The catalogue


def said() -> set[str]:
    """Every sentence of the code: arguments of say(…), and those chosen before it."""
    found = set(KINDS) | {"a value of this machine's environment"}
    for name in ("check", "week_steps", "advice", "leaks"):
        tree = ast.parse(
            files("pipelines.notebooks.checking").joinpath(f"{name}.py").read_text("utf-8")
        )
        for node in ast.walk(tree):
            is_call = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say"
            if is_call and isinstance(node.args[0], ast.Constant):
                found.add(node.args[0].value)
            elif isinstance(node, ast.Constant) and "must be at" in str(node.value):
                found.add(node.value)
    return found


def test_every_sentence_has_a_korean_one_with_the_same_values() -> None:
    text = files("pipelines.notebooks.checking").joinpath("ko.po").read_bytes()
    catalogue = {str(m.id): str(m.string) for m in read_po(BytesIO(text), locale="ko") if m.id}
    assert set(catalogue) == said()
    for english, korean in catalogue.items():
        assert re.search("[가-힣]", korean)
        assert sorted(re.findall(r"%\(\w+\)s", english)) == sorted(re.findall(r"%\(\w+\)s", korean))


def test_a_sentence_is_said_in_the_language_asked_for() -> None:
    assert Say("en")("line %(number)s of kernel.py", number=3) == "line 3 of kernel.py"
    assert (
        Say("ko", "pipelines.notebooks.checking")("line %(number)s of kernel.py", number=3)
        == "kernel.py 3번째 줄"
    )
