"""A running practice server, and an environment that leads the real client to it as member m01, and nowhere else."""

import threading
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from pipelines.practice import starting
from pipelines.practice.faults import Fault
from pipelines.practice.server import Server
from pipelines.practice.state import World

ROOT = Path(__file__).parents[2]
TEAMS = {"study": ["m01", "m02"], "rivals": ["m03"]}
SLUG = "practice-wine"


class Practice:
    """The server, and the shell of a member."""

    def __init__(self, server: Server, patch: pytest.MonkeyPatch) -> None:
        self.server, self.world, self._patch = server, server.world, patch

    def sign_in(self, member: str) -> None:
        for name in ("no_proxy", "NO_PROXY", "KAGGLE_USERNAME", "KAGGLE_KEY"):
            self._patch.delenv(name, raising=False)
        for name, value in starting.environment(self.server, member).items():
            self._patch.setenv(name, value)

    def fault(self, op: str, **what: Any) -> None:
        self.server.faults.add(Fault(op=op, **what))


@pytest.fixture
def practice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Practice]:
    """The bundled competitions of this repository; m01 has joined practice-wine, nobody else has."""
    with chdir(ROOT):
        world = World(tmp_path / "practice", TEAMS, grading_seconds=0)
    world.join("m01", SLUG)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with Server(world) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        made = Practice(server, monkeypatch)
        made.sign_in("m01")
        yield made
        server.shutdown()
        thread.join()


@pytest.fixture
def sent(practice: Practice, tmp_path: Path) -> Path:
    """A valid submission that is no sample."""
    head, *rows = practice.world.held[SLUG].files["sample_submission.csv"].read_text().split()
    path = tmp_path / "mine.csv"
    path.write_text("\n".join([head, *(f"{row.split(',')[0]},0.5,0.25,0.25" for row in rows)]))
    return path
