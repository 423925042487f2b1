"""A remote run against the practice server: one push, and the fits come back as if they were made here."""

import json
import os
import shutil
from pathlib import Path

import pytest
import yaml

from pipelines.plumbing import paths
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.remote import journal, quota, running
from pipelines.remote.journal import Entry
from pipelines.sandbox import isolate
from pipelines.stages.preprocess import preprocess
from pipelines.stages.train import train
from pipelines.stages.tune import tune
from pipelines.tracking import records
from tests.conftest import Workshop
from tests.practice.practice_server import ROOT, SLUG, Practice, practice

__all__ = ["practice"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("kaggle"), reason="the client `kaggle` is not installed"),
    pytest.mark.skipif(
        isolate.bubblewrap(False)[0] is None, reason="nothing here can isolate a process"
    ),
]


@pytest.fixture
def ready(preprocessed: Workshop, practice: Practice) -> Practice:
    """A tuned model, and a server to push it to."""
    tune("tiny", "knn")
    return practice


def pushes(practice: Practice) -> int:
    return practice.server.asked.count("SaveKernel")


def reference() -> str:
    (entry,) = journal.entries()
    return entry.reference


def test_the_fits_come_back_into_the_pool_and_say_where_they_ran(ready: Practice) -> None:
    train("tiny", "knn")
    here = paths.predictions("tiny", "knn").read_bytes()
    paths.score("tiny", "knn").unlink()
    (work,) = [path for path in paths.cache().glob("work/*") if list(path.glob("*.npz"))]
    shutil.rmtree(work)
    assert "came back" in running.run("knn")
    shutil.rmtree(paths.predictions("tiny", "knn").parent)
    assert "here already" in running.run("knn")
    train("tiny", "knn")
    assert paths.predictions("tiny", "knn").read_bytes() == here
    record = records.read(paths.score("tiny", "knn"))
    assert record.marks == ["ran on the practice server, CPU"]
    assert "accelerator" in record.environment
    assert "is trained already" in running.run("knn")
    assert pushes(ready) == 1
    (pushed,) = (ready.world.folder / "kernels").glob("*/*/v*/pushed.json")
    text = pushed.read_text()
    assert '"isPrivate": true' in text
    assert os.environ["KAGGLE_API_TOKEN"] not in text


def test_a_push_without_a_reply_is_found_and_not_repeated(ready: Practice) -> None:
    ready.fault("SaveKernel", lose_reply=True)
    ready.fault("GetKernelSessionStatus", status=503)  # looked at again
    ready.fault("GET", drop_after=10)
    try:
        running.run("knn")
    except UserError:  # of an output that was cut
        assert "came back" in running.run("knn")
    assert pushes(ready) == 1


def test_a_server_error_at_the_push_is_looked_into_first(
    ready: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready.fault("SaveKernel", status=500)
    monkeypatch.setattr(running, "_UNTIL_SHOWN", 0.5)
    with pytest.raises(UserError, match=r"must show .* after its push, and does not yet"):
        running.run("knn")
    (entry,) = journal.entries()
    assert entry.state == "pushing"
    running.run("knn")
    assert len(list((ready.world.folder / "kernels").glob("*/*/v*"))) == 1


def test_a_kill_after_the_push_is_found_by_the_journal_or_without_it(
    ready: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    for gone in (False, True):
        with monkeypatch.context() as patch:
            patch.setattr(running, "_watch", killed)
            with pytest.raises(KeyboardInterrupt):
                running.run("knn")
        if gone:
            journal.remove(reference())
    assert "came back" in running.run("knn")
    assert pushes(ready) == 1


def test_a_refused_push_leaves_nothing_and_another_s_notebook_stays(ready: Practice) -> None:
    ready.fault("SaveKernel", status=400, message="title is taken")
    with pytest.raises(UserError, match="nothing runs there"):
        running.run("knn")
    assert journal.entries() == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running.script, "write", lambda *_: "print('mine')\n")
        patch.setattr(running, "_UNTIL_SHOWN", 0.0)
        with pytest.raises(UserError, match="was not pushed by pilsa, or was edited"):
            running.run("knn")
    with pytest.raises(UserError, match="was not pushed by pilsa, or was edited"):
        running.run("knn")
    assert pushes(ready) == 2


def test_a_failed_run_is_pushed_again_only_when_asked(
    ready: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    bootstrap = "raise SystemExit('out of memory')\n"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", lambda self, **_: bootstrap if self.name == "bootstrap.py" else self.open().read())  # fmt: skip
        with pytest.raises(MemberFailed, match="out of memory"):
            running.run("knn")
    with pytest.raises(MemberFailed, match="add --again"):
        running.run("knn")
    assert pushes(ready) == 1
    assert "came back" in running.run("knn", again=True)
    assert pushes(ready) == 2


def test_files_of_the_competition_are_read_there(ready: Practice, workshop: Workshop) -> None:
    content = yaml.safe_load((ROOT / "competitions" / "wine.yaml").read_text())
    content["source"] = {"platform": "kaggle", "slug": SLUG}
    (workshop.root / "competitions" / "wine.yaml").write_text(yaml.safe_dump(content))
    paths.raw("wine").mkdir(parents=True)
    for name, path in ready.world.held[SLUG].files.items():
        shutil.copyfile(path, paths.raw("wine") / name)
    workshop.write_params(competition="wine", preprocess={"max_rows": 120})
    preprocess("wine")
    tune("wine", "knn")
    assert "came back" in running.run("knn")
    (pushed,) = (ready.world.folder / "kernels").glob("*/*/v*/pushed.json")
    assert json.loads(pushed.read_text())["competitionDataSources"] == [SLUG]


def test_no_hours_left_is_told_before_the_push(ready: Practice) -> None:
    assert quota.sentence("NvidiaTeslaT4", 3600) == (
        "left of this week: 30.0 h of GPU, 20.0 h of TPU; this run takes 1 h at most"
    )
    ready.server.kernels.hours["gpuQuota"] = 0.0
    with pytest.raises(UserError, match="must have hours left of this week"):
        quota.sentence("NvidiaTeslaT4", 3600)
    assert "none of it" in quota.sentence("", 3600)
    ready.fault("GetAcceleratorQuotaStatistics", status=404)
    assert "not unlimited" in quota.sentence("NvidiaTeslaT4", 3600)


def test_an_entry_of_a_push_that_never_arrived_is_pushed(ready: Practice) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running.site, "push", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            running.run("knn")
    (entry,) = journal.entries()
    assert isinstance(entry, Entry)
    assert entry.state == "pushing"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "_UNTIL_SHOWN", 1.0)
        running.run("knn")
    assert pushes(ready) == 1
