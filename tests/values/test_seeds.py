"""Seeds depend on what they are for, and on nothing else."""

import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.values.seeds import derive

PATIENT = settings(max_examples=100, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)
PURPOSES = st.lists(st.integers(0, 1000) | st.text(min_size=1, max_size=5), max_size=4)


@PATIENT
@given(seed=SEEDS, purpose=PURPOSES)
def test_31_bits_that_every_library_takes(seed: int, purpose: list[int | str]) -> None:
    assert 0 <= derive(seed, *purpose) < 2**31
    assert derive(seed, *purpose) == derive(seed, *purpose)


@PATIENT
@given(seed=SEEDS, a=PURPOSES, b=PURPOSES)
def test_another_purpose_is_another_seed(seed: int, a: list[int | str], b: list[int | str]) -> None:
    assert (derive(seed, *a) == derive(seed, *b)) == (a == b)


@PATIENT
@given(seed=SEEDS, other=SEEDS)
def test_another_seed_is_another_seed(seed: int, other: int) -> None:
    assert (derive(seed, "fold", 0) == derive(other, "fold", 0)) == (seed == other)


def test_a_zero_at_the_end_counts() -> None:
    found = {derive(42, "fold"), derive(42, "fold", 0), derive(42, "fold", 0, 0)}
    assert len(found) == 3


def test_many_folds_and_epochs_do_not_collide() -> None:
    found = {derive(42, "fold", fold, "epoch", epoch) for fold in range(20) for epoch in range(100)}
    assert len(found) == 20 * 100


def test_another_process_finds_the_same_seed() -> None:
    """Python's own hash of a text differs from process to process."""
    code = "from pipelines.values.seeds import derive; print(derive(42, 'folds', 3))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == derive(42, "folds", 3)
