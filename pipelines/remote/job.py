"""What is sent to another machine: the fits of a model as values, and the files that they need.

Both sides read this module: here it is packed, there it is unpacked.
"""

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from features import blocks
from pipelines.plumbing import paths, sources
from pipelines.plumbing.atomic import content_hash, read_arrays, read_json
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.schema import Strict
from pipelines.training.fits import FitSpec

if TYPE_CHECKING:
    from pipelines.training.plan import Plan

_PARTS = ("train", "validation", "predict")
_ELSEWHERE = ("dataset", "folder", "deadline")
_SAME_DATE = (2026, 1, 1, 0, 0, 0)


class Job(Strict):
    """What names a job, and what its result must say of itself.

    Attributes:
        key: of the work, as the stage `train` has it: code, data, folds, settings and seeds.
        nonce: of this attempt.
        commit: checked out where it was packed.
        fits: hash of all specs: rows, hyperparameters, seeds.
        accelerator: as Kaggle calls it; empty for none.
    """

    key: str
    nonce: str
    competition: str
    model: str
    commit: str | None
    data_hash: str
    folds_hash: str
    fits: str
    accelerator: str = ""


def fits_hash(specs: Sequence[FitSpec]) -> str:
    """16 hex digits of what decides the numbers of all fits."""
    return content_hash([spec.content() for spec in specs])


def pack(job: Job, plan: "Plan", specs: Sequence[FitSpec], source: str | None) -> bytes:
    """A zip of the code, the fits and the data; the same content gives the same bytes.

    Args:
        job: its name.
        plan, specs: what is to be fitted.
        source: the competition whose files Kaggle shows there; None packs the dataset too.
    """
    needed = ["pipelines.remote.executing"]
    plugins: dict[str, Sequence[str]] = {
        "models": [plan.name],
        "blocks": [blocks.name_of(plan.competition.name)],
        "readers": [plan.competition.files.format],
    }
    files = {
        f"code/{path.as_posix()}": (sources.CODE_ROOT / path).read_bytes()
        for path in sources.closure(*needed, plugins=plugins, with_silent=True)
    }
    content: dict[str, Any] = {"job": job.model_dump(), "source": source}
    content["specs"] = [_plain(spec) for spec in specs]
    if source is None:
        folder = paths.dataset(plan.competition.name)
        found = sorted(path for path in folder.rglob("*") if path.is_file())
        files |= {f"dataset/{path.name}": path.read_bytes() for path in found}
    else:
        content["competition"] = plan.competition.model_dump(mode="json")
        content["settings"] = plan.settings.model_dump(mode="json")
    files["job.json"] = json.dumps(content, ensure_ascii=False, default=str).encode()
    files["rows.npz"] = _rows(specs, len(plan.dataset.y))
    return _zipped(files)


def unpack(folder: Path) -> tuple[Job, dict[str, Any], list[FitSpec]]:
    """The job of an unpacked folder, all else that its file says, and its fits.

    Raises:
        UserError: a file is missing or damaged.
    """
    content = read_json(folder / "job.json")
    job, stored = Job(**content["job"]), read_arrays(folder / "rows.npz")
    rows = int(stored["rows"])
    specs = []
    for number, plain in enumerate(content["specs"]):
        count = plain.pop("predicts")
        train, validation, *predict = (
            np.flatnonzero(np.unpackbits(stored[f"{number}-{part}"], count=rows)).astype(np.int64)
            for part in range(2 + count)
        )
        plain["clip"] = tuple(plain["clip"])
        specs.append(
            FitSpec(
                **plain, dataset=folder / "dataset", train=train, validation=validation,
                predict=tuple(predict),
            )
        )  # fmt: skip
    return job, content, specs


def _plain(spec: FitSpec) -> dict[str, Any]:
    """All but the rows, and but where anything lies."""
    kept = {name: value for name, value in vars(spec).items() if name not in (*_PARTS, *_ELSEWHERE)}
    return kept | {"predicts": len(spec.predict)}


def _rows(specs: Sequence[FitSpec], n_rows: int) -> bytes:
    """A bit per row and set of rows: positions would take ten times as much.

    Raises:
        UserError: positions are not ascending, which a bit per row cannot say.
    """
    arrays: dict[str, Any] = {"rows": np.array(n_rows)}
    for number, spec in enumerate(specs):
        for part, rows in enumerate((spec.train, spec.validation, *spec.predict)):
            mask = np.zeros(n_rows, bool)
            mask[rows] = True
            if not np.array_equal(np.flatnonzero(mask), rows):
                raise UserError(
                    f"rows of {spec.name} must be ascending positions to be sent, and are not: train it here"
                )
            arrays[f"{number}-{part}"] = np.packbits(mask)
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def _zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_LZMA) as archive:
        for name, text in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _SAME_DATE), text, zipfile.ZIP_LZMA)
    return content.getvalue()
