"""A rehearsed notebook goes to the practice server by the real client, and is handed in once whatever breaks."""

import shutil
import sys
from pathlib import Path

import pytest

from pipelines.platforms import _kaggle_kernels as kernels
from pipelines.platforms import _kaggle_notebooks
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.rehearsal import handing_in
from pipelines.rehearsal.rehearse import rehearse
from pipelines.sandbox import isolate
from pipelines.stages.download import download
from pipelines.stages.preprocess import preprocess
from tests.conftest import Workshop
from tests.practice.practice_server import Practice, practice

__all__ = ["practice"]
HAS_CLIENT = Path(sys.executable).with_name("kaggle").is_file() or bool(shutil.which("kaggle"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not HAS_CLIENT, reason="the client `kaggle` is not installed"),
    pytest.mark.skipif(isolate.detect(False).kind == "none", reason="nothing can isolate a notebook here"),
]  # fmt: skip
SLUG = "practice-wine-code"
CODE = f"""# %%
import pandas as pd

train, test, sample = (
    pd.read_csv(f"/kaggle/input/{SLUG}/{{name}}.csv") for name in ("train", "test", "sample_submission")
)

# %%
shares = train["cultivar"].value_counts(normalize=True).sort_index().to_numpy()
answer = pd.DataFrame([shares + [row % 2 / 10, 0, 0] for row in range(len(test))], columns=sample.columns[1:])
answer = answer.div(answer.sum(axis=1), axis=0) * [0.9, 1, 1]
answer.insert(0, "id", test["id"])
answer.to_csv("submission.csv", index=False)
"""


def test_a_rehearsed_notebook_is_handed_in_once(
    preprocessed: Workshop, practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    practice.world.join("m01", SLUG)
    preprocessed.write_competition(
        SLUG, metric="log_loss", id="position", target="cultivar", image=None, code={"memory_gb": 4},
        source={"platform": "kaggle", "slug": SLUG},
    )  # fmt: skip
    download(SLUG)
    preprocess(SLUG)
    preprocessed.write_kernel("m01/wine-shares", CODE, competition=SLUG)

    def hand_in() -> str:
        return handing_in.hand_in("m01/wine-shares", "shares", lambda _: True, wait=False).status

    with pytest.raises(UserError, match="must pass its dress rehearsal"):
        hand_in()
    assert rehearse("m01/wine-shares").faults == []
    pushed = []
    monkeypatch.setattr(
        _kaggle_notebooks, "push", lambda folder, push=_kaggle_notebooks.push: pushed.append(push(folder)) or pushed[-1]
    )  # fmt: skip
    broken = kernels.State("ERROR", "no space left")
    with monkeypatch.context() as patch:
        patch.setattr(kernels, "state", lambda _: broken)
        with pytest.raises(MemberFailed, match="pushes it once more"):
            hand_in()
    practice.fault("CreateCodeSubmission", lose_reply=True)
    assert hand_in() in ("SENT", "COMPLETE")
    with pytest.raises(UserError, match="must be new"):
        hand_in()
    assert pushed == [1, 2]
    assert len(practice.world.sent("kaggle", "study", SLUG)) == 1
