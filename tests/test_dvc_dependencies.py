"""DVC does not follow imports: every file of ours that decides a stage's numbers must stand in its deps."""

from pathlib import Path

import pytest
import yaml

from pipelines.plumbing import registry, sources

ROOT = Path(__file__).parents[1]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
PLUGINS = {"download": "platforms", "tune": "models", "train": "models", "ensemble": "ensembles"}


def dependencies(stage: str, item: str = "") -> list[str]:
    deps = [
        dep
        for dep in STAGES[stage].get("deps", [])
        if not dep.startswith(("data/", "submissions/"))
    ]
    return [
        dep.replace("${item.model}", item)
        .replace("${item.kernel}", "m01/knn-pca")
        .replace("${item.competition}", "digits")
        for dep in deps
    ]


def lacking(stage: str, listed: list[str], *plugins: str) -> list[str]:
    """Numeric files that the stage imports and that neither stand in its deps nor in a listed folder."""
    closure = sources.closure(f"pipelines.stages.{stage}", *plugins)
    covered = [Path(dep) for dep in listed]
    return [
        str(path)
        for path in closure
        if sources.is_numeric(path)
        and not any(path == dep or dep in path.parents for dep in covered)
    ]


def cases() -> list[tuple[str, str]]:
    found = []
    for stage in STAGES:
        family = PLUGINS.get(stage)
        names = registry.names(family) if family else [""]
        found += [(stage, name) for name in names]
    return found


@pytest.mark.parametrize(("stage", "plugin"), cases())
def test_every_numeric_import_is_a_dependency(stage: str, plugin: str) -> None:
    modules = [f"pipelines.{PLUGINS[stage]}.{plugin}"] if plugin else []
    assert lacking(stage, dependencies(stage, plugin), *modules) == []


def test_a_missing_dependency_would_be_found() -> None:
    listed = [dep for dep in dependencies("train", "knn") if not dep.endswith("values/folds.py")]
    assert lacking("train", listed, "pipelines.models.knn") == ["pipelines/values/folds.py"]


@pytest.mark.parametrize("stage", STAGES)
def test_every_dependency_exists(stage: str) -> None:
    for dep in dependencies(stage, "knn"):
        assert (ROOT / dep).exists(), f"{stage} depends on {dep}, which is not there"


def test_exceptions_are_printed_and_exist(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(
            "\nin no stage's deps, since they change no number: " + ", ".join(sources.NOT_NUMERIC)
        )
    assert all((ROOT / path).exists() for path in sources.NOT_NUMERIC)


def test_a_stage_never_writes_into_a_folder_that_it_depends_on() -> None:
    for name, stage in STAGES.items():
        outs = [
            out if isinstance(out, str) else next(iter(out))
            for kind in ("outs", "metrics", "plots")
            for out in stage.get(kind, [])
        ]
        for out in outs:
            for dep in stage.get("deps", []):
                assert not out.startswith(f"{dep}/"), (
                    f"{name} writes {out} into its dependency {dep}"
                )


def test_only_dvc_itself_writes_names_into_a_command() -> None:
    """It quotes the values of `${item}`; a `${item.model}` of ours would reach the shell as it is."""
    for name, stage in STAGES.items():
        assert stage["cmd"] == f"python -m pipelines.stages.{name} ${{item}}"
