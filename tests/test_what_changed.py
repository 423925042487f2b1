"""One answer to "did the code change": each file is changed in turn, and what is redone is held against a real run.

What is right comes from the run itself: every process of it writes down which of our files it had loaded,
opened or started when it ended. That is compared with what the rule over imports says, for the stages (asked
of DVC), for kept fits and for kept views.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from pipelines.plumbing import sources, stage_deps
from pipelines.training import finished
from tests.workspace.small_repository import PATIENCE, SmallRepository

# Loaded by every python process of the small repository before anything else.
WRITES_DOWN = """
import atexit, json, os, sys
from pathlib import Path
ROOT = os.environ.get("TRACED")
touched = set()
def note(path):
    text = os.fspath(path) if isinstance(path, (str, os.PathLike)) else ""
    text = text.decode(errors="replace") if isinstance(text, bytes) else text
    if text.startswith(ROOT) and "__pycache__" not in text:
        touched.add(text[len(ROOT) + 1:])
def hook(event, args):
    if event == "open":
        note(args[0])
    elif event == "subprocess.Popen":
        for word in args[1]:
            note(word)
def write():
    for module in list(sys.modules.values()):
        note(getattr(module, "__file__", None) or "")
    folder = Path(ROOT, "..", "traces"); folder.mkdir(exist_ok=True)
    asked = [word for word in sys.orig_argv[1:] if not word.startswith("-X")]
    Path(folder, str(os.getpid())).write_text(json.dumps({"asked": asked, "touched": sorted(touched)}))
if ROOT:
    sys.addaudithook(hook)
    atexit.register(write)
"""
KERNEL = """# %% [markdown]
# # Nearest centres
# %%
import numpy as np, pandas as pd
train, test = (pd.read_csv(f"../input/tiny/{name}.csv") for name in ("train", "test"))
columns = [name for name in test.columns if name != "id"]
centres = train.groupby("label")[columns].mean()
gaps = ((test[columns].to_numpy()[:, None] - centres.to_numpy()[None]) ** 2).sum(axis=2)
test[["id"]].assign(label=centres.index[gaps.argmin(axis=1)]).to_csv("submission.csv", index=False)
"""
RUN_FIT = """
import sys
from pathlib import Path
from pipelines.training import fits
fits.run(fits.FitSpec.load(Path(sys.argv[1])))
"""
PLAN_FIT = """
import sys
from pathlib import Path
from pipelines.training import cross_validation, plan
made = plan.load("tiny", sys.argv[1])
cross_validation.specs_of(made, cross_validation.Tuned({}, {}))[0].save(Path(sys.argv[2]))
"""
RUN_VIEW = """
import asyncio, sys
from pathlib import Path
from types import SimpleNamespace
from pipelines.cells import conversion
from pipelines.notebooks import view_run, views
from pipelines.sandbox import isolate
from pipelines.sandbox.task import GIB, Limits
from pipelines.values import kernel
found = kernel.load("m01/centres")
ready = view_run.PreparedKernel(
    found, views.load("tiny"), conversion.from_percent(found.code), SimpleNamespace(python=Path(sys.executable), packages={}, is_own=False),
    isolate.detect(False), Limits(seconds=60, memory_bytes=4 * GIB, threads=1), view_run.probe.source(found.file, None),
    Path("alone").resolve(),
)
assert asyncio.run(view_run.run_view(ready, "fold0", print)).is_valid
"""
BACKENDS = {"knn": None, "cnn": "tensorflow"}
MODELS = tuple(BACKENDS)
SETTINGS = {
    "models": list(MODELS),
    "kernels": ["m01/centres"],
    "language": "ko",
    "tune": {"knn": {"trials": 2}, "cnn": {"trials": 0}},
    "train": {"knn": {}, "cnn": {"epochs": 1}},
    "ensemble": {"methods": ["mean", "weighted"], "choose": "best"},
}


@dataclass
class Traced:
    """A small repository whose DAG has run, and which files each of its parts touched."""

    repository: SmallRepository
    stages: dict[str, set[str]]
    fits: dict[str, set[str]]
    view: set[str]

    @property
    def files(self) -> list[str]:
        """Every file of ours that could be changed."""
        root = self.repository.root
        found = [path for package in sources.PACKAGES for path in (root / package).rglob("*")]
        return sorted(
            path.relative_to(root).as_posix()
            for path in found
            if path.is_file() and "__pycache__" not in path.parts
        )


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Traced:
    repository = SmallRepository(tmp_path_factory.mktemp("traced") / "small").make()
    repository.write_params(**SETTINGS)
    repository.write("kernels/m01/centres/kernel.py", KERNEL)
    repository.write(
        "kernels/m01/centres/kernel.yaml", "competition: tiny\nsource: {platform: own}\n"
    )
    repository.write("sitecustomize.py", WRITES_DOWN)
    environment = repository.environment | {"TRACED": str(repository.root)}

    def run(*command: str) -> None:
        done = subprocess.run(
            command, cwd=repository.root, env=environment, text=True, capture_output=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    run("git", "init", "-q")
    run(sys.executable, "-m", "dvc", "repro")
    for model in MODELS:
        run(sys.executable, "-c", PLAN_FIT, model, f"{model}.npz")
        run(sys.executable, "-c", RUN_FIT, f"{model}.npz")
    run(sys.executable, "-c", RUN_VIEW)
    return Traced(repository, *_read_traces(repository.root.parent / "traces"))


def _read_traces(folder: Path) -> tuple[dict[str, set[str]], dict[str, set[str]], set[str]]:
    stages: dict[str, set[str]] = {}
    fits: dict[str, set[str]] = {}
    view: set[str] = set()
    for path in folder.iterdir():
        trace = json.loads(path.read_text(encoding="utf-8"))
        asked, touched = trace["asked"], _that_decide(trace["touched"])
        if asked[:1] == ["-m"] and asked[1].startswith("pipelines.stages."):
            item = next(
                (asked[i + 1] for i, word in enumerate(asked) if word in ("--model", "--kernel")),
                None,
            )
            name = asked[1].rpartition(".")[2]
            stages[f"{name}@tiny" + (f"-{item}" if item else "")] = touched
        elif asked[1:2] == [RUN_FIT]:
            fits[Path(asked[2]).stem] = touched
        elif asked[1:2] == [RUN_VIEW]:
            view = touched
    return stages, fits, view


def _that_decide(touched: list[str]) -> set[str]:
    """Without the rooms that decide no number."""
    silent = ("pipelines/plumbing/", "pipelines/tracking/")
    return {
        name
        for name in touched
        if name.startswith(sources.PACKAGES) and not name.startswith(silent)
    }


_EXCEPT = {
    # Loaded by `review`, but only because records speak of predictions: see `DECIDES_NO_NUMBER`.
    ("review@tiny", "pipelines/values/predictions.py"),
    ("review@tiny", "pipelines/values/scores.py"),
    # Loaded with the engine, but a model without a backend never calls it.
    ("knn", "pipelines/training/backend.py"),
    # Read for a kernel with an environment of its own, which this one has not.
    ("kernel@tiny-m01/centres", "pipelines/notebooks/imports.yaml"),
}


def _cannot_be_listed(stage: str, name: str) -> bool:
    """A file of a plugin family, or of what only plugins import, in a stage that cannot list each plugin's own."""
    if stage.startswith(("tune", "train")):
        return name.startswith(("features/", "pipelines/models/_"))
    return name.startswith(("pipelines/platforms/", "pipelines/ensembles/"))


def _rendered_with(stage: str) -> tuple[str, ...]:
    return stage_deps.RENDERED_WITH.get(stage.partition("@")[0], ())


@pytest.mark.slow
@pytest.mark.timeout(4 * PATIENCE)
def test_exactly_what_a_changed_file_decides_is_redone(
    traced: Traced, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dvc.repo import Repo

    root = traced.repository.root
    monkeypatch.setattr(sources, "CODE_ROOT", root)
    monkeypatch.chdir(root)
    assert set(traced.stages) == {
        "download@tiny", "preprocess@tiny", "tune@tiny-knn", "tune@tiny-cnn", "train@tiny-knn", "train@tiny-cnn",
        "kernel@tiny-m01/centres", "ensemble@tiny", "submission@tiny", "review@tiny",
    }  # fmt: skip
    assert Repo(str(root)).status() == {}

    def keys() -> dict[str, str]:
        fits = {model: finished.key(model, BACKENDS[model], "tiny") for model in MODELS}
        return fits | {"view": sources.fingerprint(sources.closure("pipelines.notebooks.view_run"))}

    before, wrong, redone = keys(), [], 0
    right = traced.fits | {"view": traced.view}
    for name in traced.files:
        path = root / name
        content = path.read_bytes()
        path.write_bytes(content + (b"\n_CHANGED = 1\n" if name.endswith(".py") else b"\n"))
        stages = {stage.partition(":")[2] or stage for stage in Repo(str(root)).status()}
        after = keys()
        path.write_bytes(content)
        wrong += [
            f"{name}: {stage} {'runs again' if stage in stages else 'stays'}"
            for stage, touched in traced.stages.items()
            if (stage in stages) != (name in {*touched, *_rendered_with(stage)})
            and (stage, name) not in _EXCEPT
            and not (stage in stages and _cannot_be_listed(stage, name))
        ]
        wrong += [
            f"{name}: {kept} {'is redone' if before[kept] != after[kept] else 'is kept'}"
            for kept, touched in right.items()
            if (before[kept] != after[kept]) != (name in touched) and (kept, name) not in _EXCEPT
        ]
        redone += len(stages) + sum(before[kept] != after[kept] for kept in right)
    print(f"{len(traced.files)} files changed in turn, {redone} stages, fits and views redone")
    assert wrong == [], "\n".join(wrong)
    assert Repo(str(root)).status() == {}


@pytest.mark.slow
@pytest.mark.timeout(2 * PATIENCE)
def test_a_new_import_never_gives_an_old_answer(traced: Traced) -> None:
    """Plain `dvc repro`, without `make deps`: the stage that gained an import refuses, and runs once it is listed."""
    repository = traced.repository
    metrics = repository.root / "pipelines/values/metrics.py"
    text = metrics.read_text(encoding="utf-8")
    repository.write("pipelines/values/rounding.py", "DIGITS = 4\n")
    metrics.write_text(
        text + "\nfrom pipelines.values.rounding import DIGITS  # noqa\n", encoding="utf-8"
    )
    refused = repository.run("dvc", "repro", "train")
    assert refused.returncode != 0
    assert "lack pipelines/values/rounding.py: run `make deps`" in refused.stdout + refused.stderr
    assert repository.run("python", "-m", "pipelines.plumbing.stage_deps").returncode == 0
    listed = yaml.safe_load(repository.read("dvc.yaml"))["stages"]["train"]["deps"]
    assert "pipelines/values/rounding.py" in listed
    done = repository.run("dvc", "repro", "train")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is cached" not in done.stdout
    assert os.path.lexists(repository.root / "data/tiny/predictions/knn.npz")
