"""`pilsa kernel …` as a user types it, in a repository of its own, up to a page of the week."""

import json
import re
from pathlib import Path

import pytest

from pipelines.sandbox import isolate
from tests.workspace.small_repository import SmallRepository

pytestmark = pytest.mark.skipif(
    isolate.detect(False).kind == "none",
    reason="nothing can isolate a notebook on this machine (bubblewrap, user namespaces)",
)

CODE = """\
# %% [markdown]
# # Nearest centre
# Own work of m01.

# %%
import pandas as pd

train, test = (pd.read_csv(f"../input/tiny/{name}.csv") for name in ("train", "test"))
pixels = list(test.columns[1:])

# %% [markdown]
# Distances to the mean picture of each class.

# %%
centres = train.groupby("label")[pixels].mean()
far = ((test[pixels].to_numpy()[:, None] - centres.to_numpy()) ** 2).sum(axis=2)
answer = pd.DataFrame({"id": test.id, "label": centres.index[far.argmin(axis=1)]})
answer.to_csv("centres.csv", index=False)
"""


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> SmallRepository:
    """A repository with two kernels in the pool, one of which fails, after `pilsa repro`."""
    made = SmallRepository(tmp_path_factory.mktemp("group") / "repository").make()
    for name, code in (("good", CODE), ("broken", CODE.replace("groupby", "group_by"))):
        done = made.pilsa("kernel", "new", "m01", name, "--competition", "tiny")
        assert done.returncode == 0, done.stderr
        made.write(f"kernels/m01/{name}/kernel.py", code)
        assert made.pilsa("kernel", "join", f"m01/{name}").returncode == 0
    made.rebuilt = made.pilsa("repro")  # type: ignore[attr-defined]
    return made


@pytest.mark.slow
def test_one_failing_kernel_does_not_stop_the_others(group: SmallRepository) -> None:
    rebuilt = group.rebuilt  # type: ignore[attr-defined]
    assert rebuilt.returncode == 1
    assert "failed kernel@tiny-m01/broken" in rebuilt.stdout
    assert "group_by" in rebuilt.stdout
    found = group.scores()
    names = {row["name"] for row in found["scores"]}
    assert names >= {"models/knn", "kernels/m01/good", "ensembles/mean"}
    assert "kernels/m01/good" in found["ensemble"]["members"]
    assert [failure["stage"] for failure in found["failed"]] == ["kernel@tiny-m01/broken"]


@pytest.mark.slow
def test_an_unchanged_kernel_never_reruns(group: SmallRepository) -> None:
    group.pilsa("kernel", "leave", "m01/broken")
    again = group.run("dvc", "repro")
    assert again.returncode == 0, again.stderr
    assert "Running stage 'kernel@" not in again.stdout
    assert "Stage 'kernel@tiny-m01/good' didn't change, skipping" in again.stdout


def test_run_prints_the_record_that_it_commits(group: SmallRepository) -> None:
    done = group.pilsa("kernel", "run", "m01/good", "--views", "cv", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(group.read("kernels/m01/good/result.json"))
    told = group.pilsa("kernel", "run", "m01/good").stdout
    assert "mock exam: Accuracy" in told
    failed = group.pilsa("kernel", "run", "m01/broken")
    assert failed.returncode == 1
    assert "group_by" in failed.stdout


@pytest.mark.slow
def test_check_answers_every_step_and_packs_the_bundle(group: SmallRepository) -> None:
    group.pilsa("kernel", "new", "m01", "checked", "--competition", "tiny")
    group.write("kernels/m01/checked/kernel.py", CODE + "\nother = 1\n")
    done = group.pilsa("kernel", "check", "m01/checked", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    views = json.loads(group.read("kernels/m01/checked/result.json"))["kernel"]["views"]
    assert {view["view"] for view in views} == {"fold0", "shuffled", "real"}
    found = json.loads(done.stdout)
    assert [step["name"] for step in found["check"]] == [
        "header", "secrets", "runs", "submission", "beats_sample", "learns",
    ]  # fmt: skip
    assert Path(found["bundle"]).name == "submit.zip"
    assert Path(found["bundle"]).is_file()
    assert group.pilsa("kernel", "check", "m01/broken").returncode == 1


@pytest.mark.slow
def test_diff_finds_exactly_the_cell_that_was_changed(group: SmallRepository) -> None:
    group.write("original.py", CODE)
    renamed = re.sub(r"\bcentres\b(?!\.csv)", "averages", CODE).replace("far", "distance")
    group.write("kernels/m01/broken/kernel.py", renamed)
    pasted = json.loads(
        group.pilsa("kernel", "diff", "m01/broken", "--original", "original.py", "--json").stdout
    )
    assert pasted["coverage"] == 1.0
    assert [pair["state"] for pair in pasted["pairs"]] == ["same", "renamed"]
    changed = CODE.replace(".mean()", ".median()")
    group.write("kernels/m01/broken/kernel.py", changed)
    found = json.loads(
        group.pilsa("kernel", "diff", "m01/broken", "--original", "original.py", "--json").stdout
    )
    assert [pair["state"] for pair in found["pairs"]] == ["same", "changed"]


def test_share_makes_one_page_that_loads_nothing(group: SmallRepository) -> None:
    done = group.pilsa("kernel", "share", "m01/good", "--json")
    assert done.returncode == 0, done.stderr
    page = Path(json.loads(done.stdout)["place"]).read_text(encoding="utf-8")
    assert "Nearest centre" in page
    assert "<script" not in page
    assert 'src="http' not in page


def test_list_and_show_and_doctor_speak(group: SmallRepository) -> None:
    listed = json.loads(group.pilsa("kernel", "list", "--json").stdout)
    names = [line["name"] for line in listed]
    assert [name for name in names if name != "m01/checked"] == ["m01/broken", "m01/good"]
    assert "Nearest centre" not in group.pilsa("kernel", "show", "m01/good").stderr
    assert (
        json.loads(group.pilsa("kernel", "show", "m01/good", "--json").stdout)["name"] == "m01/good"
    )
    group.write("kernels/m01/broken/kernel.py", CODE + "\nimport sklearn.cross_validation\n")
    told = group.pilsa("kernel", "doctor", "m01/broken").stdout
    assert "model_selection" in told
    fixed = group.pilsa("kernel", "doctor", "m01/broken", "--fix", "--yes")
    assert "-import sklearn.cross_validation" in fixed.stdout
    assert "cross_validation" not in group.read("kernels/m01/broken/kernel.py")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "../etc/passwd"], "must be 1 to 64 letters"),
        (["run", "m01"], "member/kernel"),
        (["run", "m01/goood"], "did you mean 'm01/good'"),
        (["run", "m01/good", "--views", "fold9"], "views must be one of"),
        (["new", "m01", "GOOD"], "m01/good"),
        (["new", "../m01", "x"], "must be 1 to 64 letters"),
        (["join", "m01/goood"], "did you mean"),
        (["leave", "m09/x"], "only a kernel of the pool"),
        (["import", "m01/good", "nothing.zip"], "nothing.zip must exist"),
        (["take", "nothing.ipynb", "m01/good"], "nothing.ipynb"),
    ],
)
def test_bad_input_is_one_message_and_exit_1(
    group: SmallRepository, arguments: list[str], complaint: str
) -> None:
    done = group.pilsa("kernel", *arguments)
    assert done.returncode == 1
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
