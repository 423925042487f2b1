"""Bad input, end to end through the command line: a clear error, a non-zero exit, nothing lost, nothing executed."""

import hashlib
import re
import signal
import time
from pathlib import Path

import pytest
import yaml

from tests.workspace.small_repository import PATIENCE, SmallRepository, full_disk

pytestmark = pytest.mark.slow  # whole commands in repositories of their own

# A model of somebody's whose `fit` does what the test needs.
MODEL = """
import time
from pathlib import Path

import numpy as np

from pipelines.plumbing.errors import MemberFailed
from pipelines.models import Model


class Made(Model):
    def fit(self, X, y, validation):
        {fit}
        return self

    def predict(self, X):
        return np.full((len(X), self.job.width), 1 / self.job.width, np.float32)
"""
BAIT = "touch pwned"


@pytest.fixture
def repository(tmp_path: Path) -> SmallRepository:
    return SmallRepository(tmp_path / "small").make()


def refused(repository: SmallRepository, *command: str) -> str:
    """The message of `pilsa repro` where it must stop before the first stage."""
    done = repository.run(*(command or ("pilsa", "repro")))
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "Running stage" not in done.stdout
    return done.stderr


def add_model(repository: SmallRepository, name: str, fit: str) -> None:
    repository.write(f"pipelines/models/{name}.py", MODEL.format(fit=fit))
    both = {model: {"trials": 0} for model in (name, "knn")}
    repository.write_params(models=[name, "knn"], tune=both, train={name: {}, "knn": {}})


HOSTILE = [f"digits; {BAIT}", f"a'; $({BAIT}); '", "../up"]


@pytest.mark.parametrize("name", HOSTILE)
def test_shell_characters_in_names_are_refused_and_nothing_is_executed(
    repository: SmallRepository, name: str
) -> None:
    (repository.root / "pipelines" / "models" / f"{name.replace('/', '_')}.py").touch()
    for key, value in (
        ("competition", name), ("models", [name]), ("kernels", [f"m01/{name}"]), ("member", name),
        ("ensemble", {"methods": [name]}), ("tune", {name: {}}), ("train", {name: {}}),
    ):  # fmt: skip
        repository.write_params(**{key: value})
        if name == HOSTILE[0] or key == "competition":
            assert re.match(r"pilsa: (params|local)\.yaml: ", refused(repository))
    assert not list(repository.root.rglob("pwned*"))


@pytest.mark.parametrize("name", HOSTILE[:2])
@pytest.mark.parametrize("key", ["competition", "models"])
def test_plain_dvc_executes_no_name_either(
    repository: SmallRepository, name: str, key: str
) -> None:
    """Somebody may call DVC without pilsa's checks before it."""
    sections = {"tune": {name: {"trials": 0}}, "train": {name: {}}}
    value = name if key == "competition" else [name]
    repository.write_params(**(sections | {key: value}))
    repository.write(".dvc/config", repository.read(".dvc/config") + "    no_scm = true\n")
    assert repository.run("dvc", "repro").returncode != 0
    assert not list(repository.root.rglob("pwned*"))


@pytest.mark.parametrize(
    ("file", "before", "after", "message"),
    [
        ("local.yaml", "competition: tiny", "competition: tinny", "'tinny'; did you mean 'tiny'?"),
        ("params.yaml", "n_splits: 3", "n_split: 3", "unknown key 'folds.n_split'; did you mean 'n_splits'?"),
        ("params.yaml", "seed: 7", "sead: 7", "unknown key 'sead'; did you mean 'seed'?"),
        ("params.yaml", "trials: 0", "trails: 0", "unknown key 'tune.knn.trails'; did you mean 'trials'?"),
        ("params.yaml", "train:\n  knn: {}\n", "train: {}\n", "must have a section 'knn' under train, found []: add `knn: {}`"),
        ("params.yaml", "preprocess:\n  max_rows: 0\n", "", "'preprocess' is missing"),
        ("params.yaml", "seed: 7", "seed: [7", "params.yaml must be YAML"),
        ("competitions/tiny.yaml", "metric: accuracy", "metrik: accuracy", "unknown key 'metrik'; did you mean 'metric'?"),
        ("competitions/tiny.yaml", "metric: accuracy", "metric: rmse", "metric must fit the task"),
        ("competitions/tiny.yaml", "platform: files", "platform: flies", "found 'flies'; did you mean 'files'?"),
    ],
)  # fmt: skip
def test_a_wrong_setting_stops_at_once_and_names_the_nearest(
    repository: SmallRepository, file: str, before: str, after: str, message: str
) -> None:
    text = repository.read(file)
    assert before in text
    repository.write(file, text.replace(before, after))
    assert message in refused(repository)
    assert not (repository.root / "data").exists()


def test_a_file_in_place_of_the_store_folder(repository: SmallRepository) -> None:
    repository.write("mlruns", "a file\n")
    done = repository.pilsa("repro")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "a file lies where a folder must be" in repository.scores()["failed"][0]["reason"]
    assert repository.read("mlruns") == "a file\n"


@pytest.mark.slow
def test_without_commits_and_without_git_at_all(repository: SmallRepository) -> None:
    assert repository.run("git", "init", "--quiet").returncode == 0
    first = repository.pilsa("repro")
    assert first.returncode == 0, first.stderr
    (repository.root / ".git").rename(repository.root.parent / "elsewhere")
    repository.write_params(train={"knn": {"k": 3}})
    second = repository.pilsa("repro")
    assert second.returncode == 0, second.stderr
    assert "no git repository here" in second.stderr
    assert "Stage 'preprocess@tiny' didn't change, skipping" in second.stdout
    assert "Running stage 'train@tiny-knn'" in second.stdout
    record = yaml.safe_load(repository.read("data/tiny/scores/knn.json"))
    assert (record["git_commit"], record["parameters"]["k"]) == (None, 3)


def test_an_altered_download_without_a_network(repository: SmallRepository) -> None:
    train = repository.mirror / "tiny" / "train.csv"
    whole = train.read_bytes()
    train.write_bytes(whole[:-20])
    done = repository.pilsa("repro")
    assert done.returncode == 1
    (failure,) = repository.scores()["failed"]
    assert failure["stage"] == "download@tiny"
    wanted, found = (
        hashlib.md5(content, usedforsecurity=False).hexdigest()
        for content in (whole, train.read_bytes())
    )
    for part in (wanted, found, "train.csv", "put the original file there"):
        assert part in failure["reason"]
    assert wanted in done.stderr
    assert not (repository.root / "data" / "tiny" / "raw").exists()
    train.write_bytes(whole)
    assert repository.stage("download", "tiny").returncode == 0
    assert repository.scores()["failed"] == []


def test_a_full_disk_leaves_the_old_bytes_or_none(repository: SmallRepository) -> None:
    assert repository.stage("download", "tiny").returncode == 0
    raw = {path.name: path.read_bytes() for path in (repository.root / "data/tiny/raw").iterdir()}
    with full_disk(repository.root / "data", "24k") as is_mounted:
        if not is_mounted:
            pytest.skip("this machine lets nobody mount a small disk")
        for name, content in raw.items():
            repository.write(f"data/tiny/raw/{name}", content.decode())
        done = repository.stage("preprocess", "tiny")
        assert done.returncode == 1
        assert "the disk is full: free some space" in done.stderr
        assert "Traceback" not in done.stderr
        left = {path.name for path in (repository.root / "data" / "tiny").iterdir()}
        assert left == {"raw"}
        failure = repository.scores()["failed"][0]
        assert (failure["stage"], "the disk is full" in failure["reason"]) == (
            "preprocess@tiny",
            True,
        )
    again = repository.stage("preprocess", "tiny")
    assert again.returncode == 0, again.stderr


@pytest.mark.slow
def test_of_two_at_once_the_second_is_refused_and_the_first_undisturbed(
    repository: SmallRepository,
) -> None:
    add_model(
        repository,
        "patient",
        "Path('waiting').touch(); [time.sleep(0.1) for _ in iter(Path('go').exists, True)]",
    )
    first = repository.start("pilsa", "repro")
    try:
        end = time.monotonic() + PATIENCE
        while not (repository.root / "waiting").exists():
            assert first.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)
        second = repository.pilsa("repro")
        assert second.returncode == 1
        assert "only one process may do this at a time" in second.stderr
        assert f"process {first.pid} (make repro" in second.stderr
        assert "Running stage" not in second.stdout
        (repository.root / "go").touch()
        assert first.wait(PATIENCE) == 0
    finally:
        if first.poll() is None:
            first.send_signal(signal.SIGKILL)
    found = repository.scores()
    assert (found["failed"], found["missing"]) == ([], [])
    assert {score["name"] for score in found["scores"]} >= {"models/patient", "models/knn"}


@pytest.mark.slow
def test_a_model_that_fails_is_reported_and_the_others_go_on(repository: SmallRepository) -> None:
    add_model(
        repository, "broken", "raise MemberFailed('the loss must stay finite: lower learning_rate')"
    )
    done = repository.pilsa("repro")
    retry = "dvc repro -s -f train@tiny-broken"
    assert done.returncode == 1
    assert (
        "failed train@tiny-broken: broken failed on fold 0: the loss must stay finite"
        in done.stdout
    )
    assert f"again: {retry}" in done.stdout
    found = repository.scores()
    assert [(one["stage"], one["retry"]) for one in found["failed"]] == [
        ("train@tiny-broken", retry)
    ]
    # Of one member that is left there is no ensemble: it is submitted itself.
    assert {score["name"] for score in found["scores"]} == {"models/knn"}
    assert found["ensemble"]["missing"] == ["broken"]
    assert (repository.root / "submissions" / "tiny.csv").is_file()
    page = repository.read("reports/tiny.html")
    assert "train@tiny-broken" in page
    assert retry in page

    add_model(repository, "broken", "pass")
    again = repository.run(*retry.split())
    assert again.returncode == 0, again.stderr
    assert repository.scores()["failed"] == []
    whole = repository.pilsa("repro")
    assert whole.returncode == 0, whole.stderr
    assert "Stage 'train@tiny-broken' didn't change, skipping" in whole.stdout
    assert repository.scores()["ensemble"]["missing"] == []
