"""Heavy libraries are imported where they are used: not for a page of help, not in a stage without a network."""

import json
import subprocess

import pytest

from tests.workspace.small_repository import SmallRepository

NETWORKS = {"tensorflow", "keras", "jax", "torch"}
HEAVY = NETWORKS | {"mlflow", "sklearn", "pandas", "numpy", "scipy", "optuna", "matplotlib", "dvc"}
# In the order in which they need each other; networks among the models, and a tuning of kNN.
STAGES = [
    "download tiny", "preprocess tiny", "tune tiny knn", "tune tiny cnn", "train tiny knn", "ensemble tiny",
    "submission tiny", "review tiny",
]  # fmt: skip
REPORT = "print('\\n' + json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
STAGE = "import json, sys; from pipelines.stages.{0} import {0} as stage; stage(*{1}); "


def imported(done: "subprocess.CompletedProcess[str]") -> set[str]:
    """What a process said that it had imported, by the names of the packages."""
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> SmallRepository:
    made = SmallRepository(tmp_path_factory.mktemp("late") / "small").make()
    made.write_params(
        models=["cnn", "knn"],
        tune={"cnn": {"trials": 0}, "knn": {"trials": 2}},
        train={"cnn": {"epochs": 1}, "knn": {}},
    )
    return made


@pytest.mark.parametrize(
    "arguments", [["--help"], ["scores", "--help"], ["runs", "mirror", "--help"]]
)
def test_help_imports_nothing_heavy(repository: SmallRepository, arguments: list[str]) -> None:
    program = f"""
import json, sys
from pipelines import cli
sys.argv = ["pilsa", *{arguments}]
try:
    cli.main()
except SystemExit as end:
    assert not end.code
{REPORT}
"""
    found = imported(repository.run("python", "-c", program))
    assert "typer" in found
    assert found & HEAVY == set()


@pytest.mark.slow
def test_only_the_training_of_a_network_imports_one(repository: SmallRepository) -> None:
    with_network = {}
    for words in [*STAGES, "train tiny cnn"]:
        stage, *given = words.split()
        done = repository.run("python", "-c", STAGE.format(stage, given) + REPORT)
        with_network[words] = bool(imported(done) & NETWORKS)
    assert with_network == {**dict.fromkeys(STAGES, False), "train tiny cnn": True}
