"""The platform `kaggle` with the real client against the practice server."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.platforms import _kaggle_calls as calls
from pipelines.platforms import kaggle
from pipelines.platforms._remote import Refused, UnknownOutcome
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.schema import validate
from pipelines.values.competition import Competition
from tests.conftest import COMPETITION
from tests.practice.practice_server import ROOT, SLUG, Practice, practice, sent

__all__ = ["practice", "sent"]
HAS_CLIENT = Path(sys.executable).with_name("kaggle").is_file() or bool(shutil.which("kaggle"))
pytestmark = pytest.mark.skipif(not HAS_CLIENT, reason="the client `kaggle` is not installed")


@pytest.fixture(autouse=True)
def _a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "params.yaml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(calls, "_WAITS", (0.1, 0.1))


def platform(**files: Any) -> kaggle.Kaggle:
    source = {"platform": "kaggle", "slug": SLUG, "files": files}
    made = Competition.model_validate({**COMPETITION, "name": "wine", "source": source})
    return kaggle.Kaggle(made, validate(kaggle.KaggleSource, source, "wine.yaml"))


def download(into: Path, **files: Any) -> dict[str, bytes]:
    into.mkdir()
    platform(**files).download(into)
    return {path.name: path.read_bytes() for path in into.iterdir()}


def originals(practice: Practice) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in practice.world.held[SLUG].files.items()}


def remote() -> kaggle.KaggleRemote:
    return kaggle.KaggleRemote(SLUG)


def test_what_kaggle_says_of_a_competition(practice: Practice) -> None:
    found = calls.details(SLUG)
    assert (found.slug, found.metric, found.daily_limit) == (SLUG, "Multiclass Loss", 5)
    assert found.joined
    assert found.deadline is not None
    assert found.deadline > datetime.now(UTC)
    assert found.url == f"{practice.server.url}/competitions/{SLUG}"
    assert kaggle.metric_of(found.metric) == "log_loss"


def test_a_wrong_name_brings_the_nearest(practice: Practice) -> None:
    with pytest.raises(UserError, match="did you mean 'practice-wine'"):
        calls.details("practice-wines")


def test_a_download_that_was_cut_goes_on_and_is_the_same_bytes(
    practice: Practice, tmp_path: Path
) -> None:
    practice.fault("GET", drop_after=2000)
    assert download(tmp_path / "raw") == originals(practice)
    assert practice.server.asked.count("GET") == 2
    practice.server.asked.clear()
    assert download(tmp_path / "again") == originals(practice)
    assert practice.server.asked == []  # what came whole is kept


@pytest.mark.slow
def test_a_killed_download_is_resumed_by_the_next_call(practice: Practice, tmp_path: Path) -> None:
    # The client writes a mebibyte at a time: what it resumes must be larger.
    archive = practice.world.held[SLUG].archive
    padded = tmp_path / "random.bin"
    padded.write_bytes(os.urandom(3 << 20))
    practice.world.held[SLUG].files["random.bin"] = padded
    archive.unlink()
    del practice.world.held[SLUG].archive
    practice.fault("GET", drop_after=(1 << 20) + 5000)
    practice.fault("GET", wait=60)
    program = f"from pipelines.platforms import kaggle, _kaggle_calls as c; kaggle.fetch(c.details({SLUG!r}))"
    child = subprocess.Popen(
        [sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    until = time.monotonic() + 60
    while practice.server.asked.count("GET") < 2 and time.monotonic() < until:
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()
    half = paths.downloads() / SLUG / "incoming" / f"{SLUG}.zip"
    assert half.stat().st_size == 1 << 20
    practice.server.faults.clear()
    assert download(tmp_path / "raw") == originals(practice)


@pytest.mark.slow
def test_the_client_dies_with_a_killed_pilsa(practice: Practice, sent: Path) -> None:
    # Else it would hand in what the next call, which finds nothing on the list, sends again.
    practice.fault("PUT", wait=3)
    program = (
        "from pathlib import Path; from pipelines.platforms import kaggle; "
        f"kaggle.KaggleRemote({SLUG!r}).upload(Path({str(sent)!r}), 'a.csv', 'm')"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    until = time.monotonic() + 60
    while "PUT" not in practice.server.asked and time.monotonic() < until:
        time.sleep(0.05)
    child.kill()
    child.wait()
    time.sleep(5)
    assert practice.server.asked[-1] == "PUT"
    assert practice.world.state.sent == []


@pytest.mark.slow
def test_who_never_answers_is_given_up(
    practice: Practice, monkeypatch: pytest.MonkeyPatch, sent: Path
) -> None:
    monkeypatch.setattr(calls, "_PATIENCE_SECONDS", 3)
    practice.fault("GetSubmissionLimits", wait=20)
    with pytest.raises(UserError, match="must answer within 3 s"):
        remote().allowance()
    practice.fault("CreateSubmission", wait=20)
    with pytest.raises(UnknownOutcome, match="must answer within 3 s"):
        remote().upload(sent, "a.csv", "m")


@pytest.mark.slow
def test_files_are_checked_by_size_and_hash(practice: Practice, tmp_path: Path) -> None:
    content = originals(practice)["train.csv"]
    right = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    download(tmp_path / "right", **{"train.csv": right})
    with pytest.raises(
        UserError, match=r"train\.csv of practice-wine must have .* Kaggle gives other data"
    ):
        download(tmp_path / "wrong", **{"train.csv": right | {"sha256": 64 * "0"}})
    assert not kaggle._place(SLUG).exists()
    with pytest.raises(UserError, match="is not among its files"):
        download(tmp_path / "lacking", **{"labels.csv": right})


@pytest.mark.slow
@pytest.mark.parametrize("fault", [{"wrong_byte": True}, {"html": True}])
def test_what_is_no_whole_zip_never_takes_its_place(
    practice: Practice, tmp_path: Path, fault: dict[str, bool]
) -> None:
    practice.fault("GET", **fault)
    with pytest.raises(UserError, match="must give a whole zip"):
        download(tmp_path / "raw")
    assert list((tmp_path / "raw").iterdir()) == []
    (tmp_path / "raw").rmdir()
    assert download(tmp_path / "raw") == originals(practice)


def test_who_has_not_accepted_the_rules_is_told_where(practice: Practice, tmp_path: Path) -> None:
    practice.sign_in("m02")
    page = f"{practice.server.url}/competitions/{SLUG}/rules"
    with pytest.raises(UserError, match=f"open {page} in a browser"):
        download(tmp_path / "raw")
    with pytest.raises(UserError, match=f"open {page} in a browser"):
        remote().submissions()


def test_a_submission_is_listed_with_its_score(practice: Practice, sent: Path) -> None:
    before = remote().allowance()
    ref = remote().upload(sent, "wine-0123abcd-ff00aa.csv", "--first, 처음")
    [listed] = remote().submissions()
    assert (listed.ref, listed.file, listed.message) == (
        ref,
        "wine-0123abcd-ff00aa.csv",
        "--first, 처음",
    )
    assert (listed.status, listed.private) == ("COMPLETE", None)
    assert listed.public == pytest.approx(practice.world.held[SLUG].grade(sent).public, abs=1e-5)
    assert abs((listed.time - datetime.now(UTC)).total_seconds()) < 60
    after = remote().allowance()
    assert (before.per_day, before.left, after.per_day, after.left) == (5, 5, 5, 4)
    assert after.resets is not None
    assert (after.resets.hour, after.resets.utcoffset()) == (0, UTC.utcoffset(None))
    assert platform().leaderboard().to_dict("records") == [
        {"team": "study", "score": listed.public}
    ]


def test_all_zeros_are_unknown_since_who_is_in_no_team_gets_them(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(practice.world, "left_today", lambda *_: 0)
    practice.world.held[SLUG].competition.__dict__["daily_limit"] = 0
    assert remote().allowance().left is None


@pytest.mark.slow
@pytest.mark.parametrize("op", ["StartSubmissionUpload", "PUT", "CreateSubmission"])
def test_a_clear_no_has_spent_nothing(practice: Practice, sent: Path, op: str) -> None:
    practice.fault(op, status=403, message="no")
    with pytest.raises(Refused):
        remote().upload(sent, "a.csv", "m")
    assert practice.world.state.sent == []


def test_a_quota_that_is_used_up_is_kaggles_word(practice: Practice, sent: Path) -> None:
    practice.fault("CreateSubmission", status=400, message="has used its daily allowance (5)")
    with pytest.raises(Refused, match="daily allowance"):
        remote().upload(sent, "a.csv", "m")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "there"),
    [({"status": 500}, 0), ({"lose_reply": True}, 1), ({"html": True}, 0), ({"status": 408}, 0)],
)
def test_without_an_answer_nobody_knows(
    practice: Practice, sent: Path, fault: dict[str, Any], there: int
) -> None:
    practice.fault("CreateSubmission", **fault)
    with pytest.raises(UnknownOutcome, match="it may be there all the same"):
        remote().upload(sent, "a.csv", "m")
    assert practice.server.asked.count("CreateSubmission") == 1
    assert len(practice.world.state.sent) == there


@pytest.mark.slow
def test_too_many_requests_are_waited_out_by_readers_alone(practice: Practice, sent: Path) -> None:
    practice.fault("ListSubmissions", status=429, retry_after=0, times=2)
    assert remote().submissions() == []
    assert practice.server.asked.count("ListSubmissions") == 3
    practice.fault("ListSubmissions", status=429, retry_after=100000)
    with pytest.raises(UserError, match="wait 100000 s"):
        remote().submissions()
    practice.fault("CreateSubmission", status=429, retry_after=7)
    with pytest.raises(Refused, match="wait 7 s"):
        remote().upload(sent, "a.csv", "m")


@pytest.mark.slow
def test_many_submissions_are_all_listed(practice: Practice, sent: Path) -> None:
    one = practice.world
    for number in range(105):
        token = one.start("m01", SLUG, f"{number}.csv")
        one.put(token, sent.read_bytes())
        one.state.ahead = number * 86400.0
        one.create("kaggle", "m01", token, "")
    one.grading_seconds = 1e9
    assert {row.file for row in remote().submissions()} == {
        f"{number}.csv" for number in range(105)
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "meaning"),
    [
        ({"op": "ListSubmissions", "status": 401}, "must know who asks"),
        ({"op": "ListSubmissions", "status": 404}, "its name stands in its address"),
        ({"op": "ListSubmissions", "status": 502}, "out of order"),
        ({"op": "ListSubmissions", "html": True}, "reachable and is not"),
        ({"op": "IntrospectToken", "status": 500, "times": 2}, "out of order"),
        ({"op": "IntrospectToken", "status": 401, "times": 2}, "must know who asks"),
    ],
)
def test_errors_come_in_our_words(practice: Practice, fault: dict[str, Any], meaning: str) -> None:
    practice.fault(**fault)
    with pytest.raises(UserError, match=meaning):
        remote().submissions()


def test_a_notebook_has_no_rules_to_accept(practice: Practice) -> None:
    with pytest.raises(calls.KaggleError, match="must let you at m09/nothing") as raised:
        calls.ask("kernel_source", "m09/nothing")
    assert "rules" not in str(raised.value)


def test_no_token_is_shown(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    token = practice.world.state.members["m01"].token
    practice.fault("ListSubmissions", status=400, message=f"bad {token}")
    with pytest.raises(UserError, match=r"bad \*\*\*"):
        remote().submissions()
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_wrong")
    with pytest.raises(UserError, match="must know who asks"):
        remote().submissions()


def test_a_kaggle_json(
    practice: Practice,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "config"
    folder.mkdir()
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(folder))
    key = practice.world.state.members["m01"].token
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    with pytest.raises(UserError, match="must know who asks"):
        remote().submissions()
    file = folder / "kaggle.json"
    file.write_text(json.dumps({"username": "m01", "key": key}))
    file.chmod(0o644)
    assert remote().submissions() == []
    assert "can be read by others: `chmod 600` it" in capsys.readouterr().err
    file.chmod(0o600)
    assert remote().submissions() == []
    assert capsys.readouterr().err == ""
    file.write_text('{"username": "m01"')
    with pytest.raises(UserError, match="must know who asks"):
        remote().submissions()


def test_out_of_reach(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(UserError, match="check the network"):
        remote().submissions()


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        ("Categorization Accuracy", "accuracy"),
        ("Root Mean Squared Logarithmic Error", "rmsle"),
        ("Area Under Receiver Operating Characteristic Curve", "roc_auc"),
        ("Quadratic Weighted Kappa", "qwk"),
        ("F-Score", "f1_binary"),
        ("Macro F-Score", "f1_macro"),
        ("Mean Columnwise Something", None),
        ("", None),
    ],
)
def test_metrics_in_kaggles_words(words: str, ours: str | None) -> None:
    assert kaggle.metric_of(words) == ours


@pytest.mark.parametrize("name", ["/etc/passwd", "../a.csv", "a/../../b", ""])
def test_a_file_lies_below_its_folder(name: str) -> None:
    with pytest.raises(UserError, match="must be a path below"):
        validate(
            kaggle.KaggleSource,
            {"platform": "kaggle", "slug": "a", "files": {name: {"bytes": 1, "sha256": 64 * "0"}}},
            "x.yaml",
        )
