"""Half-written files, full disks and killed writers, made for real."""

import hashlib
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipelines.plumbing.atomic import (
    content_hash,
    file_hash,
    read_arrays,
    read_json,
    write_arrays,
    write_json,
    write_text,
    writing,
)
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.process import Killed

PATIENT = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_new_file_takes_the_old_ones_place(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "한글.txt"
    write_text(path, "old\n")
    write_text(path, "새 글\n")
    assert path.read_bytes() == "새 글\n".encode()
    assert names(path.parent) == ["한글.txt"]


@pytest.mark.parametrize("end", [ValueError("no"), Killed(signal.SIGTERM), KeyboardInterrupt()])
def test_a_block_that_raises_keeps_the_old_file(tmp_path: Path, end: BaseException) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def write() -> None:
        with writing(path) as temporary:
            temporary.write_text("half")
            raise end

    with pytest.raises(type(end)):
        write()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_nobody_sees_the_new_bytes_before_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with path.open() as reader:
        with writing(path) as temporary:
            temporary.write_text("new")
            assert path.read_text() == "old"
        assert path.read_text() == "new"
        assert reader.read() == "old", "who has opened the old file reads it to its end"


def test_the_temporary_file_keeps_the_suffix_that_savers_look_at(tmp_path: Path) -> None:
    with writing(tmp_path / "model.keras") as temporary:
        assert temporary.suffix == ".keras"
        temporary.touch()


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o007, 0o660), (0o077, 0o600)])
def test_permissions_follow_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_text(tmp_path / "a.txt", "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == mode


HANGS = """
import sys, time
from pathlib import Path
from pipelines.plumbing.atomic import writing
with writing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def hanging_writer(path: Path) -> "subprocess.Popen[str]":
    writer = subprocess.Popen(
        [sys.executable, "-c", HANGS, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    return writer


def test_what_a_killed_writer_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "knn.npz"
    write_text(path, "old")
    with hanging_writer(path) as writer:
        writer.kill()
    assert path.read_text() == "old"
    assert len(names(tmp_path)) == 2, "a killed process cannot tidy up"
    write_text(tmp_path / "cnn.npz", "another file")
    assert len(names(tmp_path)) == 3, "only the same file's remains may be judged"
    write_text(path, "new")
    assert names(tmp_path) == ["cnn.npz", "knn.npz"]


def test_a_living_writer_is_not_disturbed(tmp_path: Path) -> None:
    path = tmp_path / "knn.npz"
    with hanging_writer(path) as writer:
        write_text(path, "mine")
        remains = [name for name in names(tmp_path) if name != "knn.npz"]
        assert len(remains) == 1
        assert (tmp_path / remains[0]).read_text() == "half"
        writer.kill()


FILLS = """
import sys
from pathlib import Path
from pipelines.plumbing.atomic import write_bytes
from pipelines.plumbing.errors import UserError
try:
    write_bytes(Path(sys.argv[1]), b"x" * 1_000_000)
except UserError as error:
    print(error)
    sys.exit(7)
"""


def small_files_only() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


def test_a_write_that_the_system_cuts_off_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    done = subprocess.run(
        [sys.executable, "-c", FILLS, str(path)],
        preexec_fn=small_files_only, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 7, done.stderr
    assert str(path) in done.stdout
    assert "ulimit -f" in done.stdout
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def in_own_mounts(script: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a shell script where it may mount; skip the test where the system forbids that."""
    unshare = shutil.which("unshare")
    probe = [str(unshare), "-rm", "sh", "-c", "mount -t tmpfs none /mnt"]
    if unshare is None or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount in a namespace of their own")
    return subprocess.run(
        [unshare, "-rm", "sh", "-c", textwrap.dedent(script), "sh", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_full_disk_keeps_the_old_file_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = in_own_mounts(
        """
        mount -t tmpfs -o size=128k none "$1" && printf old > "$1/a.bin"
        "$2" -c "$3" "$1/a.bin"; echo "status $?"; cat "$1/a.bin"; echo; ls -A "$1"
        """,
        str(tmp_path), sys.executable, FILLS,
    )  # fmt: skip
    message, *rest = done.stdout.splitlines()
    assert "the disk is full" in message
    assert "pilsa clean" in message
    assert rest == ["status 7", "old", "a.bin"]


def test_a_read_only_disk_is_named(tmp_path: Path) -> None:
    done = in_own_mounts(
        'mount -t tmpfs -o ro none "$1"; "$2" -c "$3" "$1/a.bin"; echo "status $?"',
        str(tmp_path), sys.executable, FILLS,
    )  # fmt: skip
    assert "read-only: mount it writable" in done.stdout
    assert done.stdout.endswith("status 7\n")


def test_a_file_where_a_folder_must_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(UserError, match=r"data/a\.txt must be written.*move it away"):
        write_text(tmp_path / "data" / "a.txt", "new")
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(UserError, match="move it away"):
        write_text(tmp_path / "a.txt", "new")
    assert names(tmp_path) == ["a.txt", "data"]


def test_an_error_about_something_else_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), writing(tmp_path / "a.txt"):
        (tmp_path / "missing").read_text()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


@PATIENT
@given(value=JSON)
def test_json_comes_back_as_it_went(tmp_path: Path, value: object) -> None:
    path = tmp_path / "a.json"
    try:
        write_json(path, value)
    except UnicodeEncodeError:  # a lone surrogate is no text
        return
    assert read_json(path) == value


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_json_holds_no_nan(tmp_path: Path, number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"score": number})
    assert names(tmp_path) == []


def test_json_is_readable_and_sorted(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": "가"})
    assert (tmp_path / "a.json").read_text("utf-8") == '{\n  "a": "가",\n  "b": 1\n}\n'


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": 1', b"\xff\xfe"])
def test_damaged_json_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.json must be JSON.*delete it"):
        read_json(path)
    with pytest.raises(UserError, match="was not found: run `dvc repro`"):
        read_json(tmp_path / "b.json")


ARRAYS: st.SearchStrategy[dict[str, np.ndarray]] = st.dictionaries(
    st.sampled_from(["y", "oof", "test"]),
    hnp.arrays(
        dtype=st.sampled_from([np.dtype(kind) for kind in ("f4", "i8", "u1", "<U5")]),
        shape=hnp.array_shapes(min_side=0, max_side=4),
    ),
)


@PATIENT
@given(arrays=ARRAYS)
def test_arrays_come_back_as_they_went(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    first, second = tmp_path / "a.npz", tmp_path / "b.npz"
    write_arrays(first, arrays)
    write_arrays(second, arrays)
    assert first.read_bytes() == second.read_bytes()
    found = read_arrays(first)
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_no_pickle_is_written_or_read(tmp_path: Path) -> None:
    objects = np.array([{"a": 1}, None], dtype=object)
    path = tmp_path / "a.npz"
    with pytest.raises(ValueError, match="pickle"):
        write_arrays(path, {"objects": objects})
    assert not path.exists()
    np.savez(path, objects=objects)
    with pytest.raises(UserError, match="delete it and rerun"):
        read_arrays(path)


@PATIENT
@given(data=st.data())
def test_a_damaged_file_is_an_error_and_nothing_else(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.npz"
    array = np.arange(300, dtype=np.float32)
    write_arrays(path, {"oof": array, "name": np.asarray("knn")})
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans(), label="cut off"):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(content))
    try:
        found = read_arrays(path)
    except UserError:
        return
    # Only what describes the archive was touched, never a number.
    assert "oof" not in found or found["oof"].tobytes() == array.tobytes()


@pytest.mark.parametrize("content", [b"", b"hello", b"PK", b"\x93NUMPY\x01\x00"])
def test_other_files_are_no_arrays(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(UserError, match="must hold arrays"):
        read_arrays(tmp_path / "a.npz")
    with pytest.raises(UserError, match="was not found"):
        read_arrays(tmp_path / "b.npz")


@PATIENT
@given(content=st.dictionaries(st.text(), st.integers() | st.text() | st.booleans()))
def test_a_hash_does_not_depend_on_the_order_of_keys(content: dict[str, object]) -> None:
    turned = dict(reversed(list(content.items())))
    assert content_hash(content) == content_hash(turned)
    assert len(content_hash(content)) == 16
    assert content_hash(content) != content_hash({**content, "one more": 1})


def test_a_hash_takes_numpys_numbers_for_numbers() -> None:
    plain = {"k": 5, "rate": 0.5, "path": "a/b", "on": True}
    assert content_hash(plain) == content_hash(
        {"k": np.int64(5), "rate": np.float64(0.5), "path": Path("a/b"), "on": np.bool_(True)}
    )
    assert content_hash([1]) != content_hash(["1"])


def test_a_hash_refuses_what_looks_different_in_every_run() -> None:
    with pytest.raises(TypeError, match="object"):
        content_hash({"what": object()})


def test_a_files_hash_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"pilsa" * 100_000)
    assert file_hash(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert file_hash(path, "md5") == hashlib.md5(path.read_bytes()).hexdigest()


def test_json_of_a_record_ends_with_a_line_feed(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", [1])
    text = (tmp_path / "a.json").read_text("utf-8")
    assert text.endswith("]\n")
    assert json.loads(text) == [1]
