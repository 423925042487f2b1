"""A kernel finds Kaggle's folder: each file once, under the name that its code reads."""

from pathlib import Path

import pytest

from pipelines.notebooks import input_folder
from pipelines.notebooks.input_folder import Layout
from pipelines.values import competition as competitions
from pipelines.values.kernel import KernelFile
from tests.conftest import Workshop

FILES = ["sample_submission.csv", "test.csv", "train.csv"]
URL = "https://www.kaggle.com/competitions/my-real-slug-2024/data"


def layout(workshop: Workshop, code: str, inputs: tuple[str, ...] = (), url: str = URL) -> Layout:
    workshop.write_competition(url=url)
    content = {"competition": "tiny", "source": {"platform": "own"}, "inputs": list(inputs)}
    return input_folder.layout(
        code, KernelFile.model_validate(content), competitions.load("tiny"), FILES
    )


@pytest.mark.parametrize(
    "code",
    [
        "glob.glob('/kaggle/input/**/train*.csv', recursive=True)",
        "glob.glob('/kaggle/input/*/*.csv')\nd['train.csv']",
        "slug = os.listdir('/kaggle/input')[0]\npd.read_csv(f'/kaggle/input/{slug}/train.csv')",
        "for d, _, fs in os.walk('/kaggle/input'):\n  os.path.join(d, 'train.csv') in fs",
        "# pd.read_csv('../input/train.csv')\npd.read_csv('../input/tiny/train.csv')",
        f"# {URL}\nprint('{URL}')",
        "",
    ],
)
def test_only_the_competitions_folder_is_there(workshop: Workshop, code: str) -> None:
    assert layout(workshop, code) == Layout(("tiny",), (), False)


@pytest.mark.parametrize("url", [URL, "https://kaggle.com/c/my-real-slug-2024"])
@pytest.mark.parametrize(
    "code",
    [
        "pd.read_csv('/kaggle/input/my-real-slug-2024/train.csv')",
        "BASE = '/kaggle/input'\nos.path.join(BASE, 'my-real-slug-2024', 'train.csv')",
        "name = 'my-real-slug-2024'\npd.read_csv(f'../input/{name}/train.csv')",
        "!ls ../input/my-real-slug-2024",
        "Path('../input/my-real-slug-2024') / 'train.csv'",
    ],
)
def test_the_folder_bears_the_slug_of_the_address_where_the_code_reads_it(
    workshop: Workshop, code: str, url: str
) -> None:
    found = layout(workshop, f"glob.glob('/kaggle/input/**/*.csv')\n{code}", url=url)
    assert found == Layout(("my-real-slug-2024",), (), False)


@pytest.mark.parametrize(
    "code",
    [
        "pd.read_csv('../input/train.csv')",
        "pd.read_csv('/kaggle/input/train.csv')",
        "PATH = '../input/'\npd.read_csv(PATH + 'train.csv')",
        "root = Path('../input')\npd.read_csv(root / 'train.csv')",
        "pd.read_csv(os.path.join('../input', 'train.csv'))",
        "for name in names: pd.read_csv(f'../input/{name}.csv')",
        "BASE = '/kaggle/input'\npd.read_csv(f'{BASE}/train.csv')",
        "!head ../input/train.csv | wc",
    ],
)
def test_code_of_before_2019_finds_flat_files_and_no_folder(workshop: Workshop, code: str) -> None:
    assert layout(workshop, code) == Layout((), tuple(FILES), False)


def test_who_reads_both_ways_gets_the_folder_and_the_file(workshop: Workshop) -> None:
    code = "pd.read_csv('../input/test.csv')\npd.read_csv('../input/tiny/train.csv')"
    assert layout(workshop, code) == Layout(("tiny",), ("test.csv",), False)


def test_kernel_yaml_asks_for_names_files_and_folds(workshop: Workshop) -> None:
    asked = ("digit-recognizer", "pilsa", "train.csv")
    assert layout(workshop, "", asked) == Layout(("digit-recognizer",), ("train.csv",), True)
    code = "read('../input/a/train.csv')\nread('../input/b/test.csv')"
    assert layout(workshop, code, ("a", "b")).folders == ("a", "b")
    assert layout(workshop, "read('../input/tiny/train.csv')", ("a",)).folders == ("tiny",)


def test_the_folds_are_there_for_whoever_reads_them(workshop: Workshop) -> None:
    assert layout(workshop, "pd.read_csv('../input/pilsa/folds.csv')").has_folds
    assert layout(workshop, "os.path.join('../input', 'pilsa', 'folds.csv')").has_folds


@pytest.fixture
def view(tmp_path: Path) -> Path:
    (tmp_path / "view" / "files").mkdir(parents=True)
    for name in FILES:
        (tmp_path / "view" / "files" / name).write_text(name)
    (tmp_path / "view" / "folds.csv").write_text("folds")
    return tmp_path / "view"


def test_a_search_finds_each_file_once(view: Path, tmp_path: Path) -> None:
    into = tmp_path / "input"
    input_folder.fill(into, view, Layout(("tiny",), (), False), may_share=True)
    assert [path.name for path in into.iterdir()] == ["tiny"]
    assert len(list(into.rglob("*.csv"))) == len(FILES)
    assert (into / "tiny" / "train.csv").samefile(view / "files" / "train.csv")


def test_a_file_that_cannot_be_linked_is_copied(
    view: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: object, target: object) -> None:
        raise PermissionError(1, "Operation not permitted")  # as on exFAT

    monkeypatch.setattr("os.link", refuse)
    into = tmp_path / "input"
    input_folder.fill(into, view, Layout(("tiny",), (), False), may_share=True)
    assert (into / "tiny" / "train.csv").read_text() == "train.csv"


def test_where_nothing_isolates_a_kernel_cannot_reach_the_kept_files(
    view: Path, tmp_path: Path
) -> None:
    into = tmp_path / "input"
    input_folder.fill(into, view, Layout(("tiny",), ("test.csv",), True), may_share=False)
    for path in (into / "tiny/train.csv", into / "test.csv", into / "pilsa/folds.csv"):
        path.write_text("changed")
    assert (view / "files" / "train.csv").read_text() == "train.csv"
    assert (view / "files" / "test.csv").read_text() == "test.csv"
    assert (view / "folds.csv").read_text() == "folds"


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (
            "[Errno 2] No such file or directory: './open/train.csv'",
            "write ../input/tiny/train.csv.",
        ),
        ("[Errno 2] No such file or directory: 'train.csv'", "write ../input/tiny/train.csv."),
        (
            "[Errno 2] No such file or directory: '/content/drive/MyDrive/x/test.csv'",
            "write ../input/tiny/test.csv.",
        ),
        (
            "[Errno 2] No such file or directory: '/kaggle/input/other/train.csv'",
            "or `inputs: [other]` into kernel.yaml.",
        ),
        ("weights.bin not found.", "write such a path."),
    ],
)
def test_a_path_that_is_not_there_is_answered_by_those_that_are(
    view: Path, tmp_path: Path, message: str, told: str
) -> None:
    input_folder.fill(tmp_path / "input", view, Layout(("tiny",), (), False), may_share=True)
    said = input_folder.explain_missing(message, tmp_path / "input", may_name=True)
    assert "../input/tiny/ (sample_submission.csv, test.csv, train.csv)" in said
    assert said.endswith(told)
