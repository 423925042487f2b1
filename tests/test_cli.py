"""The `pilsa` command as a user meets it: help, JSON, exit statuses, errors without tracebacks."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.workspace.small_repository import SmallRepository

COMMANDS = [
    ["repro"],
    ["scores"],
    ["submit"],
    ["use"],
    ["models"],
    ["clean"],
    ["doctor"],
    ["ui"],
    ["practice-server"],
    ["runs"],
    ["runs", "mirror"],
]


def as_json(done: "subprocess.CompletedProcess[str]") -> Any:
    """What was printed, which must be JSON from the first character to the last."""
    return json.loads(done.stdout)


def complaint(done: "subprocess.CompletedProcess[str]") -> str:
    """The message of a command that failed as it should: on standard error, in pilsa's words."""
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("pilsa: ")
    return done.stderr


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> SmallRepository:
    """A repository in which nothing has run; tests leave it as it is."""
    return SmallRepository(tmp_path_factory.mktemp("fresh") / "small").make()


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory,
) -> "tuple[SmallRepository, subprocess.CompletedProcess[str]]":
    """A competition that is graded here, rebuilt once; and what `pilsa repro --json` printed."""
    repository = SmallRepository(tmp_path_factory.mktemp("built") / "small").make()
    repository.write_competition(
        "flowers", image=None, id="position", source={"platform": "bundled", "dataset": "wine"}
    )
    repository.write_params(competition="flowers")
    return repository, repository.pilsa("repro", "--json")


@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_every_command_has_help(fresh: SmallRepository, command: list[str]) -> None:
    done = fresh.pilsa(*command, "--help")
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.lstrip().startswith(f"Usage: {' '.join(['pilsa', *command])}")
    if command not in ([], ["runs"]):
        assert "--json" in done.stdout


def test_help_needs_no_repository(fresh: SmallRepository, tmp_path: Path) -> None:
    done = subprocess.run(
        ["pilsa", "--help"], cwd=tmp_path, env=fresh.environment, capture_output=True, check=False
    )
    assert done.returncode == 0


def test_all_commands_are_known() -> None:
    """A new command has to be added to the tests above."""
    from pipelines import cli

    named = [
        command.name or command.callback.__name__
        for command in cli.app.registered_commands
        if command.callback
    ]
    groups = [
        f"runs {command.callback.__name__}"
        for command in cli.runs.registered_commands
        if command.callback
    ]
    assert sorted([*named, *groups, "runs"]) == sorted(" ".join(command) for command in COMMANDS)


@pytest.mark.slow
def test_repro_prints_its_scores_as_json_and_all_else_apart(
    built: "tuple[SmallRepository, subprocess.CompletedProcess[str]]",
) -> None:
    _, done = built
    assert done.returncode == 0, done.stderr
    content = as_json(done)
    assert [score["name"] for score in content["scores"]] != []
    assert (content["failed"], content["missing"]) == ([], [])
    assert "Running stage 'train@flowers-knn'" in done.stderr


@pytest.mark.slow
def test_scores_are_the_same_as_text_and_as_json(
    built: "tuple[SmallRepository, subprocess.CompletedProcess[str]]",
) -> None:
    repository, rebuilt = built
    done, text = repository.pilsa("scores", "--json"), repository.pilsa("scores")
    assert (done.returncode, text.returncode, done.stderr) == (0, 0, "")
    assert as_json(done)["scores"] == as_json(rebuilt)["scores"]
    for score in as_json(done)["scores"]:
        assert f"{score['name']} " in text.stdout
        assert f"{score['cv_mean']:.4f} ± {score['cv_std']:.4f}" in text.stdout


@pytest.mark.slow
def test_a_submission_is_graded_once(
    built: "tuple[SmallRepository, subprocess.CompletedProcess[str]]",
) -> None:
    repository, rebuilt = built
    row = as_json(repository.pilsa("submit", "--json", "-m", "첫 제출"))
    assert row["name"] == as_json(rebuilt)["ensemble"]["chosen"]
    assert row["message"] == "첫 제출"
    assert 0.5 < row["lb_public"] <= 1
    assert 0.5 < row["lb_private"] <= 1
    ledger = repository.listing("submissions/ledger")
    assert "must be new" in complaint(repository.pilsa("submit"))
    assert repository.listing("submissions/ledger") == ledger
    best = next(score for score in repository.scores()["scores"] if score["name"] == row["name"])
    assert (best["lb_public"], best["lb_private"]) == (row["lb_public"], row["lb_private"])


@pytest.mark.slow
def test_a_file_that_somebody_brings_has_no_cv(
    built: "tuple[SmallRepository, subprocess.CompletedProcess[str]]",
) -> None:
    repository, _ = built
    built_file = repository.read("submissions/flowers.csv").splitlines()
    other = {"class_0": "class_1", "class_1": "class_2", "class_2": "class_0"}
    number, label = built_file[1].split(",")
    repository.write(
        "mine.csv", "\n".join([built_file[0], f"{number},{other[label]}", *built_file[2:]]) + "\n"
    )
    done = repository.pilsa("submit", "mine.csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("flowers: file: LB public ")
    repository.write("short.csv", "\n".join(built_file[:5]) + "\n")
    assert "ids must be those of the sample" in complaint(repository.pilsa("submit", "short.csv"))
    assert "nothing.csv must be a CSV file" in complaint(repository.pilsa("submit", "nothing.csv"))


@pytest.mark.slow
def test_mirroring_twice_changes_nothing(
    built: "tuple[SmallRepository, subprocess.CompletedProcess[str]]",
) -> None:
    repository, _ = built
    assert as_json(repository.pilsa("runs", "mirror", "--json")) == {"new": 0}
    (repository.root / "mlruns" / "mlflow.db").unlink()
    assert as_json(repository.pilsa("runs", "mirror", "--json")) == {"new": 1}
    assert repository.pilsa("runs", "mirror").stdout == "0 runs were new to the store\n"


@pytest.mark.slow
def test_the_address_of_the_pages_is_told(
    built: "tuple[SmallRepository, subprocess.CompletedProcess[str]]",
) -> None:
    repository, _ = built
    content = as_json(repository.pilsa("ui", "--json", "--port", "5055"))
    assert content["url"].startswith("http://127.0.0.1:5055/#/experiments/")
    assert "5055" in content["command"]


def test_scores_before_anything_has_run_exit_with_1(fresh: SmallRepository) -> None:
    done = fresh.pilsa("scores", "--json")
    assert done.returncode == 1
    assert as_json(done)["missing"] == ["knn", "ensemble", "submission"]
    assert "missing knn" in fresh.pilsa("scores").stdout


def test_the_doctor_prints_findings_and_exits_by_the_worst(tmp_path: Path) -> None:
    repository = SmallRepository(tmp_path / "small").make()
    findings = as_json(repository.pilsa("doctor", "--json"))
    assert {"name", "state", "found", "next"} == set(findings[0])
    repository.write_params(models=["knm"])
    done = repository.pilsa("doctor")
    assert done.returncode == 1
    assert "BAD  params.yaml: models must be files of pipelines/models/, found 'knm'" in done.stdout


def test_switching_says_what_is_active_now(tmp_path: Path) -> None:
    repository = SmallRepository(tmp_path / "small").make()
    repository.write_competition("other", baselines=["knn"])
    assert as_json(repository.pilsa("use", "other", "--json")) == {
        "competition": "other",
        "models": ["knn"],
        "tuned": {},
    }
    assert repository.pilsa("use", "tiny").stdout == "tiny with knn: `make repro` builds it\n"
    assert "did you mean 'other'" in complaint(repository.pilsa("use", "othr"))
    assert repository.pilsa("use").stdout == "tiny with knn: `make repro` builds it\n"


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_an_error_is_one_message_on_standard_error(
    fresh: SmallRepository, option: list[str]
) -> None:
    assert "did you mean 'tiny'" in complaint(fresh.pilsa("scores", "-c", "tinny", *option))
    assert "submissions/tiny.csv must exist" in complaint(fresh.pilsa("submit", *option))


@pytest.mark.slow
def test_outside_a_repository_every_command_says_where_to_go(
    fresh: SmallRepository, tmp_path: Path
) -> None:
    for command in (["scores"], ["repro"], ["doctor"], ["use", "tiny"], ["submit"]):
        done = subprocess.run(
            ["pilsa", *command],
            cwd=tmp_path,
            env=fresh.environment,
            text=True,
            capture_output=True,
            check=False,
        )
        assert "pilsa must run inside its repository" in complaint(done)


@pytest.mark.parametrize(
    "arguments", [["scroes"], ["scores", "--jsn"], ["use", "a", "b"], ["ui", "--port", "many"]]
)
def test_a_wrong_call_is_exit_status_2(fresh: SmallRepository, arguments: list[str]) -> None:
    done = fresh.pilsa(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
