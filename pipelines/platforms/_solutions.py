"""Labels of the test rows that came with the files: read to grade by, and cut out of what anybody sees."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.plumbing.atomic import write_bytes
from pipelines.plumbing.errors import UserError
from pipelines.values import raw, tables
from pipelines.values.competition import Competition


def read(competition: Competition, file: Path) -> pd.DataFrame:
    """The ids and targets of the test rows, both text (n,): columns `id` and `target`.

    Args:
        competition: of whose form the file is.
        file: labels in idx form, or a CSV with the columns of ids and of the target.

    Raises:
        UserError: it is neither.
    """
    if competition.files.format == "idx":
        labels = tables.read_idx(file)
        if labels.ndim != 1:
            raise UserError(
                f"the solution must be labels (1 axis), and {file.name} has {labels.ndim} axes: correct "
                f"source.solution in competitions/{competition.name}.yaml"
            )
        ids = np.arange(1, len(labels) + 1).astype(str)
        return pd.DataFrame({"id": ids, "target": labels.astype(str)})
    known = tables.read_csv(file, "all", raw.form_of(competition, file))
    columns = [competition.id_column, competition.target]
    raw.need_columns(known, columns, file.name)
    return known[columns].set_axis(["id", "target"], axis=1)


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
