"""Pages for the meeting and pushes to Kaggle: whole, harmless, and within the rules."""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any, Literal

import pytest

from pipelines.notebooks.exchange import sharing
from pipelines.notebooks.exchange.sharing import Push
from pipelines.plumbing import paths
from pipelines.plumbing.errors import PilsaError, UserError
from pipelines.tracking.kernel_facts import KNOWS, UNSEEDED
from pipelines.values import kernel
from pipelines.values.kernel import Kernel
from tests.cells.test_conversion import notebook
from tests.cells.test_rendering import Loads
from tests.conftest import Workshop
from tests.html_elements import Elements
from tests.platforms.kaggle_server import OWNER, TOKEN, KaggleServer, kaggle_server

__all__ = ["kaggle_server"]
ORIGINAL = (
    "source: {platform: kaggle, author: someone, title: 타이타닉 <입문>, licence: Apache-2.0, "
    "url: 'https://www.kaggle.com/code/someone/titanic'}\n"
)
RESULT: dict[str, Any] = {
    "status": "FINISHED", "metric": "accuracy", "fold0": 0.81, "cv_mean": 0.8, "cv_std": 0.01,
    "fold_scores": [0.81, None, 0.79], "data_hash": "d1d1d1", "folds_hash": "f2f2f2", "run_id": "abc-1",
    "marks": ["knows the answers"], "reason": None,
}  # fmt: skip
EXECUTED = json.dumps(notebook("print('실행')"), ensure_ascii=False).encode()


def make(name: str, yaml: str = "source: {platform: own}\n", kind: str = "competition: tiny\n") -> Kernel:  # fmt: skip
    folder = paths.kernel(name)
    folder.mkdir(parents=True)
    (folder / "kernel.yaml").write_text(kind + yaml, encoding="utf-8")
    (folder / "kernel.py").write_text("# %%\n# !ls\nprint('코드')\n", encoding="utf-8")
    (folder / "notes.md").write_text("## 특징\n\n**굵게** <script>alert(1)</script>\n", encoding="utf-8")  # fmt: skip
    return kernel.load(name)


def test_a_page_says_whose_it_is_what_it_scored_and_why(workshop: Workshop) -> None:
    made = make("m01/titanic", ORIGINAL)
    shared = sharing.share_html(made, EXECUTED, RESULT)
    page = shared.path.read_text(encoding="utf-8")
    assert shared == sharing.Shared(paths.bundle("m01/titanic") / "share.html")
    for part in (
        "m01", "타이타닉 &lt;입문&gt;", "someone", "Apache-2.0", 'href="https://www.kaggle.com/code/someone/titanic"',
        "0.8100", "0.8000 ± 0.0100", "0.8100 · – · 0.7900", "d1d1d1", "f2f2f2", "정답을 이미 앎: 학습 정답을 섞어도",
        "<strong>굵게</strong>", "an old output", "실행",
    ):  # fmt: skip
        assert part in page
    assert "허락 없이" not in page
    assert Loads(page).found == []
    assert "alert" not in page


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("ko", ("폴드 0만 실행", "순위에 넣지 않습니다", "quick 값으로 짧게", "Colab이나 Kaggle에서")),
        ("en", ("fold 0 only", "never ranked", "quick values of kernel.yaml", "nobody here has seen")),
    ],
)  # fmt: skip
def test_what_a_reader_of_the_score_must_know_is_said(
    workshop: Workshop, language: Literal["ko", "en"], said: tuple[str, ...]
) -> None:
    facts = {"is_quick": True, "ran_elsewhere": True}
    result = RESULT | {"fold_scores": [0.81, None, None], "cv_mean": None, "cv_std": None}
    result |= {"marks": ["knows the answers", "quick", "no CV: <b>"], "kernel": facts}
    page = sharing.share_html(make("m01/knn"), EXECUTED, result, language)
    text = page.path.read_text(encoding="utf-8")
    for part in (*said, "no CV: &lt;b&gt;"):
        assert text.count(part) == 1
    assert "· –" not in text


def test_an_honest_whole_run_has_nothing_to_be_said(workshop: Workshop) -> None:
    result = RESULT | {"marks": [], "kernel": {"is_quick": False, "ran_elsewhere": False}}
    page = sharing.share_html(make("m01/knn"), EXECUTED, result, "en").path.read_text("utf-8")
    for part in ("never ranked", "fold 0 only", "quick values", "nobody here", 'class="bad"'):
        assert part not in page


def test_scores_of_the_code_before_are_said_to_be_so(workshop: Workshop) -> None:
    made = make("m01/knn")
    result = RESULT | {"marks": [], "kernel": {"code_hash": made.code_hash}}
    shared = sharing.share_html(made, EXECUTED, result, "en")
    assert shared.remarks == ()
    assert 'class="bad"' not in shared.path.read_text(encoding="utf-8")
    (made.folder / "kernel.py").write_text("# %%\nprint('other')\n", encoding="utf-8")
    shared = sharing.share_html(kernel.load("m01/knn"), EXECUTED, result, "en")
    (remark,) = shared.remarks
    assert "of the code before; `pilsa kernel run m01/knn`" in remark
    page = shared.path.read_text(encoding="utf-8")
    assert "the outputs are of the code before" in page
    assert "do not publish it" not in page


def test_a_run_without_a_metric_shows_no_scores(workshop: Workshop) -> None:
    result = RESULT | {"metric": None, "fold0": None, "cv_mean": None, "fold_scores": []}
    page = sharing.share_html(make("m01/study", kind="kind: study\n"), EXECUTED, result, "en")
    text = page.path.read_text(encoding="utf-8")
    assert "FINISHED" in text
    assert "mock exam" not in text


@pytest.mark.parametrize(
    ("notes", "kept", "left_out"),
    [
        ("# 노트\n\n## 장점\n\n\n## 단점\n느림\n", ("노트", "단점", "느림"), ("장점",)),
        ("# 노트\n## 장점\n\n## 단점\n- \n<!-- 여기에 -->\n", (), ("노트", "장점", "단점", "section")),
        ("머리말\n## 장점\n### 속도\n빠름\n### 크기\n", ("머리말", "장점", "속도", "빠름"), ("크기",)),
        ("## 장점\n```\n# 주석\n```\n### 크기\n## 단점\n", ("장점", "주석"), ("크기", "단점")),
    ],
)  # fmt: skip
def test_headings_with_nothing_below_are_left_out(
    workshop: Workshop, notes: str, kept: tuple[str, ...], left_out: tuple[str, ...]
) -> None:
    made = make("m01/knn")
    (made.folder / "notes.md").write_text(notes, encoding="utf-8")
    page = sharing.share_html(made, EXECUTED, None, "en").path.read_text(encoding="utf-8")
    body = unescape(page.partition("</header>")[2])
    for part in kept:
        assert part in body
    for part in left_out:
        assert part not in body


def test_a_kernel_that_never_ran_shows_its_code(workshop: Workshop) -> None:
    page = sharing.share_html(make("m01/knn"), None, None, "en").path.read_text(encoding="utf-8")
    for part in ("No run is on record", "only the code is shown", "own work", "코드"):
        assert part in page
    failed = {"status": "FAILED", "reason": "fold0: cell 3 raised ValueError: <no CSV>"}
    for language, said in (("en", "cell 3 raised"), ("ko", "폴드 0: 셀 3에서")):
        old = sharing.share_html(kernel.load("m01/knn"), None, failed, language)  # type: ignore[arg-type]
        page = old.path.read_text(encoding="utf-8")
        assert f"{said} ValueError: &lt;no CSV&gt;" in page


def test_a_page_is_never_led_astray_by_kernel_yaml(workshop: Workshop) -> None:
    yaml = "source: {platform: github, author: '<script>', title: '\"><img src=x>', url: 'javascript:alert(1)'}\n"  # fmt: skip
    page = sharing.share_html(make("m01/knn", yaml), EXECUTED, None).path.read_text(
        encoding="utf-8"
    )
    assert Loads(page).found == []
    assert 'href="javascript' not in page


@pytest.mark.parametrize(
    ("licence", "said"), [("unknown", "not known"), ("CC-BY-NC-4.0", "CC-BY-NC-4.0, no open one")]
)
def test_a_licence_that_is_not_open_is_said(workshop: Workshop, licence: str, said: str) -> None:
    shared = sharing.share_html(make("m01/x", ORIGINAL.replace("Apache-2.0", licence)), None, None)
    assert said in shared.remarks[0]
    assert "허락 없이" in shared.path.read_text(encoding="utf-8")


def test_secrets_are_not_shared(workshop: Workshop, kaggle_server: KaggleServer) -> None:
    made = make("m01/knn")
    leaking = EXECUTED.replace(b"an old output", TOKEN.encode())
    with pytest.raises(UserError, match="code cell 1"):
        sharing.share_html(made, leaking, None)
    (made.folder / "notes.md").write_text(f"## 질문\n{TOKEN}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"line 2 of notes.md"):
        sharing.share_html(made, EXECUTED, None)
    with (made.folder / "kernel.py").open("a", encoding="utf-8") as code:
        code.write(f"token = '{TOKEN}'\n")
    with pytest.raises(UserError, match=r"line 4 of kernel.py"):
        sharing.push_to_kaggle(kernel.load("m01/knn"), Push())
    assert kaggle_server.asked == []


def test_a_live_competition_is_shared_within_one_team_alone(
    workshop: Workshop, kaggle_server: KaggleServer
) -> None:
    made, _ = make("m01/knn"), make("m02/other", kind="kind: study\n")
    workshop.write_competition(live=True, team=["m01"])
    for share in (lambda: sharing.share_html(made, None, None), lambda: sharing.push_to_kaggle(made)):  # fmt: skip
        with pytest.raises(
            UserError, match=r"No private sharing outside of Teams.*m02 of kernels/ is not"
        ):
            share()
    assert not paths.bundle("m01/knn").exists()
    assert kaggle_server.asked == []
    sharing.share_html(kernel.load("m02/other"), None, None)  # of no competition
    workshop.write_competition(live=True, team=["m01", "m02"])
    sharing.share_html(made, None, None)
    workshop.write_competition(live=False)
    sharing.share_html(made, None, None)


def test_a_member_without_a_team_is_no_team(workshop: Workshop) -> None:
    workshop.write_competition(live=True)
    with pytest.raises(UserError, match="m01 of kernels/ is not"):
        sharing.share_html(make("m01/knn"), None, None)


def test_a_push_is_private_without_internet_and_without_outputs(
    workshop: Workshop, kaggle_server: KaggleServer
) -> None:
    workshop.write_competition(url="https://www.kaggle.com/competitions/titanic/overview")
    made = make("m01/first_cnn", ORIGINAL)
    done = sharing.push_to_kaggle(made)
    assert done.url == f"https://www.kaggle.com/code/{OWNER}/first-cnn"
    assert done.remarks == ("Kaggle runs it now, on the quota of your account",)
    sent = kaggle_server.body("SaveKernel")
    assert (sent["slug"], sent["newTitle"]) == (f"{OWNER}/first-cnn", "first cnn")
    assert (sent["language"], sent["kernelType"]) == ("python", "notebook")
    assert (sent["isPrivate"], sent["enableInternet"], sent["enableGpu"], sent["enableTpu"]) == (True, False, False, False)  # fmt: skip
    assert sent["competitionDataSources"] == ["titanic"]
    (cell,) = json.loads(sent["text"])["cells"]
    assert (cell["source"], cell["outputs"]) == ("!ls\nprint('코드')", [])


@pytest.mark.slow
def test_what_was_chosen_is_pushed(workshop: Workshop, kaggle_server: KaggleServer) -> None:
    wanted = Push(title="My kNN, 2nd try!", is_private=False, enable_internet=True, enable_gpu=True)
    done = sharing.push_to_kaggle(make("m01/타이타닉"), wanted)
    sent = kaggle_server.body("SaveKernel")
    assert (sent["slug"], sent["newTitle"]) == (f"{OWNER}/my-knn-2nd-try", "My kNN 2nd try")
    assert (sent["isPrivate"], sent["enableInternet"], sent["enableGpu"]) == (False, True, True)
    assert sent.get("competitionDataSources", []) == []
    assert not any("title" in remark for remark in done.remarks)


@pytest.mark.parametrize(
    ("slug", "title", "found"),
    [
        ("knn", None, "knn by m01"),
        ("타이타닉-7", "Titanic: EDA & model", "Titanic EDA model"),
        ("first-cnn", "한글 제목", "first cnn"),
    ],
)
def test_a_title_becomes_exactly_the_name(
    workshop: Workshop, slug: str, title: str | None, found: str
) -> None:
    yaml = f"title: '{title}'\n" * bool(title) + "source: {platform: own}\n"
    metadata = sharing.kaggle_metadata(make(f"m01/{slug}", yaml), "someone", Push())
    assert metadata["title"] == found
    assert metadata["id"] == f"someone/{found.lower().replace(' ', '-')}"
    assert metadata["code_file"] == f"{found.lower().replace(' ', '-')}.ipynb"


def test_what_was_added_from_kaggle_has_its_data_there_without_an_address(
    workshop: Workshop,
) -> None:
    workshop.write_competition(source={"platform": "kaggle", "slug": "playground-series-s6e1"})
    metadata = sharing.kaggle_metadata(make("m01/first-cnn"), "someone", Push())
    assert metadata["competition_sources"] == ["playground-series-s6e1"]


@pytest.mark.parametrize("title", ["abc", "제목입니다", "!!!!!!", ""])
def test_a_title_that_kaggle_does_not_take_is_asked_for(workshop: Workshop, title: str) -> None:
    made = make("m01/제목")
    with pytest.raises(UserError, match="--title"):
        sharing.kaggle_metadata(made, "someone", Push(title=title))


@pytest.mark.slow
def test_a_copy_that_was_edited_on_kaggle_is_not_overwritten(
    workshop: Workshop, kaggle_server: KaggleServer
) -> None:
    made = make("m01/first-cnn")
    sharing.push_to_kaggle(made)
    again = sharing.push_to_kaggle(made)
    assert again.remarks == ("Kaggle shows it as it is here: nothing was pushed",)
    assert kaggle_server.operations().count("SaveKernel") == 1
    (made.folder / "kernel.py").write_text("# %%\nprint('new')\n", encoding="utf-8")
    sharing.push_to_kaggle(kernel.load("m01/first-cnn"))
    assert kaggle_server.operations().count("SaveKernel") == 2
    kaggle_server.add(f"{OWNER}/first-cnn", json.dumps(notebook("print('edited there')")))
    (made.folder / "kernel.py").write_text("# %%\nprint('newer')\n", encoding="utf-8")
    with pytest.raises(UserError, match="somebody edited it there"):
        sharing.push_to_kaggle(kernel.load("m01/first-cnn"))
    assert kaggle_server.operations().count("SaveKernel") == 2


def test_a_kernel_of_that_name_that_was_there_before_is_not_overwritten(
    workshop: Workshop, kaggle_server: KaggleServer
) -> None:
    kaggle_server.add(f"{OWNER}/first-cnn", json.dumps(notebook("print('mine of old')")))
    with pytest.raises(UserError, match="its cells are others"):
        sharing.push_to_kaggle(make("m01/first-cnn"))


def test_nothing_is_pushed_where_kaggle_cannot_be_asked(
    workshop: Workshop, kaggle_server: KaggleServer
) -> None:
    kaggle_server.faults["GetKernel"] = (500, "Internal Server Error")
    with pytest.raises(UserError, match="out of order"):
        sharing.push_to_kaggle(make("m01/first-cnn"))
    assert "SaveKernel" not in kaggle_server.operations()


def test_a_refused_push_is_an_error(
    workshop: Workshop, kaggle_server: KaggleServer, tmp_path: Path
) -> None:
    kaggle_server.refuses = "Notebook not found"
    with pytest.raises(UserError, match="must accept studyuser/first-cnn"):
        sharing.push_to_kaggle(make("m01/first-cnn"))


def test_what_no_page_can_show_is_an_error_with_the_next_step(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr("nbconvert.HTMLExporter.from_notebook_node", fails)
    shared = make("m01/knn")
    with pytest.raises(PilsaError, match=r"must .*RecursionError: too deep.*: find the cell"):
        sharing.share_html(shared, EXECUTED, None)


def test_a_korean_page_is_korean(workshop: Workshop) -> None:
    """But for names, and for what the member and the notebook say."""
    original = ORIGINAL.replace("Apache-2.0", "unknown") + "week: 3\n"
    result = RESULT | {
        "status": "FAILED", "reason": "fold0: its process was killed by someone",
        "marks": [KNOWS, UNSEEDED, "labels only", "tuned on folds 1…2"], "kernel": {"is_quick": True, "ran_elsewhere": True},
    }  # fmt: skip
    path = sharing.share_html(make("m01/titanic", original), None, result).path
    page = Elements(path.read_text(encoding="utf-8")).text
    header = page.partition(".ansi-bold")[2].partition("굵게")[0]
    names = r"m01|abc|someone|tiny|kaggle|titanic|kernel[.]yaml|quick|Colab|Kaggle|CV|accuracy|d1\w+|f2\w+|font-weight|`pilsa[^`]*`"
    assert re.findall("[A-Za-z]{2,}", re.sub(names, "", header)) == []
    assert len(re.findall("[가-힣]+", header)) > 40
