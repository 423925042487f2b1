"""Whole rehearsals in the real sandbox: an honest kernel passes, and planted faults are named with their place."""

from typing import Any, get_args

import pytest

from pipelines.rehearsal.fault import Kind
from pipelines.rehearsal.record import Rehearsal
from pipelines.rehearsal.rehearse import rehearse
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
    "row count": (READ + "answer = answer.head(20).assign(label=answer.label.tolist()[:20])\n" + WRITE, 3),
    "row count in an error": (READ + "answer['label'] = answer.label.to_numpy().reshape(20, -1)[:, 0]\n" + WRITE, 3),
    "output name": (READ + "answer.to_csv('answer.csv', index=False)\n", 3),
    "columns": (READ + "answer.to_csv('submission.csv')\n", 3),
    "path": (READ.replace("input/tiny", "input/other-competition") + WRITE, 1),
    "public test": (READ + "known = {f'r{i}': f'c{i % 3}' for i in range(60, 80)}\nanswer['label'] = answer.id.map(known)\n" + WRITE, 3),
    "public test's file": (READ + "pd.read_csv('/kaggle/input/tiny/test_answers.csv')\n" + WRITE, 3),
    "missing wheel": (READ + "import kiwipiepy\n" + WRITE, 3),
    "missing wheel anywhere": (READ + "import nowhere_to_be_had\n" + WRITE, 3),
    "download": (READ + "from urllib.request import urlretrieve\nurlretrieve('https://example.org/weights.h5', 'w.h5')\n" + WRITE, 3),
    "download by pip": ("# %%\n# !pip install humanize\n\n" + READ + WRITE, 1),
    "competition download": (READ + "import kagglehub\nkagglehub.competition_download('tiny')\n" + WRITE, 3),
    "competition download by the client": (READ + "import kaggle\nkaggle.api.competition_download_files('tiny')\n" + WRITE, 3),
    "internet": (READ.replace("# %%\ncentres", "# %%\n\n# %%\ncentres") + "import socket\ntry:\n    socket.create_connection(('8.8.8.8', 53), 1)\nexcept OSError:\n    pass\n\n# %%\n" + WRITE, 4),
    "time": (READ + "import time\ntime.sleep(60)\n" + WRITE, 3),
    "memory": (READ + "full = np.ones(90_000_000)\nimport time\ntime.sleep(2)\n" + WRITE, 3),
    "gpu": (READ + "import subprocess\nsubprocess.run(['nvidia-smi'], check=True)\n" + WRITE, 3),
    "gpu of a library": (READ + "import lightgbm\nlightgbm.LGBMClassifier(device='cuda', n_estimators=1, verbose=-1).fit(train[pixels], train.label)\n" + WRITE, 3),
}  # fmt: skip
RULES: dict[str, dict[str, float]] = {"time": {"hours": 0.002}, "memory": {"memory_gb": 0.5}}


def rehearsed(workshop: Workshop, code: str, **rules: Any) -> Rehearsal:
    workshop.write_competition(code={"memory_gb": 4, **rules})
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


@pytest.mark.parametrize("planted", FAULTS)
def test_a_planted_fault_is_named_with_its_cell(preprocessed: Workshop, planted: str) -> None:
    code, cell = FAULTS[planted]
    found = rehearsed(preprocessed, code, **RULES.get(planted, {}))
    assert found.status == "failed"
    kinds = {kind for kind in get_args(Kind) if planted.startswith(kind)}
    assert {(fault.kind, fault.cell) for fault in found.faults} == {(*kinds, cell)}
    lines = code.split("# %%\n")[cell].splitlines()
    (line,) = {fault.line for fault in found.faults}
    assert line is None or 1 <= line <= len(lines)


def test_looking_in_several_places_is_no_fault(preprocessed: Workshop) -> None:
    look = (
        "# %%\nimport os\ntry:\n    open('/kaggle/input/elsewhere/train.csv')\nexcept OSError:\n    pass\n"
        "os.system('nvidia-smi')\n\n"
    )
    found = rehearsed(preprocessed, look + READ + WRITE)
    assert found.faults == []
    assert found.status == "passed"


def test_what_this_machine_cannot_try_is_not_passed(preprocessed: Workshop) -> None:
    code = FAULTS["gpu"][0]
    found = rehearsed(preprocessed, code, accelerator="gpu")
    assert found.faults == []
    assert found.status == "not rehearsed"
    assert any("GPU" in sentence for sentence in found.not_rehearsed)
