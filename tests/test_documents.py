"""The documents say what is true: links lead somewhere, commands exist, examples pass their contracts."""

import functools
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest
import yaml

from pipelines.plumbing.errors import UserError
from pipelines.plumbing.schema import validate
from pipelines.tracking import kernel_facts
from pipelines.tracking.curriculum import Curriculum
from pipelines.values import competition as competitions
from pipelines.values.kernel import KernelFile

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.ko.md")
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "*/README.md")
    for path in ROOT.glob(pattern)
)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(make|pilsa|dvc) \S")
# What the examples are tested with, and what these tests read.
COPIED = (
    "pipelines", "features", "competitions", "tests/contracts", "tests/conftest.py", "tests/test_layers.py",
    "tests/test_dvc_dependencies.py", "params.yaml", "dvc.yaml", "curriculum.yaml", "pyproject.toml",
)  # fmt: skip


class Example(NamedTuple):
    """A block that begins with the path of its file."""

    path: str
    text: str

    @property
    def plugin(self) -> str:
        """The name under which contract tests know it: a transformer's class, else the file."""
        found = re.search(r"class (\w+)\(TransformerMixin", self.text)
        return found[1] if found else Path(self.path).stem


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str, *languages: str) -> list[str]:
    return [body for language, body in BLOCK.findall(text_of(document)) if language in languages]


def commands(text: str) -> list[str]:
    """Every make, pilsa and dvc command of a text, from `sh` blocks and from code within sentences."""
    lines = [
        line for kind, body in BLOCK.findall(text) if kind == "sh" for line in body.split("\n")
    ]
    found = [*lines, *INLINE.findall(BLOCK.sub("", text))]
    return [line.strip() for line in found if COMMAND.match(line.strip())]


def examples(document: str) -> Iterator[Example]:
    for body in blocks(document, "python", "yaml"):
        first, _, rest = body.partition("\n")
        assert re.fullmatch(r"# [\w/-]+\.(py|yaml)", first), f"{document}: {first} names no file"
        yield Example(first.removeprefix("# "), rest)


EXAMPLES = [*examples("README.md"), *examples("CONTRIBUTING.md")]
FAMILIES = {
    "pipelines/models",
    "pipelines/ensembles",
    "pipelines/platforms",
    "pipelines/readers",
    "competitions",
    "features",
}


# Links and commands


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    for link in LINK.findall(text_of(document)):
        if not link.startswith(("http://", "https://")):
            target = (ROOT / document).parent / link.partition("#")[0]
            assert target.exists(), f"{document} links to {link}, which is not there"


@functools.cache
def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))


@functools.cache
def dvc_parser() -> Any:
    from dvc.cli.parser import get_main_parser  # type: ignore[import-untyped]

    return get_main_parser()


def complaint(command: str) -> str:
    """Why a command cannot be given; empty where it can. Nothing is run."""
    program, *words = shlex.split(command, comments=True)
    match program:
        case "make":
            wanted = {word for word in words if "=" not in word}
            return f"no target {wanted - make_targets()}" if wanted - make_targets() else ""
        case "pilsa":
            return complaint_of_pilsa(words)
        case _:
            return complaint_of_dvc(words)


def complaint_of_pilsa(words: list[str]) -> str:
    import typer.main

    from pipelines.cli import app

    command: Any = typer.main.get_command(app)
    if words == ["--help"]:
        return ""
    while hasattr(command, "commands"):
        if command.invoke_without_command and (not words or words[0].startswith("-")):
            break
        if not words or words[0] not in command.commands:
            return f"no such part of pilsa: {words[:1]}"
        command = command.commands[words.pop(0)]
    try:
        command.make_context(command.name, words)
    except Exception as error:  # of the click that typer brings along
        # A sentence may name a command without its argument.
        return "" if type(error).__name__ == "MissingParameter" else str(error)
    return ""


def complaint_of_dvc(words: list[str]) -> str:
    from dvc.cli import DvcParserError  # type: ignore[import-untyped]

    try:
        parsed = dvc_parser().parse_args(words)
    except (SystemExit, DvcParserError) as error:
        return f"DVC refuses it: {error}"
    stages, params = (
        yaml.safe_load(text_of("dvc.yaml"))["stages"],
        yaml.safe_load(text_of("params.yaml")),
    )
    unknown = [
        t for t in getattr(parsed, "targets", None) or [] if t.partition("@")[0] not in stages
    ]
    for setting in getattr(parsed, "set_param", None) or []:
        found: Any = params
        for key in setting.partition("=")[0].split("."):
            found = found.get(key) if isinstance(found, dict) else None
        unknown += [] if found is not None else [setting]
    return f"unknown: {unknown}" if unknown else ""


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_can_be_given(document: str) -> None:
    refused = {
        command: why for command in commands(text_of(document)) if (why := complaint(command))
    }
    assert refused == {}


@pytest.mark.parametrize(
    "command",
    [
        "make rebuild", "pilsa socres", "pilsa kernel rnu m01/knn-pca", "pilsa kernel run m01/knn-pca --veiws cv",
        "pilsa kernel check m01/knn-pca m02/svm-digits", "pilsa runs miror", "pilsa use wine diabetes", "pilsa scores --jsn", "dvc repr",
        "dvc exp run --quee", "dvc repro -s -f trian@digits-cnn", "dvc exp run -S train.cnn.dropuot=0.3",
    ],
)  # fmt: skip
def test_a_command_that_does_not_exist_is_found(
    command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert commands(f"Run `{command}`, then\n```sh\n{command}\n```\n") == [command] * 2
    assert complaint(command) != ""


def test_both_readmes_name_the_same_commands_and_show_the_same_blocks() -> None:
    english, korean = (text_of(name) for name in READMES)
    assert set(commands(english)) == set(commands(korean))
    assert BLOCK.findall(english) == BLOCK.findall(korean)
    assert re.findall(r"^#+", english, re.MULTILINE) == re.findall(r"^#+", korean, re.MULTILINE)
    assert set(LINK.findall(english)) - {"README.ko.md"} == set(LINK.findall(korean)) - {
        "README.md"
    }


def test_the_shown_tables_have_the_columns_that_are_printed() -> None:
    shown = blocks("README.md", "text")
    printers = ("pipelines/review/table.py", "pipelines/notebooks/terminal.py")
    for table, printer in zip(shown, printers, strict=True):
        printed = text_of(printer)
        columns = [cell.strip() for cell in table.split("\n")[2].strip("┃").split("┃")]
        assert len(columns) > 3
        assert [column for column in columns if f'"{column}"' not in printed] == []


def test_the_picture_shows_every_stage() -> None:
    words = " ".join(ElementTree.parse(ROOT / "docs" / "dag.svg").getroot().itertext()).split()
    assert set(yaml.safe_load(text_of("dvc.yaml"))["stages"]) <= set(words)


def test_every_room_is_described() -> None:
    described = text_of("docs/architecture.md")
    rooms = [path.parent.name for path in (ROOT / "pipelines").glob("*/__init__.py")]
    assert [
        room
        for room in rooms
        if f"pipelines/{room}`" not in described and f"`{room}`" not in described
    ] == []


# Kernels


def test_every_kernel_is_listed_and_no_other() -> None:
    listed = re.findall(r"^\| \[([\w/-]+)\]\(", text_of("kernels/README.md"), re.MULTILINE)
    there = [
        path.relative_to(ROOT / "kernels").as_posix()
        for path in (ROOT / "kernels").glob("*/*/")
        if any(path.iterdir())
    ]
    assert listed == sorted(there)


def test_a_listed_kernel_is_told_as_what_it_is() -> None:
    lines = re.findall(
        r"^\| \[([\w/-]+)\]\(\S+\) \| ([\w -]+): ", text_of("kernels/README.md"), re.MULTILINE
    )
    assert lines
    for name, told in lines:
        file = yaml.safe_load(text_of(f"kernels/{name}/kernel.yaml"))
        assert told.replace(" ", "-") == file.get("competition", file.get("kind")), name


def test_every_command_about_kernels_is_described() -> None:
    import typer.main

    from pipelines import cli, kernel_cli  # cli adds what the rehearsal brings

    assert cli.app
    app = kernel_cli.app
    app_commands: Any = typer.main.get_command(app)
    described = {
        line.split()[2] for line in commands(text_of("kernels/README.md")) if "kernel" in line
    }
    assert set(app_commands.commands) == described


def test_every_mark_is_explained() -> None:
    text = text_of("kernels/README.md")
    marks = (kernel_facts.KNOWS, kernel_facts.UNSEEDED, kernel_facts.ELSEWHERE, kernel_facts.QUICK)
    assert [mark for mark in marks if f"| `{mark}` |" not in text] == []


def test_what_is_shown_of_kernel_files_and_of_the_curriculum_is_valid() -> None:
    shown = list(examples("kernels/README.md"))
    assert [Path(example.path).name for example in shown] == [
        "kernel.yaml",
        "kernel.yaml",
        "curriculum.yaml",
    ]
    for example in shown:
        schema = Curriculum if example.path == "curriculum.yaml" else KernelFile
        validate(schema, yaml.safe_load(example.text), example.path)


# Examples


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with every example in its place."""
    copy = tmp_path_factory.mktemp("repository")
    for name in COPIED:
        source, target = ROOT / name, copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    for example in EXAMPLES:
        assert not (copy / example.path).exists(), f"{example.path} exists already"
        (copy / example.path).write_text(example.text, encoding="utf-8")
    return copy


@pytest.fixture(scope="module")
def tested(workplace: Path) -> list[ElementTree.Element]:
    """The results of the contract tests that concern the examples."""
    chosen = " or ".join(example.plugin for example in EXAMPLES)
    command = [sys.executable, "-m", "pytest", "tests", "-p", "no:cacheprovider", "-k", chosen,
               "--junit-xml", "results.xml"]  # fmt: skip
    subprocess.run(command, cwd=workplace, capture_output=True, check=False)
    return list(ElementTree.parse(workplace / "results.xml").getroot().iter("testcase"))


def test_every_family_has_an_example() -> None:
    assert {Path(example.path).parent.as_posix() for example in EXAMPLES} == FAMILIES


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.path)
@pytest.mark.slow
def test_an_example_passes_its_contract(
    example: Example, tested: list[ElementTree.Element]
) -> None:
    own = re.compile(rf"\[.*(?<!\w){re.escape(example.plugin)}(?!\w).*\]")
    cases = [case for case in tested if own.search(case.get("name", ""))]
    contract = [case for case in cases if "contracts" in case.get("classname", "")]
    assert len(contract) >= 3
    problems = [
        f"{case.get('name')}: {part.get('message')}"
        for case in cases
        for part in case
        if part.tag in ("failure", "error")
    ]
    assert problems == []


def test_examples_are_written_in_the_house_style(workplace: Path) -> None:
    files = [example.path for example in EXAMPLES if example.path.endswith(".py")]
    for words in (["check"], ["format", "--check", "--diff"]):
        command = [sys.executable, "-m", "ruff", *words, "--no-cache", *files]
        done = subprocess.run(command, cwd=workplace, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_folder_platform_copies_what_is_named_and_misses_what_is_not(
    workplace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    spec = importlib.util.spec_from_file_location(
        "folder", workplace / "pipelines/platforms/folder.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    source, into = tmp_path / "stick", tmp_path / "raw"
    source.mkdir()
    into.mkdir()
    for name in ("train.csv", "test.csv", "sample_submission.csv", "secret.csv"):
        (source / name).write_text(name)
    made = module.Folder(
        competitions.load("digits"), module.FolderSource(platform="folder", folder=source)
    )
    made.download(into)
    assert {path.name: path.read_text() for path in into.iterdir()} == {
        name: name for name in ("train.csv", "test.csv", "sample_submission.csv")
    }
    (source / "test.csv").unlink()
    with pytest.raises(UserError, match=r"test\.csv must exist .* correct source\.folder"):
        made.download(into)
