"""What the stages of dvc.yaml depend on of our own files: written by `make deps`, checked when a stage starts.

DVC follows no imports. A stage lists the files that its module is made of (see `sources`); of plugins that it
loads by the name in its own matrix (`--model knn`) that one file, as `${item.model}`; of others their folder.
What only plugins import is listed by folder too, so that a new plugin needs no new list.

The list can only become too short by a change of a listed file, and such a change starts the stage, which
then refuses to run: no answer is older than the code.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.plumbing import paths, sources
from pipelines.plumbing.atomic import write_text
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.schema import read_yaml

_INDENT = "      - "
# A page is no number, so what it is rendered with is not found by the rule over imports.
RENDERED_WITH = {
    "review": ("pipelines/plumbing/pages.py", "pipelines/tracking/ko.po", "pipelines/values/ko.po"),
}
_OURS = tuple(f"{_INDENT}{package}" for package in sources.PACKAGES)


def code_of(stage: str, keys: Mapping[str, Any]) -> list[str]:
    """The files and folders of ours that a stage depends on, sorted.

    Args:
        stage: its name, which is that of its module.
        keys: of its matrix.
    """
    module = f"pipelines.stages.{stage}"
    every = sources.closure(module)
    families = sources.families(every)
    item = next((name for name in families if name.removesuffix("s") in keys), None)
    listed = set(sources.closure(module, plugins=dict.fromkeys(families, ())))
    for path in set(every) - listed:
        family = next((name for name in families if path.parent.name == name), None)
        if family is None:
            listed.add(path if item is None else path.parent)
        elif family != item:
            listed.add(path.parent)
    if item is not None:
        folder = Path("pipelines", item)
        listed.add(folder / f"${{item.{item.removesuffix('s')}}}.py")
        for plugin in sources.plugins_in(folder):  # what it takes of others of its family
            reached = sources.closure(module, plugins={item: [plugin]})
            listed |= {path for path in reached if path.parent == folder} - {
                folder / f"{plugin}.py"
            }
    found = [path.as_posix() for path in listed if not listed & set(path.parents)]
    return sorted([*found, *RENDERED_WITH.get(stage, ())])


def written() -> str:
    """The text of dvc.yaml with the lists that its stages must have."""
    path = paths.root() / "dvc.yaml"
    stages = read_yaml(path)["stages"]
    lines: list[str] = []
    stage, in_deps = "", False
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("  ") and not line.startswith("   ") and line.endswith(":"):
            stage = line.strip(" :")
        if in_deps and line.startswith(_OURS):
            continue
        in_deps = line == "    deps:" or (in_deps and line.startswith(_INDENT))
        lines.append(line)
        if line == "    deps:":
            found = code_of(stage, stages[stage].get("matrix", {}))
            lines += [f"{_INDENT}{dependency}" for dependency in found]
    return "\n".join(lines) + "\n"


def write() -> None:
    """Write dvc.yaml anew; what is right already keeps its bytes."""
    write_text(paths.root() / "dvc.yaml", written())


def check(stage: str, given: Mapping[str, str]) -> None:
    """Refuse to run a stage whose list in dvc.yaml lacks a file that it is made of.

    Args:
        stage: its name.
        given: key of its matrix → the item that it is run for.

    Raises:
        UserError: the list is too short, and DVC would not see a change of that file.
    """
    path = paths.root() / "dvc.yaml"
    if not path.is_file():
        return
    listed = [
        Path(_filled(dependency, given))
        for dependency in read_yaml(path)["stages"][stage].get("deps", [])
    ]
    meant = {f"{key}s": [name] for key, name in given.items()}
    lacking = [
        made
        for made in sources.closure(f"pipelines.stages.{stage}", plugins=meant)
        if not {made, *made.parents} & set(listed)
    ]
    if lacking:
        raise UserError(
            f"the deps of {stage} in dvc.yaml must hold all that it is made of, and lack {lacking[0]}"
            f"{f' and {len(lacking) - 1} more' if lacking[1:] else ''}: run `make deps`, then the same again"
        )


def _filled(dependency: str, given: Mapping[str, str]) -> str:
    for key, name in given.items():
        dependency = dependency.replace(f"${{item.{key}}}", name)
    return dependency


if __name__ == "__main__":
    write()
