"""Labels of the test rows that came with the files: read to grade by, and cut out of what anybody sees."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.plumbing.atomic import write_bytes
from pipelines.plumbing.errors import UserError
from pipelines.values import ids, raw, tables
from pipelines.values.competition import Competition

_MEND = "mend them where they come from, or take `solution:` out of the competition file"


def read(competition: Competition, file: Path, sample: pd.DataFrame | None) -> pd.DataFrame:
    """The ids and targets of the test rows: columns `id`, text, and `target`, text or numbers, both (n,).

    Args:
        competition: of whose form the file is.
        file: labels in idx form, or a CSV with the columns of ids (which positions may lack) and of the target.
        sample: as whose ids these are counted and spelled; None where there is none.

    Raises:
        UserError: it is neither, or a target is missing, or no number where a value is asked for.
    """
    if competition.files.format == "idx":
        labels = tables.read_idx(file)
        if labels.ndim != 1:
            raise UserError(
                f"the solution must be labels (1 axis), and {file.name} has {labels.ndim} axes: correct "
                f"source.solution in competitions/{competition.name}.yaml"
            )
        counted = ids.numbered("1", len(labels))
        return pd.DataFrame({"id": counted, "target": labels.astype(str)})
    known = tables.read_csv(file, "all", raw.form_of(competition, file))
    known, _ = ids.counted(competition, known, known, sample)
    columns = [competition.id_column, competition.target]
    raw.need_columns(known, columns, file.name)
    known = known[columns].set_axis(["id", "target"], axis=1)
    if known["target"].isna().any():
        raise UserError(
            f"the targets of {file.name} must be known for every row, found {known['target'].isna().sum()} missing: "
            f"{_MEND}"
        )
    if sample is not None:
        known["id"], _ = ids.as_in_sample(known["id"], sample[competition.sample_id])
    if competition.task == "regression":
        known["target"] = _numbers(known["target"], file.name)
    return known


def _numbers(texts: "pd.Series[str]", name: str) -> "pd.Series[float]":
    numbers = pd.to_numeric(texts, errors="coerce").astype(np.float64)
    wrong = texts[~np.isfinite(numbers)]
    if len(wrong):
        raise UserError(
            f"the targets of {name} must be numbers, found {wrong.iloc[0]!r} ({len(wrong)} such): {_MEND}"
        )
    return numbers


def cut_out(competition: Competition, file: Path, target: Path) -> None:
    """Write a test file without the column of the target, every other cell as it is.

    Raises:
        UserError: it is no CSV, or has no such column.
    """
    cells, form = tables.read_cells(file, raw.form_of(competition, file))
    raw.need_columns(cells, [competition.target], file.name)
    text = cells.drop(columns=competition.target).to_csv(
        index=False, sep=form.delimiter, lineterminator="\n", **form.quoting
    )
    content = text.encode(form.encoding)
    # Without a time in it: the same file must have the same bytes.
    write_bytes(target, gzip.compress(content, mtime=0) if file.suffix == ".gz" else content)
