"""The stage of a kernel: DVC's outputs are written, the committed result is not, and the pool counts as read."""

import shutil
from pathlib import Path

import pytest

from pipelines.notebooks import kernel_run
from pipelines.notebooks.kernel_run import Options
from pipelines.plumbing import paths
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.sandbox import isolate
from pipelines.sandbox.task import Isolation
from pipelines.stages.kernel import kernel
from pipelines.stages.preprocess import preprocess
from pipelines.tracking import records
from pipelines.values.predictions import Predictions
from tests.conftest import Workshop
from tests.notebooks.test_kernel_run import HONEST, RULE, needs_isolation, write


@pytest.fixture
def pooled(workshop: Workshop, empty_store: Path) -> Workshop:
    paths.mlruns().mkdir()
    shutil.copyfile(empty_store, paths.mlruns() / "mlflow.db")
    (workshop.root / "curriculum.yaml").write_text("weeks: []\n", encoding="utf-8")
    workshop.write_params(kernels=["m01/good", "m01/rule"])
    preprocess("tiny")
    write("m01/good", HONEST)
    write("m01/rule", RULE)
    return workshop


@needs_isolation
def test_predictions_and_record_are_written_and_no_result(pooled: Workshop) -> None:
    kernel("tiny", "m01/good")
    record = records.read(paths.score("tiny", "m01/good"))
    assert record.cv_mean is not None
    assert Predictions.load(paths.predictions("tiny", "m01/good")).name == "kernels/m01/good"
    assert not (paths.kernel("m01/good") / "result.json").exists()


@needs_isolation
@pytest.mark.slow
def test_who_knows_the_answers_is_not_pooled(pooled: Workshop) -> None:
    with pytest.raises(MemberFailed, match="learn from the training targets"):
        kernel("tiny", "m01/rule")
    assert not paths.predictions("tiny", "m01/rule").exists()


def test_where_nothing_isolates_only_the_stage_takes_the_pool_for_read(
    pooled: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    bare = Isolation("none", True, ("nothing here can isolate a process",))
    monkeypatch.setattr(isolate, "detect", lambda has_network: bare)
    ours = kernel_run.kernels.load("m01/good")
    with pytest.raises(UserError, match="--trust"):
        kernel_run.prepare(ours, None, Options())
    assert kernel_run.prepare(ours, None, Options(as_stage=True)).isolation is bare
    assert kernel_run.prepare(ours, None, Options(trust=True)).isolation is bare
    monkeypatch.setenv("CI", "true")
    with pytest.raises(UserError):
        kernel_run.prepare(ours, None, Options(as_stage=True, trust=True))
