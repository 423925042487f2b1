"""Whole rehearsals in the real sandbox: an honest kernel passes, and planted faults are named with their place."""

from typing import Any

import pytest

from pipelines.rehearsal.rehearse import rehearse
from pipelines.rehearsal.record import Rehearsal
from pipelines.sandbox import isolate
from tests.conftest import Workshop

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        isolate.detect(False).kind == "none",
        reason="nothing can isolate a notebook on this machine",
    ),
]

READ = (
    "# %%\nimport numpy as np\nimport pandas as pd\n"
    "train, test = (pd.read_csv(f'../input/tiny/{name}.csv') for name in ('train', 'test'))\n"
    "pixels = list(test.columns[1:])\n\n# %%\n"
    "centres = train.groupby('label')[pixels].mean()\n"
    "far = ((test[pixels].to_numpy()[:, None] - centres.to_numpy()) ** 2).sum(axis=2)\n"
    "answer = pd.DataFrame({'id': test.id, 'label': centres.index[far.argmin(axis=1)]})\n\n# %%\n"
)
WRITE = "answer.to_csv('submission.csv', index=False)\n"
# What is planted → the fault that must be found, and the cell.
FAULTS = {
    "row count": (READ + "answer = answer.assign(label=answer.label.to_numpy()[:20] if len(answer) > 20 else np.full(20, 'c0'))\n" + WRITE, 3),
    "output name": (READ + "answer.to_csv('answer.csv', index=False)\n", 3),
    "columns": (READ + "answer.to_csv('submission.csv')\n", 3),
    "path": (READ.replace("input/tiny", "input/other-competition") + WRITE, 1),
    "public test": (READ + "answer['label'] = answer.id.map({f'r{i}': f'c{i % 3}' for i in range(60, 80)})\n" + WRITE, 3),
    "missing wheel": (READ + "import kiwipiepy\n" + WRITE, 3),
    "internet": (READ + "import socket\ntry:\n    socket.create_connection(('8.8.8.8', 53), 1)\nexcept OSError:\n    pass\n" + WRITE, 3),
}  # fmt: skip


def rehearsed(workshop: Workshop, code: str, **rules: Any) -> Rehearsal:
    workshop.write_competition(code={"memory_gb": 2, **rules})
    workshop.write_kernel("m01/one", code)
    return rehearse("m01/one")


def test_an_honest_kernel_passes_both_hidden_tests(preprocessed: Workshop) -> None:
    found = rehearsed(preprocessed, READ + WRITE)
    assert found.faults == []
    assert found.status == "passed"
    assert [(one.name, one.rows, one.learned) for one in found.tried] == [
        ("shrunk", 12, 48),
        ("grown", 22, 38),
    ]
    assert found.output == "submission.csv"


@pytest.mark.parametrize("kind", FAULTS)
def test_a_planted_fault_is_named_with_its_cell(preprocessed: Workshop, kind: str) -> None:
    code, cell = FAULTS[kind]
    found = rehearsed(preprocessed, code)
    assert found.status == "failed"
    assert [(fault.kind, fault.cell) for fault in found.faults] == [(kind, cell)]
