"""The platform `dacon` against the practice server."""

import os
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.competition_cli import app
from pipelines.platforms import dacon
from pipelines.platforms._remote import Refused, UnknownOutcome
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.schema import validate
from pipelines.stages.download import download
from pipelines.values import competition
from tests.conftest import Workshop
from tests.practice.practice_server import SLUG, Practice, practice, sent

__all__ = ["practice", "sent"]


def remote(practice: Practice, **source: Any) -> dacon.DaconRemote:
    number = practice.world.held[SLUG].number
    keys = {
        "platform": "dacon",
        "cpt_id": number,
        "team": "study",
        "mirror": "m",
        "files": {"a.csv": {}},
    }
    return dacon.DaconRemote(validate(dacon.DaconSource, keys | source, "x.yaml"), 5)


def test_a_file_is_taken_and_graded_and_nothing_comes_back(practice: Practice, sent: Path) -> None:
    assert remote(practice).upload(sent, "a-1.csv", "처음") is None
    [taken] = practice.world.sent("dacon", "study", SLUG)
    assert (taken.file, taken.message, taken.status) == ("a-1.csv", "처음", "COMPLETE")
    assert practice.world.blob(taken.blob).read_bytes() == sent.read_bytes()
    assert remote(practice).submissions() == []
    assert not dacon.DaconRemote.lists
    allowance = remote(practice).allowance()
    assert (allowance.per_day, allowance.left) == (5, None)
    assert allowance.resets is not None
    assert (allowance.resets.hour, allowance.resets.utcoffset()) == (0, timedelta(hours=9))


def test_what_dacon_refuses_comes_in_words(practice: Practice, sent: Path, tmp_path: Path) -> None:
    text = sent.read_text()
    for wrong, words in (
        (text.replace("class_0", "klass"), "header"),
        ("\n".join(text.split()[:-1]), "number of rows"),
        (text.replace("0.5", "7"), "not allowed"),
    ):
        (tmp_path / "wrong.csv").write_text(wrong)
        with pytest.raises(Refused, match=words):
            remote(practice).upload(tmp_path / "wrong.csv", "a.csv", "")
    assert practice.world.sent("dacon", "study", SLUG) == []
    for _ in range(5):
        remote(practice).upload(sent, "a.csv", "")
    with pytest.raises(Refused, match="all that it may today"):
        remote(practice).upload(sent, "a.csv", "")
    with pytest.raises(Refused, match="not explained"):
        remote(practice, cpt_id=1).upload(sent, "a.csv", "")


@pytest.mark.parametrize(
    ("fault", "there"),
    [({"lose_reply": True}, 1), ({"html": True}, 0), ({"status": 500}, 0), ({"wait": 1.0}, None)],
)
def test_all_else_is_unknown(
    practice: Practice, sent: Path, fault: dict[str, Any], there: int | None
) -> None:
    practice.fault("dacon", **fault)
    with pytest.raises(UnknownOutcome, match="may be there all the same"):
        remote(practice, timeout=0.5).upload(sent, "a.csv", "")
    if there is not None:
        assert len(practice.world.sent("dacon", "study", SLUG)) == there


def test_nothing_is_sent_without_a_token_or_a_connection(
    practice: Practice, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv(dacon.URL, "http://127.0.0.1:9")
    with pytest.raises(Refused, match="nothing was sent"):
        remote(practice).upload(sent, "a.csv", "")
    monkeypatch.delenv(dacon.TOKEN)
    with pytest.raises(Refused, match="DACON_API_TOKEN"):
        remote(practice).upload(sent, "a.csv", "")
    assert "dacon" not in practice.server.asked


def test_the_token_is_never_shown(
    practice: Practice, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = os.environ[dacon.TOKEN]
    monkeypatch.setattr(dacon.DaconRemote, "_post", lambda *_: {"message": f"bad {token}"})
    with pytest.raises(UnknownOutcome) as raised:
        remote(practice).upload(sent, "a.csv", "")
    assert token not in str(raised.value)


def test_files_come_out_of_an_open_zip(
    workshop: Workshop, practice: Practice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workshop.root)
    mirror = tmp_path / "mine" / "wine"
    mirror.mkdir(parents=True)
    files = practice.world.held[SLUG].files
    with zipfile.ZipFile(mirror / "open.zip", "w") as archive:
        for name, path in files.items():
            archive.write(path, f"open/{name}")
    arguments = ["add", "wine", "--from", str(mirror / "open.zip"), "--dacon", "236001"]
    run = CliRunner().invoke(app, arguments)
    assert isinstance(run.exception, UserError)
    assert "needs all of" in str(run.exception)
    run = CliRunner().invoke(app, [*arguments, "--team", "토요일 모임"])
    assert run.exit_code == 0, run.output
    found = competition.load("wine")
    assert (found.source["platform"], found.source["cpt_id"]) == ("dacon", 236001)
    assert found.source["page"] == "https://dacon.io/competitions/official/236001/data"
    # Another member has the competition file, and the zip that he downloaded.
    for path in (workshop.root / ".cache/pilsa/added/wine").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"download .* from https://dacon.io/"):
        download("wine")
    monkeypatch.setenv("PILSA_DATA_DIR", str(mirror.parent))
    download("wine")
    for name, path in files.items():
        assert (workshop.root / "data/wine/raw" / name).read_bytes() == path.read_bytes()
