"""Notebooks that the real client pushes to the practice server are executed, and their output comes back."""

import json
import shutil
import subprocess
import sys
import time
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from pipelines.platforms import _kaggle_client as client
from pipelines.platforms.kaggle import KaggleRemote
from pipelines.plumbing.errors import UserError
from pipelines.practice.kernels import Kernels, written
from pipelines.practice.state import Refusal
from pipelines.sandbox import isolate
from tests.practice.practice_server import SLUG, Practice, practice

__all__ = ["practice"]
HAS_CLIENT = Path(sys.executable).with_name("kaggle").is_file() or bool(shutil.which("kaggle"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not HAS_CLIENT, reason="the client `kaggle` is not installed"),
    pytest.mark.skipif(
        isolate.bubblewrap(False)[0] is None, reason="nothing here can isolate a process"
    ),
]
SCRIPT = f"""
import pathlib
rows = pathlib.Path('/kaggle/input/{SLUG}/train.csv').read_text().splitlines()
print('rows:', len(rows))
pathlib.Path('out').mkdir()
pathlib.Path('out/안녕.csv').write_text(rows[0])
pathlib.Path('link').symlink_to('/etc/passwd')
"""


def save(practice: Practice, text: str, **changes: Any) -> dict[str, Any]:
    body = {
        "slug": "m01/first-script", "newTitle": "First script", "text": text, "language": "python",
        "kernelType": "script", "competitionDataSources": [SLUG], "isPrivate": True, "enableInternet": False,
    }  # fmt: skip
    return practice.server.kernels.save("m01", body | changes)


def finished(practice: Practice) -> dict[str, Any]:
    asked = {"userName": "m01", "kernelSlug": "first-script"}
    until = time.monotonic() + 120
    while time.monotonic() < until:
        found = practice.server.kernels.status("m01", asked)
        if found["status"] not in ("QUEUED", "RUNNING"):
            return found
        time.sleep(0.1)
    raise AssertionError("it did not end")


def test_a_script_runs_on_the_competitions_files_and_leaves_its_output(
    practice: Practice, tmp_path: Path
) -> None:
    assert save(practice, SCRIPT)["versionNumber"] == 1
    assert finished(practice) == {"status": "COMPLETE", "failureMessage": ""}
    command = [
        str(client.program()),
        "kernels",
        "output",
        "m01/first-script",
        "-p",
        str(tmp_path / "got"),
    ]
    subprocess.run(command, env=client.environment(), check=True, capture_output=True)
    got = {
        path.relative_to(tmp_path / "got").as_posix()
        for path in (tmp_path / "got").rglob("*")
        if path.is_file()
    }
    assert got == {"out/안녕.csv", "first-script.log"}
    header = practice.world.held[SLUG].files["train.csv"].read_text().splitlines()[0]
    assert (tmp_path / "got" / "out" / "안녕.csv").read_text() == header
    log = json.loads((tmp_path / "got" / "first-script.log").read_text())
    assert "rows: 143" in "".join(line["data"] for line in log)


def test_a_failure_has_its_reason(practice: Practice) -> None:
    save(practice, "import urllib.request\nurllib.request.urlopen('http://127.0.0.1')")
    found = finished(practice)
    assert found["status"] == "ERROR"
    assert "URLError" in found["failureMessage"]


def test_a_notebook_is_pushed_and_shown_by_the_real_client(
    practice: Practice, tmp_path: Path
) -> None:
    cells = [
        {
            "cell_type": "code",
            "source": "print(1)",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
    ]
    text = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})
    (tmp_path / "first.ipynb").write_text(text)
    metadata = {
        "id": "m01/first-script", "title": "First script", "code_file": "first.ipynb", "language": "python",
        "kernel_type": "notebook", "is_private": True, "enable_internet": False, "enable_gpu": False,
        "competition_sources": [SLUG, "practice-digits"],
    }  # fmt: skip
    (tmp_path / "kernel-metadata.json").write_text(json.dumps(metadata))
    done = client.push(tmp_path)
    assert ["practice-digits" in remark for remark in done.remarks] == [True]  # not joined
    assert finished(practice)["status"] == "COMPLETE"
    assert client.last_run("m01/first-script") is not None


def test_each_push_is_a_version_and_another_owner_is_refused(practice: Practice) -> None:
    first = save(practice, "a", kernelExecutionType="QUICK_SAVE")
    second = save(practice, "b", kernelExecutionType="QUICK_SAVE")
    assert (first["versionNumber"], second["versionNumber"]) == (1, 2)
    asked = {"userName": "m01", "kernelSlug": "first-script", "versionLabel": "v1"}
    assert practice.server.kernels.get("m01", asked)["blob"]["source"] == "a"
    assert practice.server.kernels.get("m01", asked | {"versionLabel": ""})["blob"]["source"] == "b"
    with pytest.raises(Refusal, match="denied"):
        practice.server.kernels.get("m02", asked)
    for slug in ("m02/first-script", "m01/../../x", "m01/UPPER"):
        with pytest.raises(Refusal, match="m01/SLUG"):
            save(practice, "a", slug=slug)


def test_a_version_whose_server_was_ended_is_no_success(practice: Practice) -> None:
    save(practice, "a", kernelExecutionType="QUICK_SAVE")
    [version] = practice.server.kernels._versions("m01/first-script")
    (version / "status.json").write_text('{"status": "RUNNING"}')
    with chdir(practice.world.folder):
        assert (
            Kernels(practice.world).status(
                "m01", {"userName": "m01", "kernelSlug": "first-script"}
            )["status"]
            == "ERROR"
        )


def test_only_plain_files_are_given_out(practice: Practice) -> None:
    save(practice, "a", kernelExecutionType="QUICK_SAVE")
    [version] = practice.server.kernels._versions("m01/first-script")
    working = version / "run" / "working"
    working.mkdir(parents=True)
    (working / "link").symlink_to("/etc/passwd")
    (working / "folder").symlink_to("/etc")
    (working / "a.csv").touch()
    assert written(version) == ["a.csv"]
    for parts in (["link"], ["folder", "passwd"], ["..", "..", "pushed.json"]):
        assert practice.server.kernels.file(["m01", "first-script", "v1", *parts]) is None
    assert practice.server.kernels.file(["m01", "first-script", "v1", "a.csv"]) is not None


CODE = "practice-wine-code"
ANSWER = f"""
import pandas as pd
test = pd.read_csv('/kaggle/input/{CODE}/test.csv')
sample = pd.read_csv('/kaggle/input/{CODE}/sample_submission.csv')
sample.iloc[:, 1:] = [0.5, 0.25, 0.25]
ROWS
sample.to_csv('submission.csv', index=False)
"""


def judged(practice: Practice, rows: str, tmp_path: Path) -> dict[str, Any]:
    """Push a script to the competition for notebooks, hand it in by the real client, and wait for the end."""
    practice.world.join("m01", CODE)
    save(practice, ANSWER.replace("ROWS", rows), competitionDataSources=[CODE])
    assert finished(practice)["status"] == "COMPLETE"
    command = [
        str(client.program()), "competitions", "submit", CODE, "-k", "m01/first-script", "-v", "1", "-f",
        "submission.csv", "-m", "by notebook", "-q",
    ]  # fmt: skip
    subprocess.run(command, env=client.environment(), check=True, capture_output=True)
    until = time.monotonic() + 120
    while time.monotonic() < until:
        [sent] = practice.world.sent("kaggle", "study", CODE)
        if sent.status != "PENDING":
            return sent.model_dump()
        time.sleep(0.1)
    raise AssertionError("it was not judged")


def test_a_notebook_that_is_handed_in_runs_again_with_all_test_rows(
    practice: Practice, tmp_path: Path
) -> None:
    found = judged(practice, "print(len(test))", tmp_path)
    assert (found["status"], found["error"]) == ("COMPLETE", "")
    assert found["public"] is not None
    held = practice.world.held[CODE]
    assert len(held.files["test.csv"].read_text().splitlines()) == 6
    assert len((held.whole / "test.csv").read_text().splitlines()) == 37


def test_what_holds_for_the_shown_rows_alone_fails_there(
    practice: Practice, tmp_path: Path
) -> None:
    found = judged(practice, "assert len(test) == 5", tmp_path)
    assert (found["status"], found["error"]) == ("ERROR", "Notebook Threw Exception")
    assert practice.world.left_today("kaggle", "study", CODE) == 5


def test_a_file_is_refused_where_notebooks_are_asked_for(
    practice: Practice, tmp_path: Path
) -> None:
    practice.world.join("m01", CODE)
    (tmp_path / "a.csv").write_text("id\n")
    with pytest.raises(UserError, match="only accepts Submissions from Notebooks"):
        KaggleRemote(CODE).upload(tmp_path / "a.csv", "a.csv", "m")
