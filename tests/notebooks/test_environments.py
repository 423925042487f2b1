"""The environment of a kernel: the workspace's, or one that uv builds once and every kernel like it shares."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pytest
from packaging.version import Version

from pipelines.notebooks import environments, package_index
from pipelines.notebooks.environments import FIRST_DAY, prepare, propose_as_of, requirements
from pipelines.plumbing import paths
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.values.kernel import Kernel, KernelFile
from tests.conftest import Workshop

DAY = date(2023, 3, 1)


@cache
def index_tells_days() -> bool:
    """Whether uv reaches an index from here that tells upload times; asked once."""
    program = shutil.which("uv", path=str(Path(sys.executable).parent))
    words = [str(program), "pip", "compile", "-", "--no-header", "--exclude-newer", "2023-03-01"]
    surroundings = os.environ | {"UV_HTTP_RETRIES": "0"}
    try:
        done = subprocess.run(
            words,
            input="six",
            capture_output=True,
            text=True,
            env=surroundings,
            timeout=30,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return "six==1.16.0" in done.stdout


@pytest.fixture
def index() -> None:
    if not index_tells_days():
        pytest.skip("uv reaches no package index from here that tells upload times")


def kernel(code: str = "", **values: object) -> Kernel:
    file = {"kind": "study", "source": {"platform": "own"}, **values}
    return Kernel("m01/first", KernelFile.model_validate(file), code)


def test_a_kernel_that_asks_for_nothing_runs_in_the_workspace(workshop: Workshop) -> None:
    made = prepare(kernel("import seaborn as sns\nfrom yaml import safe_load\nimport os, mine\n"))
    assert made.python == Path(sys.executable)
    assert not made.is_own
    assert {"numpy", "pandas", "scikit-learn", "seaborn", "pyyaml"} == set(made.packages)
    assert all(map(Version, made.packages.values()))
    assert not paths.environments().exists()


KILLED = """
import sys
from pathlib import Path
from pipelines.notebooks import environments, package_index
from tests.notebooks.test_environments import kernel, DAY
install = package_index.install
def slow(pins, as_of, environment, home):
    environment.mkdir()
    (environment / "half").touch()
    print("installing", flush=True)
    import time
    time.sleep(600)
package_index.install = slow
environments.prepare(kernel(as_of=DAY, requires=["six"]))
"""


BUILD = """
from tests.notebooks.test_environments import kernel, DAY
from pipelines.notebooks.environments import prepare
print(prepare(kernel(as_of=DAY, requires=["six"])).python)
"""


def start(program: str, root: Path) -> "subprocess.Popen[str]":
    surroundings = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        env=surroundings,
        cwd=root,
    )


@dataclass(frozen=True)
class Story:
    """A repository in which one build was killed, and then two processes asked for the same environment."""

    root: Path
    left_behind: list[Path]
    pythons: list[str]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    if not index_tells_days():
        pytest.skip("uv reaches no package index from here that tells upload times")
    root = tmp_path_factory.mktemp("repository")
    (root / "params.yaml").touch()
    with start(KILLED, root) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "installing\n"
        child.send_signal(signal.SIGKILL)
    left = list((root / ".cache" / "pilsa" / "environments").glob("*/*/half"))
    both = [start(BUILD, root), start(BUILD, root)]
    said = [process.communicate()[0].strip() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    return Story(root, left, said)


@pytest.mark.slow
def test_a_killed_build_counts_as_none(story: Story) -> None:
    assert len(story.left_behind) == 1
    assert not story.left_behind[0].exists()
    assert Path(story.pythons[0]).exists()


@pytest.mark.slow
def test_two_at_a_time_build_one(story: Story) -> None:
    assert story.pythons[0] == story.pythons[1]
    assert len(list(story.root.glob(".cache/pilsa/environments/*/*/pyvenv.cfg"))) == 1


def test_another_kernel_shares_it_at_once(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(story.root)
    said: list[str] = []
    made = prepare(kernel("y = 2\n", as_of=DAY, requires=["six"]), said.append)
    assert (str(made.python), made.is_own, said) == (story.pythons[0], True, [])
    assert (made.packages["six"], made.packages["pandas"]) == ("1.16.0", "1.5.3")
    record = json.loads(next(paths.environments().glob("*/environment.json")).read_text())
    assert record["packages"] == made.packages
    assert record["requirements"] == ["ipykernel", "numpy", "pandas", "setuptools", "six"]


def test_its_packages_are_those_of_the_day_with_bytecode(story: Story) -> None:
    program = (
        "import six, pandas, ipykernel, sys; print(six.__version__, six.__cached__, sys.prefix)"
    )
    seen = subprocess.run(
        [story.pythons[0], "-c", program], capture_output=True, text=True, check=True
    )
    version, bytecode, prefix = seen.stdout.split()
    assert (version, prefix) == ("1.16.0", str(Path(story.pythons[0]).parents[1]))
    assert (
        Path(bytecode).stat().st_mtime <= (Path(prefix).parent / "environment.json").stat().st_mtime
    )


def test_a_record_whose_environment_was_removed_counts_as_none(tmp_path: Path) -> None:
    record = {"folder": "0a1b", "packages": {"six": "1.16.0"}}
    (tmp_path / "environment.json").write_text(json.dumps(record))
    assert environments.built(tmp_path) is None
    (tmp_path / "0a1b" / "bin").mkdir(parents=True)
    (tmp_path / "0a1b" / "bin" / "python").touch()
    assert environments.built(tmp_path) == record
    (tmp_path / "environment.json").write_text('{"folder": "0a')
    assert environments.built(tmp_path) is None


def test_the_requirements_are_what_is_asked_and_what_is_imported() -> None:
    code = "import sklearn, cv2, no_such_module_here\nprint 'old'\n%matplotlib inline\n"
    found = requirements(kernel(code, requires=["Pandas[excel]==1.5.3", "scikit-learn<1.2"]))
    assert found == [
        "Pandas[excel]==1.5.3",
        "ipykernel",
        "matplotlib",
        "numpy",
        "opencv-python-headless",
        "scikit-learn<1.2",
    ]


BAD = [
    "git+https://example.org/a.git", "six @ https://example.org/six.whl", "./six.whl", "-r more.txt",
    "--index-url=https://example.org", "six; python_version < '3'", "six --no-deps", "", "../six", "six\n-r more.txt",
]  # fmt: skip


@pytest.mark.parametrize("requirement", BAD)
def test_only_names_versions_and_extras(workshop: Workshop, requirement: str) -> None:
    with pytest.raises(UserError, match="package's name, with versions and extras"):
        prepare(kernel(requires=[requirement]))
    assert not paths.environments().exists()


@pytest.mark.parametrize("requirement", ["six==99.9", "pandas==1.0.0"])
def test_what_does_not_resolve_is_said_in_short(
    workshop: Workshop, index: None, requirement: str
) -> None:
    with pytest.raises(MemberFailed, match=f"m01/first: .*{requirement}.*change it") as failure:
        prepare(kernel(requires=[requirement]))
    assert len(str(failure.value)) < 400


@pytest.mark.slow
def test_a_day_that_is_too_early_names_the_first_that_works(
    workshop: Workshop, index: None
) -> None:
    wanted = kernel(as_of=FIRST_DAY - timedelta(days=1), requires=["scikit-learn"])
    if sys.version_info[:2] != (3, 11):
        pytest.skip("the first day of wheels is another for another Python")
    with pytest.raises(MemberFailed, match="too early: scikit-learn had no wheels") as failure:
        prepare(wanted)
    day = date.fromisoformat(str(failure.value).partition("write `as_of: ")[2][:10])
    home = paths.environments() / "home"
    assert package_index.resolve(requirements(wanted), day, home)
    with pytest.raises(package_index.Unresolved):
        package_index.resolve(requirements(wanted), day - timedelta(days=1), home)


def test_without_an_index_it_says_so_and_shows_no_password(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:  # bound, never listening: every connection is refused
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://member:secret@127.0.0.1:{port}/simple")
        monkeypatch.setenv("UV_CACHE_DIR", str(workshop.root / "uv"))
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        with pytest.raises(MemberFailed, match="could not be reached") as failure:
            prepare(kernel(as_of=DAY))
    assert "secret" not in str(failure.value)
    assert "uv does not read pip's configuration" in str(failure.value)


def test_what_uv_says_is_kept_short_and_without_passwords() -> None:
    said = (
        "error: Request failed\n  cause: Failed to fetch: https://member:secret@example.org/simple/"
    )
    error = package_index.Unresolved(said)
    assert (error.cause, "secret" in str(error)) == ("network", False)
    assert "https://example.org/simple/" in error.short
    assert len(package_index.Unresolved("error: " + "long " * 500).short) == 300


def test_an_index_without_upload_times_leaves_versions(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    simple = workshop.root / "simple"
    for name in ("ipykernel", "numpy", "pandas", "setuptools"):
        (simple / name).mkdir(parents=True)
        wheel = f"{name}-1.0-py3-none-any.whl"
        (simple / name / wheel).touch()
        (simple / name / "index.html").write_text(f'<a href="{wheel}">{wheel}</a>')
    monkeypatch.setenv("UV_DEFAULT_INDEX", simple.as_uri())
    monkeypatch.setenv("UV_CACHE_DIR", str(workshop.root / "uv"))
    with pytest.raises(MemberFailed, match=r"tells when each file was uploaded.*requires: \[\"pan"):
        prepare(kernel(as_of=DAY))


def test_uv_hears_of_the_index_and_of_no_token(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secrets = ["KAGGLE_KEY", "AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_TOKEN", "UV_PUBLISH_TOKEN", "PIP_INDEX_URL"]  # fmt: skip
    ways = ["UV_DEFAULT_INDEX", "UV_INDEX_GROUP_PASSWORD", "HTTPS_PROXY", "SSL_CERT_FILE"]
    for name in secrets + ways:
        monkeypatch.setenv(name, "x")
    given = package_index._surroundings(tmp_path)
    assert not set(secrets) & set(given)
    assert set(ways) <= set(given)
    assert given["HOME"] == str(tmp_path)


def test_the_proposed_day() -> None:
    assert propose_as_of(date(2017, 5, 1)) == FIRST_DAY
    assert propose_as_of(date(2024, 5, 1)) == date(2024, 5, 1)
    assert propose_as_of(date(2017, 5, 1), "import keras\n") == date(2023, 9, 19)


def test_every_known_module_is_spelt_as_the_index_spells_it() -> None:
    for module, each in package_index.packages().items():
        assert package_index.normal(each.package) == each.package, module
        assert each.wheels is None or each.wheels > FIRST_DAY, module
