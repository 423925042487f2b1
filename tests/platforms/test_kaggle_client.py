"""The real Kaggle client against a stand-in server on this machine."""

import json
import shutil
import sys
from datetime import date
from pathlib import Path

import pytest

from pipelines.platforms import _kaggle_client as client
from pipelines.plumbing.errors import UserError
from tests.platforms.kaggle_server import OWNER, TOKEN, KaggleServer, kaggle_server

__all__ = ["kaggle_server"]
HAS_CLIENT = Path(sys.executable).with_name("kaggle").is_file() or bool(shutil.which("kaggle"))
pytestmark = [
    pytest.mark.slow,  # a process of the client for each
    pytest.mark.skipif(not HAS_CLIENT, reason="the program `kaggle` is not installed"),
]


def ipynb(*sources: str) -> str:
    cells = [
        {"cell_type": "code", "source": source, "metadata": {}, "outputs": [{"output_type": "stream", "name": "stdout", "text": "old"}], "execution_count": 3}
        for source in sources
    ]  # fmt: skip
    return json.dumps(
        {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}, ensure_ascii=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "pushed"
    made.mkdir()
    (made / "first-cnn.ipynb").write_text(ipynb("x = 1", "print('끝')"), encoding="utf-8")
    metadata = {
        "id": f"{OWNER}/first-cnn", "title": "First CNN", "code_file": "first-cnn.ipynb", "language": "python",
        "kernel_type": "notebook", "is_private": True, "enable_internet": False, "enable_gpu": False,
        "competition_sources": ["titanic"],
    }  # fmt: skip
    (made / "kernel-metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    return made


def test_a_notebook_is_fetched_with_its_metadata(kaggle_server: KaggleServer) -> None:
    text = ipynb("print('안녕')")
    kaggle_server.add("someone/titanic-tutorial", text, competitionDataSources=["titanic"])
    found = client.pull("https://www.kaggle.com/code/someone/titanic-tutorial?scriptVersionId=1")
    assert (found.file, found.content) == ("titanic-tutorial.ipynb", text.encode())
    assert found.metadata["id"] == "someone/titanic-tutorial"
    assert found.metadata["competition_sources"] == ["titanic"]
    assert kaggle_server.body("GetKernel") == {"userName": "someone", "kernelSlug": "titanic-tutorial"}  # fmt: skip


def test_the_day_of_the_last_run_is_known_for_a_listed_notebook_alone(
    kaggle_server: KaggleServer,
) -> None:
    kaggle_server.add("someone/other", ipynb("x"), lastRunTime="2019-01-01T00:00:00Z")
    kaggle_server.add("someone/titanic-tutorial", ipynb("x"))
    assert client.last_run("someone/titanic-tutorial") == date(2021, 3, 4)
    assert client.last_run("someone/unlisted") is None
    kaggle_server.faults["ListKernels"] = (500, "Internal Server Error")
    assert client.last_run("someone/titanic-tutorial") is None


def test_who_is_signed_in(kaggle_server: KaggleServer) -> None:
    assert client.username() == OWNER


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a/b-c", "a/b-c"),
        ("kaggle:a/b", "a/b"),
        ("https://www.kaggle.com/code/a/b/notebook#x", "a/b"),
        ("https://www.kaggle.com/a/b", "a/b"),
    ],
)
def test_a_reference_may_be_an_address(text: str, name: str) -> None:
    assert client.reference_of(text) == name


@pytest.mark.parametrize(
    "text", ["", "a", "../etc", "a/--help ", "a/b c", "-", "kaggle:/x", "a/.."]
)
def test_what_names_no_notebook_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="owner/slug"):
        client.reference_of(text)


def test_a_push_is_confirmed_by_fetching_it_again(
    kaggle_server: KaggleServer, folder: Path
) -> None:
    done = client.push(folder)
    assert done == client.Pushed(f"https://www.kaggle.com/code/{OWNER}/first-cnn", version=1)
    assert kaggle_server.operations()[-1] == "GetKernel"
    sent = kaggle_server.body("SaveKernel")
    assert (sent["isPrivate"], sent["enableInternet"], sent["enableGpu"]) == (True, False, False)
    assert sent["competitionDataSources"] == ["titanic"]
    assert "old" not in sent["text"]


def test_a_refused_push_is_no_success_although_the_client_exits_with_0(
    kaggle_server: KaggleServer, folder: Path
) -> None:
    kaggle_server.refuses = "Maximum weekly GPU quota reached"
    with pytest.raises(
        UserError, match=r"must accept studyuser/first-cnn .*Maximum weekly GPU quota reached"
    ):
        client.push(folder)


def test_a_push_that_kaggle_does_not_show_is_no_success(
    kaggle_server: KaggleServer, folder: Path
) -> None:
    kaggle_server.forgets = True
    with pytest.raises(UserError, match="must show studyuser/first-cnn as it was pushed"):
        client.push(folder)
    kaggle_server.add(f"{OWNER}/first-cnn", ipynb("an older version"))
    with pytest.raises(UserError, match="other cells"):
        client.push(folder)


def test_an_unknown_competition_is_said(kaggle_server: KaggleServer, folder: Path) -> None:
    kaggle_server.unknown_competitions = ["titanic"]
    (remark,) = client.push(folder).remarks
    assert "titanic" in remark


@pytest.mark.parametrize(
    ("status", "message", "meaning"),
    [
        (401, "Unauthenticated", "must know who asks"),
        (403, "Permission 'kernels.get' was denied", "private, or its name is misspelt"),
        (403, "You must accept this competition's rules before …", "accept them on its page"),
        (404, "Not found", "finds none of that name"),
        (429, "Too Many Requests", "wait some minutes"),
        (500, "Internal Server Error", "out of order"),
        (400, "Something new", "Kaggle's client says: .*Something new"),
    ],
)
def test_kaggles_errors_come_in_our_words(
    kaggle_server: KaggleServer, status: int, message: str, meaning: str
) -> None:
    kaggle_server.faults["GetKernel"] = (status, message)
    with pytest.raises(UserError, match=meaning) as raised:
        client.pull("someone/titanic-tutorial")
    assert "Traceback" not in str(raised.value)


def test_no_sign_in_and_a_bad_one_are_told_apart_from_no_network(
    kaggle_server: KaggleServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_wrong")
    with pytest.raises(UserError, match="must know who asks"):
        client.pull("someone/titanic-tutorial")
    kaggle_server.faults["IntrospectToken"] = (401, "Unauthenticated")
    with pytest.raises(UserError, match="must know who asks"):
        client.pull("someone/titanic-tutorial")
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    with pytest.raises(UserError, match="must know who asks"):
        client.pull("someone/titanic-tutorial")


def test_no_network_is_said(kaggle_server: KaggleServer, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = "http://127.0.0.1:9"
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, nowhere)
    with pytest.raises(UserError, match="check the network") as raised:
        client.pull("someone/titanic-tutorial")
    assert "Traceback" not in str(raised.value)


def test_no_secret_is_shown_and_nothing_else_of_the_environment_is_passed_on(
    kaggle_server: KaggleServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERBOSE", "1")  # the client would print its headers
    monkeypatch.setenv("KAGGLE_PATH", "/elsewhere")
    monkeypatch.setenv("KAGGLE_KEY", "my-own-key")
    kaggle_server.faults["GetKernel"] = (400, f"bad token {TOKEN} or my-own-key")
    with pytest.raises(UserError, match=r"bad token \*\*\* or \*\*\*") as raised:
        client.pull("someone/titanic-tutorial")
    assert TOKEN not in str(raised.value)
    assert {"VERBOSE", "KAGGLE_PATH"}.isdisjoint(client.environment())
