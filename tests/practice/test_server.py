"""The practice server by itself: what it gives, counts, remembers and spoils on request."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from pipelines.plumbing.errors import UserError
from pipelines.practice import starting
from pipelines.practice.state import World
from tests.practice.practice_server import ROOT, SLUG, TEAMS, Practice, practice

__all__ = ["practice"]
DIRECT = build_opener(ProxyHandler({}))


def ask(practice: Practice, operation: str, member: str = "m01", **body: Any) -> dict[str, Any]:
    token = practice.world.state.members[member].token
    request = Request(
        f"{practice.server.url}/api/v1/competitions.CompetitionApiService/{operation}",
        json.dumps({"competitionName": SLUG, **body}).encode(),
        {"Authorization": f"Bearer {token}"},
    )
    with DIRECT.open(request) as answer:
        return dict(json.loads(answer.read()))


def refused(practice: Practice, operation: str, **body: Any) -> tuple[int, str]:
    with pytest.raises(HTTPError) as raised:
        ask(practice, operation, **body)
    return raised.value.code, json.loads(raised.value.read())["message"]


def fetch(practice: Practice, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    url = f"{practice.server.url}/files/{SLUG}/{SLUG}.zip"
    with DIRECT.open(Request(url, headers=headers)) as answer:
        return answer.status, answer.read(), dict(answer.headers)


def sample(practice: Practice) -> str:
    return practice.world.held[SLUG].files["sample_submission.csv"].read_text()


def hand_in(
    practice: Practice, text: str, member: str = "m01", file: str = "a.csv"
) -> dict[str, Any]:
    started = ask(practice, "StartSubmissionUpload", member, fileName=file)
    url = started["createUrl"].replace("http://localhost", practice.server.url)
    DIRECT.open(Request(url, text.encode(), method="PUT")).close()
    return ask(practice, "CreateSubmission", member, blobFileTokens=started["token"])


def better(text: str) -> str:
    """A submission that is no sample: the first class is likelier everywhere."""
    head, *rows = text.split()
    return "\n".join([head, *(f"{row.split(',')[0]},0.5,0.25,0.25" for row in rows)]) + "\n"


def test_files_come_to_those_who_accepted_the_rules_whole_and_in_parts(practice: Practice) -> None:
    names = [file["name"] for file in ask(practice, "ListDataFiles")["files"]]
    assert names == ["sample_submission.csv", "test.csv", "train.csv"]
    assert refused(practice, "ListDataFiles", member="m02")[0] == 403
    _, whole, headers = fetch(practice)
    status, rest, _ = fetch(practice, Range="bytes=100-", **{"If-Range": headers["ETag"]})
    assert (status, rest) == (206, whole[100:])
    status, again, _ = fetch(practice, Range="bytes=100-", **{"If-Range": '"another"'})
    assert (status, again) == (200, whole)


def test_a_submission_is_graded_as_the_solution_says(practice: Practice) -> None:
    held = practice.world.held[SLUG]
    hand_in(practice, better(sample(practice)))
    [listed] = ask(practice, "ListSubmissions")["submissions"]
    (practice.world.folder / "mine.csv").write_text(better(sample(practice)))
    grade = held.grade(practice.world.folder / "mine.csv")
    assert (listed["status"], listed["publicScore"]) == ("COMPLETE", f"{grade.public:.5f}")
    assert listed["privateScore"] == ""
    hand_in(practice, "id,class_0\n1,2\n")
    [wrong, _] = ask(practice, "ListSubmissions")["submissions"]
    assert wrong["status"] == "ERROR"
    assert wrong["errorDescription"].startswith("a.csv: columns must be")


def test_a_team_has_so_many_a_day_and_its_members_share_them(practice: Practice) -> None:
    practice.world.join("m02", SLUG)
    text = better(sample(practice))
    for member in ("m01", "m02", "m01", "m02", "m01"):
        hand_in(practice, text, member)
    assert ask(practice, "GetSubmissionLimits")["numAllowedNow"] == 0
    with pytest.raises(HTTPError) as raised:
        hand_in(practice, text, "m02")
    assert raised.value.code == 400
    practice.world.join("m03", SLUG)
    hand_in(practice, text, "m03")
    practice.world.state.ahead = 86400
    assert ask(practice, "GetSubmissionLimits")["numAllowedNow"] == 5
    teams = [row["teamName"] for row in ask(practice, "GetLeaderboard")["submissions"]]
    assert sorted(teams) == ["rivals", "study"]


def test_ten_at_once_get_no_more_than_the_day_has(practice: Practice) -> None:
    practice.world.join("m02", SLUG)
    text = better(sample(practice))

    def try_it(number: int) -> bool:
        try:
            hand_in(practice, text, f"m0{1 + number % 2}", f"{number}.csv")
        except HTTPError:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        taken = list(pool.map(try_it, range(10)))
    assert sum(taken) == 5
    sent = ask(practice, "ListSubmissions")["submissions"]
    assert len({one["ref"] for one in sent}) == len(sent) == 5


def test_a_submission_without_a_place_in_the_form_costs_nothing(practice: Practice) -> None:
    hand_in(practice, "nothing\n")
    ask(practice, "ListSubmissions")
    assert ask(practice, "GetSubmissionLimits") == {
        "numToday": 0, "numAllowedNow": 5, "limitedByTotal": False, "numTotal": 0,
    }  # fmt: skip


def test_what_was_sent_survives_a_restart(practice: Practice) -> None:
    made = hand_in(practice, better(sample(practice)))
    with chdir(ROOT):
        world = World(practice.world.folder, TEAMS, grading_seconds=0)
    assert [one.ref for one in world.sent("kaggle", "study", SLUG)] == [made["ref"]]
    assert world.state.members == practice.world.state.members
    (practice.world.folder / "state.json").write_text("{")
    with chdir(ROOT), pytest.raises(UserError, match="must be what the practice server wrote"):
        World(practice.world.folder, TEAMS, grading_seconds=0)


def test_a_submission_waits_for_its_score(practice: Practice) -> None:
    practice.world.grading_seconds = 60
    hand_in(practice, better(sample(practice)))
    assert ask(practice, "ListSubmissions")["submissions"][0]["status"] == "PENDING"
    practice.world.state.ahead = 61
    assert ask(practice, "ListSubmissions")["submissions"][0]["status"] == "COMPLETE"


def test_faults_happen_as_often_as_asked(practice: Practice) -> None:
    practice.fault("ListDataFiles", status=429, message="Too Many Requests", times=2)
    assert [refused(practice, "ListDataFiles")[0] for _ in range(2)] == [429, 429]
    assert ask(practice, "ListDataFiles")["files"]
    practice.fault("GET", wrong_byte=True)
    wrong, right = fetch(practice)[1], fetch(practice)[1]
    assert len(wrong) == len(right)
    assert sum(a != b for a, b in zip(wrong, right, strict=True)) == 1
    practice.fault("grade", message="unused")
    control = Request(
        f"{practice.server.url}/practice/faults",
        json.dumps({"op": "grade", "message": "no"}).encode(),
    )
    DIRECT.open(control).close()
    hand_in(practice, better(sample(practice)))
    assert ask(practice, "ListSubmissions")["submissions"][0]["errorDescription"] == "no"


def test_a_lost_reply_is_a_submission_all_the_same(practice: Practice) -> None:
    practice.fault("CreateSubmission", lose_reply=True)
    with pytest.raises(OSError, match="closed connection"):
        hand_in(practice, better(sample(practice)))
    assert len(ask(practice, "ListSubmissions")["submissions"]) == 1


def test_a_strange_token_gets_nothing(practice: Practice) -> None:
    practice.world.state.members["m02"].token = "other"
    token = Request(
        f"{practice.server.url}/api/v1/x/ListDataFiles", b"{}", {"Authorization": "Bearer nobody"}
    )
    with pytest.raises(HTTPError) as raised:
        DIRECT.open(token)
    assert raised.value.code == 401


@pytest.mark.parametrize("text", ["study", "study=", "a=m01,m 2", "=m01"])
def test_what_is_no_team_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="TEAM=MEMBER"):
        starting.teams_of([text])


def test_nobody_is_in_two_teams() -> None:
    with pytest.raises(UserError, match="one team"):
        starting.teams_of(["a=m01", "b=m01"])


def test_what_a_shell_must_set_lies_in_a_file_of_ones_own(practice: Practice) -> None:
    written = starting.write_environments(practice.server)["m01"]
    assert written.stat().st_mode & 0o077 == 0
    assert practice.world.state.members["m01"].token in Path(written).read_text()


def test_a_newcomer_is_told_what_to_set(tmp_path: Path) -> None:
    program = "from pipelines.cli import main; main()"
    arguments = [
        "practice-server",
        "--port",
        "0",
        "--folder",
        str(tmp_path / "kept"),
        "--team",
        "a=m01",
    ]
    command = [sys.executable, "-c", program, *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        said = [server.stdout.readline() for _ in range(4)]
        file = tmp_path / "kept" / "m01.sh"
        assert f". {file}" in said[2]
        token = json.loads((tmp_path / "kept" / "state.json").read_text())["members"]["m01"][
            "token"
        ]
        assert token in file.read_text()
        assert token not in "".join(said)
        again = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert again.returncode == 1
        assert "only one process may do this" in again.stderr
        server.terminate()
    assert server.returncode == 143
