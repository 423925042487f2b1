"""Files behind addresses, fetched from a real server on this machine, with everything that can go wrong."""

import gzip
import hashlib
import socket
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
import pandas as pd
import pytest

from pipelines import platforms, readers
from pipelines.platforms import files
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.values import competition
from tests.conftest import Workshop, tiny_tables

LABELS = np.array([2, 0, 1, 1], dtype=np.uint8)


def idx(values: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return gzip.compress(header + values.tobytes(), mtime=0)


CONTENT = {
    "x.gz": idx(np.arange(6 * 16, dtype=np.uint8).reshape(6, 4, 4)),
    "y.gz": idx(np.array([0, 1, 2, 0, 1, 2], dtype=np.uint8)),
    "t.gz": idx(np.arange(4 * 16, dtype=np.uint8).reshape(4, 4, 4)),
    "s.gz": idx(LABELS),
}


class Server(ThreadingHTTPServer):
    """Serves CONTENT; `moods` lets single files misbehave, `asked` remembers every request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.moods: dict[str, str] = {}
        self.asked: list[str] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        self.server.asked.append(name)
        mood, content = self.server.moods.get(name, "well"), CONTENT[name]
        if mood == "busy at first" and self.server.asked.count(name) == 1:
            mood = "503"
        if mood == "silent":
            self.server.closing.wait(1.5)
        if mood.isdigit():
            self.send_error(int(mood))
            return
        if mood == "altered":
            content = content[:-1] + bytes([content[-1] ^ 1])
        self.send_response(200)
        if mood != "short without length":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if mood.startswith("short") else content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv(files.DATA_DIR, raising=False)
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    with Server() as made:
        threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
        yield made
        made.closing.set()
        made.shutdown()


def source(url: str, **changes: Any) -> dict[str, Any]:
    listed = {
        name: {"url": f"{url}/{name}", "md5": hashlib.md5(content).hexdigest()}
        for name, content in CONTENT.items()
    }
    whole = {"platform": "files", "mirror": "tiny", "files": listed, "solution": "s.gz"}
    return whole | changes


def make(
    workshop: Workshop, content: dict[str, Any], listed: dict[str, Any] | None = None
) -> platforms.Platform:
    named = {"format": "idx", "train": ["x.gz", "y.gz"], "test": "t.gz", "sample": None}
    workshop.write_competition(source=content, files=named | (listed or {}), id="position")
    return platforms.of(competition.load("tiny"))


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


def here(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_files_arrive_whole_without_the_solution(
    workshop: Workshop, server: Server, into: Path
) -> None:
    platform = make(workshop, source(server.url))
    platform.download(into)
    assert {name: (into / name).read_bytes() for name in here(into)} == {
        name: content for name, content in CONTENT.items() if name != "s.gz"
    }
    assert "s.gz" not in server.asked
    tables = readers.of(platform.competition).read(into, into)
    assert tables.test["id"].tolist() == ["1", "2", "3", "4"]
    solution = platform.solution()
    assert solution is not None
    assert solution["id"].tolist() == tables.test["id"].tolist()
    assert solution["target"].tolist() == ["2", "0", "1", "1"]
    assert sorted(solution["usage"]) == ["Private", "Private", "Public", "Public"]


def test_what_was_fetched_once_is_kept(workshop: Workshop, server: Server, into: Path) -> None:
    platform = make(workshop, source(server.url))
    for _ in range(2):
        platform.download(into)
        platform.solution()
    assert sorted(server.asked) == ["s.gz", "t.gz", "x.gz", "y.gz"]
    kept = paths.downloads() / "tiny"
    assert here(kept) == sorted(CONTENT)
    assert (kept / "x.gz").samefile(into / "x.gz")


def test_a_disk_apart_gets_a_copy(
    workshop: Workshop, server: Server, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(files.os, "link", refuse)
    make(workshop, source(server.url)).download(into)
    assert (into / "x.gz").read_bytes() == CONTENT["x.gz"]
    assert not (into / "x.gz").samefile(paths.downloads() / "tiny" / "x.gz")


def test_a_half_file_among_the_kept_is_fetched_again(
    workshop: Workshop, server: Server, into: Path
) -> None:
    kept = paths.downloads() / "tiny" / "x.gz"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(CONTENT["x.gz"][:20])
    make(workshop, source(server.url)).download(into)
    assert (into / "x.gz").read_bytes() == kept.read_bytes() == CONTENT["x.gz"]


def test_a_server_that_stumbles_once_is_asked_again(
    workshop: Workshop, server: Server, into: Path
) -> None:
    server.moods["x.gz"] = "busy at first"
    make(workshop, source(server.url)).download(into)
    assert server.asked.count("x.gz") == 2
    assert (into / "x.gz").read_bytes() == CONTENT["x.gz"]


@pytest.mark.parametrize(
    ("mood", "says"),
    [
        ("altered", r"x\.gz from http.* must have the md5 \w{32} and has not \(.* got \w{32}\): try again"),
        ("short", r"x\.gz must be reachable and is not \(.*: check the network and try again"),
        ("short without length", r"must have the md5 \w{32} and has not .*check its md5 in competitions/tiny"),
        ("404", r"must hold x\.gz and answers 404 Client Error: .*correct its url in competitions/tiny\.yaml"),
        ("503", r"must hold x\.gz and answers 503 Server Error: .*: try again later"),
        ("silent", "must answer within 0.2 s and did not: try again"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_come_well(
    workshop: Workshop,
    server: Server,
    into: Path,
    mood: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(files, "_TIMEOUT_SECONDS", 0.2)
    server.moods["x.gz"] = mood
    platform = make(workshop, source(server.url))
    with pytest.raises(UserError, match=says) as raised:
        platform.download(into)
    assert "or set PILSA_DATA_DIR to a folder that holds tiny/x.gz" in str(raised.value)
    assert server.asked.count("x.gz") == 3
    assert "x.gz" not in here(into)
    assert here(paths.downloads() / "tiny") == ["t.gz"]
    server.moods.clear()
    platform.download(into)
    assert (into / "x.gz").read_bytes() == CONTENT["x.gz"]
    assert server.asked.count("t.gz") == 1


def test_nobody_answers(workshop: Workshop, server: Server, into: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    platform = make(workshop, source(url, mirror=None))
    with pytest.raises(
        UserError, match=r"t\.gz must be reachable and is not \(.*refused.*try again$"
    ):
        platform.download(into)
    assert here(into) == here(paths.downloads() / "tiny") == []


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server) -> Path:
    folder = tmp_path / "mirrors" / "tiny"
    folder.mkdir(parents=True)
    for name, content in CONTENT.items():
        (folder / name).write_bytes(content)
    monkeypatch.setenv(files.DATA_DIR, str(folder.parent))
    return folder


def test_a_mirror_needs_no_network_and_stays_apart(
    workshop: Workshop, server: Server, mirror: Path, into: Path
) -> None:
    platform = make(workshop, source(server.url))
    platform.download(into)
    assert platform.solution() is not None
    assert server.asked == []
    assert (into / "x.gz").read_bytes() == CONTENT["x.gz"]
    assert not (into / "x.gz").samefile(mirror / "x.gz")


def test_what_the_mirror_lacks_comes_from_the_network(
    workshop: Workshop, server: Server, mirror: Path, into: Path
) -> None:
    (mirror / "t.gz").unlink()
    server.moods["t.gz"] = "404"
    platform = make(workshop, source(server.url))
    with pytest.raises(UserError, match=f"or put the file into {mirror}$"):
        platform.download(into)
    server.moods.clear()
    platform.download(into)
    assert set(server.asked) == {"t.gz"}
    assert here(into) == ["t.gz", "x.gz", "y.gz"]


def test_an_altered_file_in_the_mirror_stops(
    workshop: Workshop, server: Server, mirror: Path, into: Path
) -> None:
    (mirror / "x.gz").write_bytes(b"other")
    found, expected = (hashlib.md5(c).hexdigest() for c in (b"other", CONTENT["x.gz"]))
    with pytest.raises(
        UserError,
        match=rf"{mirror}/x.gz must have the md5 {expected}, found {found}: .*unset PILSA_DATA_DIR",
    ):
        make(workshop, source(server.url)).download(into)
    assert server.asked == []
    assert "x.gz" not in here(into)


def test_solutions_that_are_no_labels(workshop: Workshop, server: Server) -> None:
    platform = make(workshop, source(server.url, solution="x.gz"), {"train": ["y.gz", "y.gz"]})
    with pytest.raises(UserError, match=r"must be labels \(1 axis\), and x.gz has 3 axes: correct"):
        platform.solution()


def test_no_solution_no_grading(workshop: Workshop, server: Server) -> None:
    assert make(workshop, source(server.url, solution=None)).solution() is None
    assert server.asked == []


def by_hand(url: str, **changes: Any) -> dict[str, Any]:
    """A source whose files have no address but for the pictures of train."""
    whole = source(url, solution=None)
    listed = {name: {"md5": file["md5"]} for name, file in whole["files"].items() if name != "s.gz"}
    listed["x.gz"]["url"] = f"{url}/x.gz"
    return whole | {"files": listed, "page": "https://example.org/data"} | changes


def test_what_only_members_get_is_taken_from_the_mirror(
    workshop: Workshop, server: Server, mirror: Path, into: Path
) -> None:
    (mirror / "x.gz").unlink()
    platform = make(workshop, by_hand(server.url))
    platform.download(into)
    assert platform.solution() is None
    assert server.asked == ["x.gz"]
    assert {name: (into / name).read_bytes() for name in here(into)} == {
        name: CONTENT[name] for name in ("t.gz", "x.gz", "y.gz")
    }


def test_what_only_members_get_is_asked_for_all_at_once(
    workshop: Workshop, server: Server, mirror: Path, into: Path
) -> None:
    for name in ("x.gz", "y.gz", "t.gz"):
        (mirror / name).unlink()
    with pytest.raises(UserError) as raised:
        make(workshop, by_hand(server.url)).download(into)
    message = str(raised.value)
    assert f"t.gz, y.gz of tiny must lie in {mirror}" in message
    assert "nothing was found there" in message
    assert message.endswith(
        f"download t.gz, y.gz from https://example.org/data and put t.gz, y.gz into {mirror}"
    )
    assert server.asked == here(into) == []


def test_without_a_folder_the_variable_is_named(
    workshop: Workshop, server: Server, into: Path
) -> None:
    wanted = (
        r"must lie in \$PILSA_DATA_DIR/tiny, .*: set PILSA_DATA_DIR to a folder for such files, download .* "
        r"from https://example\.org/data and put .* into \$PILSA_DATA_DIR/tiny$"
    )
    with pytest.raises(UserError, match=wanted):
        make(workshop, by_hand(server.url)).download(into)


def test_another_file_in_place_of_one_that_only_members_get(
    workshop: Workshop, server: Server, mirror: Path, into: Path
) -> None:
    (mirror / "y.gz").write_bytes(b"other")
    found = hashlib.md5(b"other").hexdigest()
    with pytest.raises(
        UserError,
        match=rf"found {found}: download y\.gz again from https://example\.org/data; if another .*"
        r"write its md5 into competitions/tiny\.yaml$",
    ):
        make(workshop, by_hand(server.url)).download(into)
    assert here(into) == []


@pytest.mark.parametrize("written", [None, {}])
def test_files_of_ones_own_need_neither_hash_nor_page(
    workshop: Workshop, server: Server, mirror: Path, into: Path, written: dict[str, Any] | None
) -> None:
    own = {
        "platform": "files",
        "mirror": "tiny",
        "files": dict.fromkeys(("x.gz", "y.gz", "t.gz"), written),
    }
    platform = make(workshop, own)
    (mirror / "y.gz").write_bytes(b"of my own")
    platform.download(into)
    assert (into / "y.gz").read_bytes() == b"of my own"
    (mirror / "y.gz").unlink()
    with pytest.raises(UserError) as raised:
        platform.download(into)
    assert str(raised.value).endswith(f"nothing was found there: put y.gz into {mirror}")


def test_names_in_korean_with_spaces(
    workshop: Workshop, server: Server, mirror: Path, into: Path
) -> None:
    content = by_hand(server.url)
    content["files"]["제출 양식 (1).csv"] = {"md5": hashlib.md5(b"id\n").hexdigest()}
    (mirror / normalize("NFD", "제출 양식 (1).csv")).write_bytes(b"id\n")  # from a Mac
    make(workshop, content).download(into)
    assert (into / "제출 양식 (1).csv").read_bytes() == b"id\n"


GOOD = {"url": "https://example.org/a", "md5": "0" * 32}


@pytest.mark.parametrize(
    ("changes", "listed", "says"),
    [
        ({"files": {}}, {}, "source: files: .*at least 1 item"),
        ({"files": {"../x": GOOD}}, {}, r"files\.\.\./x.*change it"),
        ({"files": {"x/y": GOOD}}, {}, r"files\.x/y.*change it"),
        ({"files": {"-x": GOOD}}, {}, r"files\.-x.*change it"),
        ({"files": {"x ": GOOD}}, {}, r"files\.x .*change it"),
        ({"files": {"x..": GOOD}}, {}, r"files\.x\.\..*change it"),
        ({"files": {"x\u202ey": GOOD}}, {}, r"files\.x.*change it"),
        ({"files": {"x": GOOD | {"md5": "12"}}}, {}, r"files\.x\.md5: .*found '12'"),
        ({"files": {"x": GOOD | {"url": "file:///etc/x"}}}, {}, r"files\.x\.url: .*found 'file:"),
        ({"files": {"x": GOOD | {"md": "1"}}}, {}, "unknown key 'files.x.md'; did you mean 'md5'"),
        ({"mirrors": "x"}, {}, "unknown key 'mirrors'; did you mean 'mirror'"),
        ({"solution": "s.g"}, {}, "solution must be one of `files`, found 's.g'; did you mean 's.gz'"),
        ({}, {"test": "tt.gz"}, "must be among `source.files`, found 'tt.gz'; did you mean 't.gz'"),
        ({"files": {"x": {"md5": "0" * 32}}, "solution": None, "mirror": None}, {}, "must have a url, or .*`mirror:`.*found neither for 'x'"),
        ({"files": {"x": {"url": "https://example.org/x"}}, "solution": None}, {}, r"files\.x: a file with a url must have the md5"),
        ({"page": "example.org"}, {}, "page: .*found 'example.org'"),
        ({}, {"test": "s.gz"}, "the solution must stay hidden, and 's.gz' is also under `files:`"),
    ],
)  # fmt: skip
def test_a_source_that_does_not_fit(
    workshop: Workshop, changes: dict[str, Any], listed: dict[str, Any], says: str
) -> None:
    with pytest.raises(UserError, match=says) as raised:
        make(workshop, source("http://127.0.0.1:1", **changes), listed)
    assert "competitions/tiny.yaml" in str(raised.value)


def test_a_full_disk_says_so(
    workshop: Workshop, server: Server, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pooch.core.shutil.move", full)
    with pytest.raises(UserError, match=r"t\.gz must be written .*No space left.*free some space"):
        make(workshop, source(server.url)).download(into)
    assert here(into) == here(paths.downloads() / "tiny") == []


@pytest.mark.parametrize("packed", [False, True])
def test_a_test_file_that_holds_the_labels_loses_them(
    workshop: Workshop, mirror: Path, into: Path, packed: bool
) -> None:
    train, test, _, solution = tiny_tables()
    name, labelled = "test.csv.gz" if packed else "test.csv", test.merge(solution)
    train.to_csv(mirror / "train.csv", index=False)
    labelled.to_csv(mirror / name, index=False)
    content = {"platform": "files", "mirror": "tiny", "solution": name, "files": {"train.csv": None, name: None}}  # fmt: skip
    workshop.write_competition(source=content, files={"test": name, "sample": None}, image=None)
    platform = platforms.of(competition.load("tiny"))
    platform.download(into)
    first = (into / name).read_bytes()
    pd.testing.assert_frame_equal(pd.read_csv(into / name), test)
    found = platform.solution()
    assert found is not None
    assert found[["id", "target"]].to_numpy().tolist() == solution.to_numpy().tolist()
    platform.download(into)
    assert (into / name).read_bytes() == first
