"""`pilsa submit` as processes: killed for good in the middle, and many at once."""

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.plumbing.errors import UserError
from pipelines.submitting import sending
from pipelines.submitting.clock import Clock
from pipelines.tracking import ledger
from pipelines.values.competition import Competition
from tests.conftest import Workshop
from tests.submitting.pretend_platform import Pretend
from tests.submitting.small_competition import answers, preprocess, write
from tests.submitting.test_sending import wish

REPOSITORY = Path(__file__).parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def tiny(workshop: Workshop) -> Competition:
    return preprocess(workshop)


@pytest.fixture
def server(tmp_path: Path) -> Pretend:
    return Pretend(tmp_path / "server", Clock())


@pytest.fixture
def pilsa(tiny: Competition, server: Pretend) -> Run:
    def run(
        *arguments: str, fault: str = "", lag: float = 15
    ) -> "subprocess.CompletedProcess[str]":
        module = "tests.submitting.pretended_pilsa"
        command = [sys.executable, "-m", module, str(server.folder), fault, str(lag), *arguments]
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        return subprocess.run(command, env=environment, text=True, capture_output=True, check=False)

    write(answers(wrong=3))
    return run


SLOW = [pytest.param(f"killed {moment}", marks=pytest.mark.slow) for moment in ("before", "during")]


@pytest.mark.parametrize("moment", [*SLOW, "killed after"])
def test_kill_9_is_finished_by_the_next_call(pilsa: Run, server: Pretend, moment: str) -> None:
    assert pilsa("submit", "mine.csv", fault=moment).returncode == -signal.SIGKILL
    (row,) = ledger.submissions("tiny")
    assert row.status == "PENDING"
    again = pilsa("submit", "mine.csv", "--json", "--wait", lag=0)
    assert again.returncode == 0, again.stderr
    found = json.loads(again.stdout)
    assert (found["status"], found["lb_public"]) == ("COMPLETE", 0.75)
    assert server.taken() == [found["upload"]]
    assert (found["upload"] == row.upload) == (moment == "killed after")


@pytest.mark.slow
def test_the_exit_status_says_what_became_of_it(pilsa: Run, server: Pretend) -> None:
    def status(*arguments: str, fault: str = "") -> tuple[int, str]:
        done = pilsa("submit", "mine.csv", *arguments, fault=fault)
        return done.returncode, done.stdout + done.stderr

    assert status("--dry-run")[0] == 0
    assert server.taken() == []
    code, said = status(fault="limit")
    assert (code, "daily limit is used up" in said) == (3, True)
    code, said = status(fault="500")
    assert (code, "run the same command again" in said) == (4, True)
    write(answers(wrong=4))
    assert status()[0] == 0
    code, said = status()
    assert (code, "must be new" in said) == (1, True)
    write(answers().assign(label="c1"))
    code, said = status()
    assert (code, "Add --yes to send it all the same" in said) == (1, True)
    assert status("--yes")[0] == 0
    assert len(server.taken()) == 2


def outcomes(homes: list[Path], tiny: Competition, server: Pretend) -> list[str]:
    """What becomes of one submission that processes in these folders send at the same moment."""
    context = multiprocessing.get_context("fork")
    start, told = context.Barrier(len(homes)), context.SimpleQueue()
    found = wish(tiny)

    def send(home: Path) -> None:
        os.chdir(home)
        start.wait()
        try:
            told.put(sending.send(found, server, lambda question: True, server.clock).status)
        except UserError as error:
            told.put(str(error))

    children = [context.Process(target=send, args=[home]) for home in homes]
    for child in children:
        child.start()
    for child in children:
        child.join()
    return sorted(told.get() for _ in children)


def test_of_ten_processes_with_one_file_exactly_one_sends_it(
    tiny: Competition, server: Pretend, tmp_path: Path
) -> None:
    found = outcomes([tmp_path] * 10, tiny, server)
    assert (found.count("SENT"), len(server.taken())) == (1, 1)
    assert sum("must be new" in one for one in found) == 9


def test_of_two_members_with_one_slot_left_one_sends(
    tiny: Competition, server: Pretend, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("clones") / "m02"
    shutil.copytree(tmp_path, other)
    server.per_day = 1
    found = outcomes([tmp_path, other], tiny, server)
    assert (found.count("SENT"), len(server.taken())) == (1, 1)
