"""Whole runs in the real sandbox: views, OOF, marks, records, the run store, and what a rerun keeps."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.notebooks import kernel_run, run_record, views
from pipelines.notebooks.environments import Environment
from pipelines.notebooks.kernel_run import Options, Outcome
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.sandbox import isolate
from pipelines.sandbox.task import Isolation
from pipelines.stages.download import download
from pipelines.stages.preprocess import preprocess
from pipelines.tracking import mlflow_store, records
from pipelines.tracking.kernel_facts import KNOWS, UNSEEDED
from pipelines.values import kernel as kernels
from pipelines.values.predictions import Predictions
from tests.conftest import Workshop, tiny_tables

needs_isolation = pytest.mark.skipif(
    isolate.detect(False).kind == "none",
    reason="nothing can isolate a notebook on this machine (bubblewrap, user namespaces)",
)
pytestmark = needs_isolation

HEAD = "# %% [markdown]\n# # A kernel\n\n# %%\n"
READ = HEAD + (
    "import pandas as pd\n"
    "train, test = (pd.read_csv(f'../input/tiny/{name}.csv') for name in ('train', 'test'))\n"
    "pixels = test.columns[1:]\n\n# %%\n"
)
HONEST = READ + (
    "centres = train.groupby('label')[list(pixels)].mean()\n"
    "far = ((test[pixels].to_numpy()[:, None] - centres.to_numpy()) ** 2).sum(axis=2)\n"
    "pd.DataFrame({'id': test.id, 'label': centres.index[far.argmin(axis=1)]}).to_csv('mine.csv', index=False)\n"
)
# The brightest of the first three rows of pixels is the class: nothing is fitted.
RULE = READ + (
    "rows = test[pixels].to_numpy().reshape(len(test), 4, 4).sum(axis=2)[:, :3].argmax(axis=1)\n"
    "pd.DataFrame({'id': test.id, 'label': [f'c{row}' for row in rows]}).to_csv('rule.csv', index=False)\n"
)


def write(name: str, code: str, **settings: object) -> None:
    Workshop(paths.root()).write_kernel(name, code, **settings)


def logged(name: str) -> object:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{paths.mlruns() / 'mlflow.db'}")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    found = client.search_runs(experiments, f"tags.`mlflow.runName` = '{name}'")
    return found[0]


def run(name: str, wanted: str = "all", **options: object) -> Outcome:
    return kernel_run.run(name, Options(wanted=wanted, **options))  # type: ignore[arg-type]


def test_an_honest_kernel_gets_an_oof_a_score_and_a_logged_run(preprocessed: Workshop) -> None:
    write("m01/가까운-중심", HONEST)
    outcome = run("m01/가까운-중심")
    record, facts = outcome.record, outcome.record.kernel
    assert facts is not None
    assert record.status == "FINISHED"
    assert record.marks == []
    assert [view.view for view in facts.views] == ["fold0", "fold1", "fold2", "shuffled", "real"]
    assert {view.output for view in facts.views} == {"mine.csv"}
    assert record.cv_mean is not None
    assert record.cv_mean > 0.8
    assert facts.shuffled is not None
    assert facts.shuffled < 0.7
    predictions = outcome.result.predictions()
    assert (predictions.name, predictions.kind) == ("kernels/m01/가까운-중심", "label")
    assert np.isfinite(predictions.oof).all()
    # Fold by fold the same as the notebook's own arithmetic on these rows.
    train = pd.read_csv(paths.raw("tiny") / "train.csv")
    folds = pd.read_csv(paths.folds("tiny"))["fold"].to_numpy()
    pixels = train.columns[2:]
    centres = train[folds != 1].groupby("label")[list(pixels)].mean()
    rows = train[folds == 1]
    far = ((rows[pixels].to_numpy()[:, None] - centres.to_numpy()) ** 2).sum(axis=2)
    assert record.fold_scores[1] == np.mean(centres.index[far.argmin(axis=1)] == rows["label"])
    assert predictions.oof[folds == 1].argmax(axis=1).tolist() == far.argmin(axis=1).tolist()

    assert records.read(paths.kernel("m01/가까운-중심") / "result.json") == record
    assert Predictions.load(outcome.bundle / "predictions.npz").name == record.name
    assert (outcome.bundle / "executed.html").is_file()
    mirrored = logged("m01/가까운-중심")
    assert mirrored.info.status == "FINISHED"  # type: ignore[attr-defined]
    assert mirrored.data.metrics["cv_mean"] == record.cv_mean  # type: ignore[attr-defined]
    assert mirrored.data.metrics["shuffled"] == facts.shuffled  # type: ignore[attr-defined]


def test_a_rule_that_fits_nothing_knows_the_answers(preprocessed: Workshop) -> None:
    write("m01/rule", RULE)
    record = run("m01/rule", "check").record
    assert KNOWS in record.marks
    assert record.kernel is not None
    assert record.kernel.check[-1].name == "learns"
    assert not record.kernel.check[-1].passed


@pytest.mark.slow
def test_what_runs_on_the_real_files_alone_has_no_cv_and_says_why(preprocessed: Workshop) -> None:
    write("m01/fixed", HONEST.replace("pixels = ", "assert len(train) == 60, 'rows'\npixels = "))
    outcome = run("m01/fixed")
    assert outcome.record.status == "FINISHED"
    assert outcome.record.cv_mean is None
    assert outcome.record.test_from == "refit"
    (mark,) = outcome.record.marks
    assert mark.startswith("no CV: fold0: ")
    assert "AssertionError" in mark
    assert set(outcome.result.views) == {"fold0", "real"}  # the other folds were not tried


def test_a_failing_kernel_is_logged_as_failed_with_its_reason(preprocessed: Workshop) -> None:
    write("m01/bad", HEAD + "import not_a_module_of_anybody\n")
    outcome = run("m01/bad", "fold0")
    assert outcome.record.status == "FAILED"
    assert "not_a_module_of_anybody" in str(outcome.record.reason)
    assert any("requires" in hint for hint in outcome.hints)
    mirrored = logged("m01/bad")
    assert mirrored.info.status == "FAILED"  # type: ignore[attr-defined]
    assert "not_a_module_of_anybody" in mirrored.data.tags["reason"]  # type: ignore[attr-defined]


def test_a_rerun_keeps_what_is_finished_and_again_does_not(preprocessed: Workshop) -> None:
    # Right or constant, as the clock has it: 1.0 or 0.33.
    unsteady = "far *= __import__('time').time_ns() // 100 % 2\npd.DataFrame("
    write("m01/random", HONEST.replace("pd.DataFrame(", unsteady))
    first = run("m01/random", "fold0").record
    kept = run("m01/random", "fold0").record
    assert (kept.fold0, kept.seconds) == (first.fold0, first.seconds)
    assert kept.run_id != first.run_id  # a run of its own, of the same work
    record = first
    for _ in range(20):
        record = run("m01/random", "fold0", again=True).record
        if UNSEEDED in record.marks:
            break
    assert UNSEEDED in record.marks
    assert UNSEEDED in run("m01/random", "fold0").record.marks  # until the code changes


@pytest.mark.slow
def test_a_kernel_that_logs_to_mlflow_runs_in_a_store_of_its_own(preprocessed: Workshop) -> None:
    own = (
        "import mlflow\nmlflow.set_experiment('실험 1')\nwith mlflow.start_run(run_name='한글/이름'):\n"
        "    mlflow.log_param('depth', 3)\n    mlflow.log_metric('loss', float('nan'))\n"
        "    open('결과.txt', 'w').write('x')\n    mlflow.log_artifact('결과.txt')\n"
        "mlflow.start_run()\nmlflow.log_metric('open', 1)\n"
    )
    write("m01/logs", HONEST + "\n# %%\n" + own, time_limit=120)
    record = run("m01/logs", "fold0").record
    assert record.status == "FINISHED", record.reason
    assert "open" not in logged("m01/logs").data.metrics  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize(
    "what",
    ["nbconvert.HTMLExporter.from_notebook_node", "pipelines.cells.conversion.read_notebook"],
)
def test_a_page_that_cannot_be_made_costs_no_result(
    what: str, preprocessed: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise UserError("it must be small, and is not: clear its outputs")

    write("m01/shown", HONEST)
    monkeypatch.setattr(what, fails)
    outcome = run("m01/shown", "fold0")
    assert outcome.record.status == "FINISHED"
    assert outcome.record.fold0 is not None
    assert any("it must be small" in hint for hint in outcome.hints)
    assert (paths.kernel("m01/shown") / "result.json").is_file()
    if "nbconvert" in what:
        html = (outcome.bundle / "executed.html").read_text(encoding="utf-8")
        assert "it must be small" in html


@pytest.mark.slow
def test_killed_in_the_middle_of_cv_it_goes_on_with_the_next_fold(preprocessed: Workshop) -> None:
    slow = (
        "import time\nif __import__('os').path.getsize('../input/tiny/test.csv'): time.sleep(1)\n"
    )
    write("m01/slow", HONEST + "\n# %%\n" + slow)
    code = (
        "from pipelines.notebooks import kernel_run; from pipelines.notebooks.kernel_run import Options; "
        "kernel_run.run('m01/slow', Options(wanted='cv', jobs=1))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    started = subprocess.Popen([sys.executable, "-c", code], cwd=preprocessed.root, env=environment)
    deadline = time.monotonic() + 120
    finished: list[Path] = []
    while len(finished) < 2 and time.monotonic() < deadline and started.poll() is None:
        finished = sorted((paths.cache() / "work").glob("*/fold*/facts.json"))
        time.sleep(0.05)
    started.send_signal(signal.SIGKILL)
    started.wait()
    before = {path: path.stat().st_mtime_ns for path in finished}
    assert len(before) >= 2
    record = run("m01/slow", "cv").record
    assert record.status == "FINISHED"
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert mlflow_store.reap() == 0  # the killed run was closed by the next one


@pytest.mark.slow
def test_a_study_kernel_runs_without_a_competition(
    preprocessed: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = HEAD + "from pathlib import Path\nfigure = len(Path('../input/box/a.txt').read_text())\n"
    write(
        "m01/study",
        code,
        kind="study",
        competition=None,
        data=["box"],
        claims={"figure": {"printed": 5}},
    )
    monkeypatch.delenv("PILSA_DATA_DIR", raising=False)
    with pytest.raises(UserError, match="PILSA_DATA_DIR"):
        run("m01/study")
    (tmp_path / "shared" / "box").mkdir(parents=True)
    (tmp_path / "shared" / "box" / "a.txt").write_text("12345")
    monkeypatch.setenv("PILSA_DATA_DIR", str(tmp_path / "shared"))
    record = run("m01/study").record
    assert (record.kind, record.competition, record.metric) == ("study", "study", None)
    assert record.kernel is not None
    assert record.kernel.figures == {"figure": 5.0}
    assert logged("m01/study").data.metrics["figure/figure"] == 5.0  # type: ignore[attr-defined]


def test_notes_in_another_encoding_lose_no_run(preprocessed: Workshop) -> None:
    write("m01/noted", HONEST)
    (paths.kernel("m01/noted") / "notes.md").write_bytes("# 특징\n중심\n".encode("cp949"))
    assert run("m01/noted", "fold0").record.status == "FINISHED"


def test_quick_values_are_put_in_and_nothing_is_committed(preprocessed: Workshop) -> None:
    code = (
        '# %% [markdown]\n# # A kernel\n\n# %% tags=["parameters"]\n'
        "# %precision 4\nROWS, DEPTH = 60, 2\nSEED = 1\nODD = 1j\nFAR = 1e999\n\n"
        + HONEST.removeprefix(HEAD)
    )
    write("m01/quick", code + "assert ROWS == 3\n", quick={"ROWS": 3})
    outcome = run("m01/quick", "fold0", is_quick=True)
    assert outcome.record.status == "FINISHED", outcome.record.reason
    found = {name: outcome.record.parameters.get(name) for name in ("ROWS", "SEED", "ODD", "FAR")}
    assert found == {"ROWS": 3, "SEED": 1, "ODD": "1j", "FAR": "inf"}
    assert "quick" in outcome.record.marks
    assert not (paths.kernel("m01/quick") / "result.json").exists()


def test_a_poorer_run_of_the_same_kernel_does_not_take_the_committed_cv_away(
    preprocessed: Workshop,
) -> None:
    write("m01/kept", HONEST)
    first = run("m01/kept", "fold0").record
    assert first.kernel is not None
    kernel, path = kernels.load("m01/kept"), paths.kernel("m01/kept") / "result.json"
    whole = first.model_copy(update={"cv_mean": 0.9, "cv_std": 0.1, "cv_pooled": 0.9})
    assert run_record.keep(kernel, whole, first)
    for poorer in (first, first.model_copy(update={"status": "FAILED", "fold0": None})):
        assert not run_record.keep(kernel, poorer, whole)
        assert records.read(path) == whole
    newer = whole.model_copy(update={"run_id": "newer"})
    assert run_record.keep(kernel, newer, whole)
    assert records.read(path) == newer
    other = first.kernel.model_copy(update={"code_hash": "another"})
    assert run_record.keep(kernel, first.model_copy(update={"kernel": other}), whole)
    assert records.read(path).cv_mean is None


@pytest.mark.slow
def test_a_cv_stays_although_the_shuffled_view_fails(preprocessed: Workshop) -> None:
    # The centres of the true classes lie far apart, those of shuffled ones do not.
    code = (
        HONEST + "\n# %%\nassert centres.to_numpy().std(axis=0).max() > 3, 'classes lie together'\n"
    )
    write("m01/picky", code)
    record = run("m01/picky", "cv").record
    assert record.status == "FINISHED"
    assert record.cv_mean is not None
    assert len(record.marks) == 1
    assert record.marks[0].startswith("no shuffled view: ")


@pytest.mark.slow
def test_again_forgets_the_wanted_views_alone_and_a_higher_limit_none(
    preprocessed: Workshop,
) -> None:
    write("m01/steady", HONEST)
    run("m01/steady", "cv")
    folder = next((paths.cache() / "work").glob("*/fold1")).parent
    write("m01/steady", HONEST, time_limit=999, memory_gb=3)
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*/facts.json")}
    record = run("m01/steady", "fold0", again=True).record
    after = {path: path.stat().st_mtime_ns for path in before}
    assert {path.parent.name for path in before if after[path] != before[path]} == {"fold0"}
    assert record.cv_mean is not None


def test_a_wrong_wish_is_refused_before_anything_is_logged(preprocessed: Workshop) -> None:
    write("m01/steady", HONEST)
    with pytest.raises(UserError, match="views must be one of fold0, cv"):
        run("m01/steady", "fold9")
    assert not (paths.cache() / "runs").exists()


def test_answers_stand_in_the_order_of_the_dataset_whatever_that_of_the_sample(
    preprocessed: Workshop,
) -> None:
    train, test, sample, _ = tiny_tables()
    preprocessed.write_raw(train, test, sample.sample(frac=1, random_state=1))
    preprocess("tiny")
    write("m01/honest", HONEST)
    real = run("m01/honest", "real").result.views["real"]
    dataset = views.load("tiny").dataset
    handed_in = pd.read_csv(real.folder / "submission.csv", dtype=str).set_index("id")["label"]
    assert handed_in.index.tolist() != dataset.test_ids.tolist()
    assert real.matrix is not None
    answers = np.array(dataset.classes)[real.matrix.argmax(axis=1)]
    assert answers.tolist() == handed_in[dataset.test_ids].tolist()


@pytest.mark.slow
def test_only_what_decides_numbers_decides_which_views_are_kept(preprocessed: Workshop) -> None:
    code = '# %% tags=["parameters"]\nROWS = 60\n'
    write("m01/keyed", code, quick={"ROWS": 3})
    kernel, bare = kernels.load("m01/keyed"), Isolation("none", True)

    def key(packages: dict[str, str] | None = None, **options: object) -> str:
        environment = Environment(Path(sys.executable), packages or {}, is_own=False)
        given = Options(**options)  # type: ignore[arg-type]
        return kernel_run.prepared_of(kernel, None, bare, environment, given).work.name

    plain = key()
    for same in ({"wanted": "fold0"}, {"trust": True}, {"again": True}, {"jobs": 1}, {"as_stage": True}):  # fmt: skip
        assert key(**same) == plain
    others = {key({"numpy": "1"}), key(is_quick=True), key(has_network=True)}
    preprocessed.write_params(seed=8)
    others.add(key())
    write("m01/keyed", code + "# changed\n", quick={"ROWS": 3})
    kernel = kernels.load("m01/keyed")
    others.add(key())
    assert len(others | {plain}) == 6


def test_news_of_the_environment_stay_out_of_what_scripts_read(
    preprocessed: Workshop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write("m01/steady", HONEST)
    kernel, prepare = kernels.load("m01/steady"), kernel_run.environments.prepare

    def told(kernel: kernels.Kernel, on_event: Callable[[str], None]) -> object:
        on_event("installing")
        return prepare(kernel)

    monkeypatch.setattr(kernel_run.environments, "prepare", told)
    kernel_run.prepare(kernel, None, Options())
    assert capsys.readouterr() == ("", "installing\n")


LOOKUP = READ.replace("tiny", "wine") + (
    "from sklearn.datasets import load_wine\nknown = load_wine(as_frame=True).frame\n"
)


@pytest.mark.slow
def test_the_solution_that_comes_with_a_package_is_not_there(preprocessed: Workshop) -> None:
    preprocessed.write_competition(
        "wine", image=None, id_column="id", target="target", source={"platform": "bundled", "dataset": "wine"}
    )  # fmt: skip
    download("wine")
    preprocess("wine")
    write("m01/lookup", LOOKUP, competition="wine")
    record = run("m01/lookup", "fold0").record
    assert record.status == "FAILED"
    assert "wine_data.csv" in str(record.reason)


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        ("import os\nfor _ in range(1500):\n    os.mkdir('d'); os.chdir('d')\n", None),
        ("import os\nos.makedirs('a/b/c')\nfor name in ('a/b/c', 'a/b', 'a'):\n    os.chmod(name, 0)\n", None),
        ("open('z.csv', 'w').write(',' * 3_000_000 + chr(10))\n", None),
        ("import builtins\nbuiltins.print = lambda *_, **__: __import__('sys').stdout.write('{\"figures\": {\"x\": 1e999}}\\n')\n", None),
        ("import mlflow\nmlflow.log_metric('a', 1)\nimport sqlite3, os\n"
         "with sqlite3.connect(os.path.expanduser('~/mlruns/mlflow.db')) as db:\n"
         "    db.execute(\"update latest_metrics set key = '../x//y'\")\n", None),
        ("raise ValueError(chr(0xD800) + ' is half a pair')\n", "UnicodeEncodeError"),
    ],
    ids=["deep", "closed", "commas", "forged", "names", "surrogate"],
)  # fmt: skip
@pytest.mark.slow
def test_what_a_notebook_leaves_neither_stops_nor_breaks_a_run(
    preprocessed: Workshop, last: str, reason: str | None
) -> None:
    write("m01/odd", HONEST + "\n# %%\n" + last, time_limit=120, claims={"x": {"printed": 1}})
    for _ in range(2):  # and the next call works too
        record = run("m01/odd", "fold0", again=True).record
        assert record.status == ("FINISHED" if reason is None else "FAILED"), record.reason
        assert record.kernel is not None
        assert (
            record.kernel.figures == {}
        )  # none of what the notebook has printed in the probe's name
        assert reason is None or reason in str(record.reason)
