import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipelines.tracking import provenance
from tests.conftest import Workshop


def git(*words: str) -> str:
    who = ["-c", "user.name=m01", "-c", "user.email=m01@example.org"]
    return subprocess.run(
        ["git", *who, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_the_commit_says_when_files_differ_from_it(workshop: Workshop) -> None:
    assert provenance.git_commit() is None
    git("init", "-q")
    assert provenance.git_commit() is None
    Path(".gitignore").write_text("/data/\n/.cache/\n", encoding="utf-8")
    git("add", "-A")
    git("commit", "-q", "-m", "start")
    commit = git("rev-parse", "HEAD")
    assert provenance.git_commit() == commit
    Path("kernels/m01/knn").mkdir(parents=True)
    Path("submissions/ledger/tiny").mkdir(parents=True, exist_ok=True)
    for own in ("dvc.lock", "kernels/m01/knn/result.json", "submissions/ledger/tiny/row.json"):
        Path(own).write_text("written by the run itself", encoding="utf-8")
    assert provenance.git_commit() == commit
    workshop.write_params(seed=8)
    assert provenance.git_commit() == f"{commit}+changes"


def test_no_git_program_is_no_error(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert provenance.git_commit() is None


def test_the_environment_is_known_and_nothing_heavy_imported() -> None:
    code = (
        "import sys; from pipelines.tracking import mlflow_store, provenance; found = provenance.environment('tensorflow');"
        "assert not {'keras', 'tensorflow', 'mlflow'} & set(sys.modules); import json; print(json.dumps(found))"
    )
    root = Path(__file__).parents[2]
    asked = subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True)
    found = json.loads(asked.stdout)
    assert set(found) >= {
        "python",
        "platform",
        "cpus",
        "numpy",
        "scikit-learn",
        "keras",
        "tensorflow",
    }
    assert found["numpy"] == np.__version__


def test_a_backend_that_is_not_installed_is_left_out() -> None:
    assert "no-such-backend" not in provenance.environment("no-such-backend")
