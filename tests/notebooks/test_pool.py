"""Who is in the pool: local.yaml says so, and the last to leave restores its bytes."""

import subprocess
import sys

import pytest

from pipelines.notebooks import pool
from pipelines.plumbing import paths
from pipelines.plumbing.errors import UserError
from pipelines.values import params
from tests.conftest import Workshop


@pytest.fixture
def settings(workshop: Workshop) -> None:
    for name, competition in (
        ("m01/첫-노트북", "tiny"),
        ("m02/knn", "tiny"),
        ("m02/other", "table"),
    ):
        workshop.write_kernel(name, "x = 1\n", competition=competition)
    workshop.write_kernel("m03/study", "x = 1\n", kind="study")


def test_kernels_join_in_order_and_the_last_to_leave_restores_the_bytes(settings: None) -> None:
    shared = paths.params().read_bytes()
    assert pool.join("m02/knn") == ["m02/knn"]
    pool.leave("m02/knn")
    empty = paths.local().read_bytes()
    pool.join("m02/knn")
    assert pool.join("m01/첫-노트북") == params.load().kernels == ["m02/knn", "m01/첫-노트북"]
    assert pool.join("m02/knn") == ["m02/knn", "m01/첫-노트북"]
    assert pool.leave("m02/knn") == ["m01/첫-노트북"]
    assert pool.leave("m01/첫-노트북") == []
    assert paths.local().read_bytes() == empty
    assert paths.params().read_bytes() == shared


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("m02/other", "for table"),
        ("m03/study", "kind: study"),
        ("m02/kn", "did you mean 'm02/knn'"),
    ],
)
def test_only_a_kernel_of_the_active_competition_can_join(
    settings: None, name: str, complaint: str
) -> None:
    before = paths.local().read_bytes()
    with pytest.raises(UserError, match=complaint):
        pool.join(name)
    assert paths.local().read_bytes() == before


def test_only_who_is_in_the_pool_can_leave(settings: None) -> None:
    with pytest.raises(UserError, match="only a kernel of the pool"):
        pool.leave("m02/knn")


def test_two_that_join_at_once_are_both_in_the_pool(settings: None) -> None:
    names = ["m02/knn", "m01/첫-노트북"]
    command = (
        "import sys, time; from pipelines.plumbing import atomic; from pipelines.notebooks import pool\n"
        "write = atomic.write_text\n"
        "atomic.write_text = lambda *what: (time.sleep(1), write(*what))\n"
        "pool.join(sys.argv[1])"
    )
    joining = [subprocess.Popen([sys.executable, "-c", command, name]) for name in names]
    assert [process.wait(timeout=60) for process in joining] == [0, 0]
    assert sorted(params.load().kernels) == sorted(names)
