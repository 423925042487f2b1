import os
import subprocess
import sys

from pipelines.tracking import liveness


def test_this_process_lives() -> None:
    tags = liveness.process_tags()
    assert tags["pilsa.pid"] == str(os.getpid())
    assert liveness.lives(tags)


def test_a_later_process_with_the_same_number_is_another() -> None:
    # not the parent's birth: a launcher such as `timeout` may be born in the same clock tick
    born = liveness.birth(os.getpid())
    assert born
    assert not liveness.lives(liveness.process_tags() | {"pilsa.birth": born + "0"})


def test_a_dead_process_does_not_live_even_before_it_is_collected() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    born = liveness.birth(child.pid)
    assert born
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    tags = {"pilsa.birth": born, "pilsa.pid": str(child.pid)}
    assert not liveness.lives(tags)
    child.communicate()
    assert not liveness.lives(tags)
