"""What a module is made of, found in a small tree of packages and in our own."""

import textwrap
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.plumbing import sources
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.sources import closure, distributions, families, fingerprint

TREE = {
    "pipelines/__init__.py": '"""The package."""\n',
    "pipelines/values/__init__.py": "",
    "pipelines/plumbing/__init__.py": "DECIDES_NO_NUMBER = True\n",
    "pipelines/plumbing/errors.py": "class E(Exception): ...\n",
    "pipelines/plumbing/registry.py": "from pipelines.values import seeds\n",
    "pipelines/values/metrics.py": "import numpy\nfrom pipelines.plumbing.errors import E\n",
    "pipelines/values/folds.py": "SPLITS = 5\n",
    "pipelines/values/seeds.py": "import pipelines.plumbing.errors as e\n",
    "pipelines/values/typed.py": """
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from pipelines.values import folds
    """,
    "pipelines/values/page.py": "PAGE = 'page.html'\nWORDS = __package__\n",
    "pipelines/values/page.html": "<p>",
    "pipelines/values/ko.po": "msgid",
    "pipelines/plumbing/paths.py": "HERE = '.'\n",
    "pipelines/models/__init__.py": "from pipelines.values.seeds import derive\n",
    "pipelines/models/knn.py": "from . import Model\nfrom ._shared import layer\n",
    "pipelines/models/_shared.py": "from ..values import folds\nlayer = 1\n",
    "pipelines/models/lonely.py": "import json, os.path\nimport pandas\nX = 1\n",
    "pipelines/training/__init__.py": "",
    "pipelines/training/fits.py": """
        from pipelines.models import Model
        from pipelines.plumbing import registry
        def run(name):
            return registry.load(Model, name)
    """,
    "pipelines/stages/late.py": """
        def run():
            if True:
                import pipelines.values.metrics
            class Inner:
                def method(self):
                    from features import image
    """,
    "pipelines/stages/whole.py": "from pipelines.values import metrics, folds as f\n",
    "pipelines/stages/circle.py": "from pipelines.stages import whole, circle\n",
    "pipelines/stages/starred.py": "from pipelines.values.metrics import *\n",
    "features/__init__.py": "",
    "features/image.py": "import pipelines.values.folds\n",
}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in TREE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    monkeypatch.setattr(sources, "CODE_ROOT", tmp_path)
    return tmp_path


def found(*modules: str) -> set[str]:
    return {path.as_posix() for path in closure(*modules) if path.name != "__init__.py"}


def test_imports_inside_functions_are_found(tree: Path) -> None:
    assert found("pipelines.stages.late") == {
        "pipelines/stages/late.py",
        "pipelines/values/metrics.py",
        "features/image.py",
        "pipelines/values/folds.py",
    }


def test_modules_taken_from_a_package_are_found(tree: Path) -> None:
    core = {"pipelines/values/metrics.py", "pipelines/values/folds.py"}
    assert found("pipelines.stages.whole") == {"pipelines/stages/whole.py", *core}


def test_relative_imports_are_found(tree: Path) -> None:
    """`from . import x`, `from .x import y`, `from ..x import y`."""
    assert found("pipelines.models.knn") == {
        "pipelines/models/knn.py",
        "pipelines/models/_shared.py",
        "pipelines/values/folds.py",
        "pipelines/values/seeds.py",  # the package's own __init__ imports it
    }


def test_relative_imports_of_a_package_start_in_it(tree: Path) -> None:
    (tree / "pipelines/models/__init__.py").write_text("from ._shared import layer\n")
    assert "pipelines/models/_shared.py" in found("pipelines.models")


def test_packages_on_the_way_count(tree: Path) -> None:
    assert [path.as_posix() for path in closure("pipelines.models.lonely")] == [
        "pipelines/__init__.py",
        "pipelines/models/__init__.py",
        "pipelines/models/lonely.py",
        "pipelines/values/__init__.py",
        "pipelines/values/seeds.py",
    ]


def test_circles_stars_and_foreign_modules_end(tree: Path) -> None:
    assert "pipelines/stages/whole.py" in found("pipelines.stages.circle")
    assert "pipelines/values/metrics.py" in found("pipelines.stages.starred")
    assert closure("numpy", "json") == []


@pytest.mark.parametrize(
    "module", ["pipelines.stages.lat", "pipelines.nowhere", "features.image.Pixels"]
)
def test_a_misspelt_module_is_no_empty_answer(tree: Path, module: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=module):
        closure(module)


def test_a_change_on_disk_is_seen_at_once(tree: Path) -> None:
    assert "pipelines/values/seeds.py" not in found("pipelines.stages.whole")
    (tree / "pipelines/values/folds.py").write_text("from pipelines.values import seeds\n")
    assert "pipelines/values/seeds.py" in found("pipelines.stages.whole")


def test_a_room_that_decides_no_number_stays_out_with_what_it_alone_imports(tree: Path) -> None:
    assert "pipelines/plumbing/registry.py" not in found("pipelines.training.fits")
    assert found("pipelines.values.seeds") == {"pipelines/values/seeds.py"}
    (tree / "pipelines/plumbing/__init__.py").write_text("")
    assert "pipelines/plumbing/errors.py" in found("pipelines.values.seeds")


def test_plugins_that_are_found_by_name_count(tree: Path) -> None:
    fits, knn, lonely = (
        "pipelines/training/fits.py",
        "pipelines/models/knn.py",
        "pipelines/models/lonely.py",
    )
    assert {fits, knn, lonely} <= found("pipelines.training.fits")
    meant = {
        path.as_posix() for path in closure("pipelines.training.fits", plugins={"models": ["knn"]})
    }
    assert {fits, knn, "pipelines/models/_shared.py"} <= meant
    assert lonely not in meant
    assert families(closure("pipelines.training.fits")) == ["models"]


def test_files_beside_a_module_that_its_text_names_count(tree: Path) -> None:
    assert found("pipelines.values.page") == {
        "pipelines/values/page.py",
        "pipelines/values/page.html",
        "pipelines/values/ko.po",
    }
    before = fingerprint([Path("pipelines/values/page.html")])
    (tree / "pipelines/values/page.html").write_text("<b>")
    assert fingerprint([Path("pipelines/values/page.html")]) != before


@pytest.mark.parametrize("content", [b"def (\n", b"x = '\xe9'\n"])
def test_a_file_that_is_no_python_is_named(tree: Path, content: bytes) -> None:
    (tree / "pipelines/values/folds.py").write_bytes(content)
    with pytest.raises(
        UserError, match=r"must be Python in UTF-8, and pipelines/values/folds.py.*: correct it"
    ):
        closure("pipelines.stages.whole")


def test_the_mark_that_windows_editors_write_is_no_fault(tree: Path) -> None:
    (tree / "pipelines/values/folds.py").write_bytes(b"\xef\xbb\xbfSPLITS = 5\n")
    assert "pipelines/values/folds.py" in found("pipelines.stages.whole")


def test_what_only_a_type_checker_imports_does_not_count(tree: Path) -> None:
    assert found("pipelines.values.typed") == {"pipelines/values/typed.py"}


def test_distributions_are_named_as_they_are_installed(tree: Path) -> None:
    (tree / "pipelines/models/lonely.py").write_text("import json, sklearn.svm, nowhere\n")
    names = distributions([Path("pipelines/models/lonely.py")])
    assert list(names) == ["scikit-learn"]
    assert list(distributions([], "yaml")) == ["PyYAML"]


CODE = '''
"""Module."""
import math

RATE = 0.5  # the usual


class Model:
    """A model."""

    depth: int = 3
    """Layers."""

    def fit(self, X, y):
        """Learn."""
        return math.log(X + RATE) * y
'''
SAME = '''
import math
RATE = (
    0.50
)
class Model:
    depth: int = 3
    def fit(self, X, y):  # learns
        """Another text.

        Over lines.
        """

        return (math.log(X + RATE)) * y
'''


def printed(tree: Path, code: str) -> str:
    (tree / "pipelines/models/knn.py").write_text(code, encoding="utf-8")
    return fingerprint([Path("pipelines/models/knn.py")])


def test_comments_docstrings_and_layout_do_not_count(tree: Path) -> None:
    assert printed(tree, CODE) == printed(tree, SAME)


@pytest.mark.parametrize(
    ("old", "new"),
    [("0.5", "0.25"), ("depth: int = 3", "depth: int = 4"), ("+ RATE", "- RATE"), ("math.log", "math.exp"),
     ("(self, X, y)", "(self, X, y=1)"), ("* y", "* X"), ("class Model", "class Net")],
)  # fmt: skip
def test_code_counts(tree: Path, old: str, new: str) -> None:
    assert old in CODE
    assert printed(tree, CODE) != printed(tree, CODE.replace(old, new))


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(comment=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"])))
def test_no_comment_counts(tree: Path, comment: str) -> None:
    assert printed(tree, CODE) == printed(tree, CODE.replace("# the usual", f"# {comment}"))


def test_a_fingerprint_holds_every_file_and_its_name_in_any_order(tree: Path) -> None:
    files = [Path("pipelines/values/folds.py"), Path("pipelines/plumbing/paths.py")]
    assert fingerprint(files) == fingerprint(reversed(files))
    assert len({fingerprint(files), fingerprint(files[:1]), fingerprint(files[1:])}) == 3
    (tree / "pipelines/values/twin.py").write_text(TREE["pipelines/values/folds.py"])
    assert fingerprint([Path("pipelines/values/twin.py")]) != fingerprint(files[:1])


def test_our_own_folds_are_made_of_what_they_import() -> None:
    names = found("pipelines.values.folds")
    assert {"pipelines/values/folds.py", "pipelines/values/tables.py"} <= names
    assert not {"pipelines/values/submission.py", "pipelines/plumbing/errors.py"} & names
