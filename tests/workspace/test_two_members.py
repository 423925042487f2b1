"""What is one clone's own stays with it: no pull changes it, no run depends on who or where one is."""

import shutil
from pathlib import Path

import pytest
import yaml

from tests.workspace.small_repository import REPOSITORY, SmallRepository


def git(repository: SmallRepository, *words: str) -> str:
    own = ["git", "-c", "user.name=m01", "-c", "user.email=m01@example.org", *words]
    done = repository.run(*own)
    assert done.returncode == 0, done.stderr
    return done.stdout


def say(repository: SmallRepository, *words: str) -> str:
    done = repository.run(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def local(repository: SmallRepository) -> dict[str, object]:
    content: dict[str, object] = yaml.safe_load(repository.read("local.yaml"))
    return content


@pytest.fixture
def shared(tmp_path: Path) -> SmallRepository:
    """A repository whose files are committed, as the group has it: competitions `tiny` and `other`."""
    repository = SmallRepository(tmp_path / "first").make()
    repository.write_competition("other")
    for name, competition in (("m01/a", "tiny"), ("m02/b", "other")):
        repository.write(f"kernels/{name}/kernel.py", "x = 1\n")
        text = f"competition: {competition}\nsource: {{platform: own}}\n"
        repository.write(f"kernels/{name}/kernel.yaml", text)
    repository.write(".gitignore", (REPOSITORY / ".gitignore").read_text(encoding="utf-8"))
    git(repository, "init", "--quiet", "--initial-branch=main")
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "-m", "first")
    return repository


def test_two_members_on_two_competitions_pull_without_a_conflict(
    shared: SmallRepository, tmp_path: Path
) -> None:
    git(shared, "clone", "--quiet", str(shared.root), str(tmp_path / "second"))
    second = SmallRepository(tmp_path / "second")
    shutil.copytree(shared.mirror, second.mirror)
    say(shared, "pilsa", "use", "tiny")
    say(second, "pilsa", "use", "other")
    say(shared, "pilsa", "kernel", "join", "m01/a")
    say(second, "pilsa", "kernel", "join", "m02/b")
    git(second, "config", "pilsa.member", "m02")
    before = [local(clone) for clone in (shared, second)]
    assert [own["kernels"] for own in before] == [["m01/a"], ["m02/b"]]
    for clone, other in ((shared, second), (second, shared)):
        clone.write(f"kernels/{clone.root.name}.md", "a note\n")
        git(clone, "add", "-A")
        git(clone, "commit", "--quiet", "-m", "a note")
        git(other, "pull", "--quiet", "--no-edit", "--no-rebase", str(clone.root), "main")
    assert [local(clone) for clone in (shared, second)] == before
    assert git(shared, "status", "--porcelain") == git(second, "status", "--porcelain") == ""


@pytest.mark.slow
def test_no_run_depends_on_who_or_where_one_is(shared: SmallRepository) -> None:
    say(shared, "pilsa", "use", "tiny")
    first = say(shared, "dvc", "repro")
    assert "Running stage 'ensemble@tiny'" in first
    text = shared.read("local.yaml")
    shared.write("local.yaml", text.replace("member: m01", "member: m09").replace("cpu", "auto"))
    git(shared, "config", "pilsa.member", "m07")
    assert "Running stage" not in say(shared, "dvc", "repro")
    # The lists are what the ensemble is made of.
    say(shared, "pilsa", "use", "other")
    say(shared, "pilsa", "use", "tiny")
    assert "Running stage" not in say(shared, "dvc", "repro")


@pytest.mark.slow
def test_an_experiment_in_a_copy_takes_the_file_along(shared: SmallRepository) -> None:
    say(shared, "pilsa", "use", "tiny")
    words = ("dvc", "exp", "run", "--temp", "-S", "+train.knn.k=3", "-C", "local.yaml")
    assert "Ran experiment" in say(shared, *words)
    history = (shared.root / ".cache" / "pilsa" / "runs").glob("*/record.json")
    found = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in history]
    assert [one["parameters"]["k"] for one in found if one["name"] == "models/knn"] == [3]
