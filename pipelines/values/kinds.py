"""Whether the columns of train and test are of one kind: numbers in both, or words in both."""

import pandas as pd

from pipelines.plumbing.errors import UserError

_MOST = 0.5
_AMOUNT = r"[^\d\w]*\d[\d.,\s']*\s*[^\d\s]{0,4}"  # 1,234 or 5 kg


def compared(train: pd.DataFrame, test: pd.DataFrame) -> list[str]:
    """A sentence for each column that is numbers in one part and mostly words in the other.

    Args:
        train, test: of the same columns.

    Raises:
        UserError: such words are mostly numbers of another spelling, from which no model would learn.
    """
    said = []
    for name in train:
        parts = {"train": train[name], "test": test[name]}
        texts = [part for part, cells in parts.items() if cells.dtype.kind not in "iufb"]
        numbers = [
            part
            for part, cells in parts.items()
            if cells.dtype.kind in "iuf" and cells.notna().any()
        ]
        if len(texts) != 1 or len(numbers) != 1:
            continue
        known = parts[texts[0]].dropna().astype(str)
        unread = known[pd.to_numeric(known, errors="coerce").isna()]
        if len(unread) <= _MOST * len(known):
            continue
        found = f"numbers in {numbers[0]} and {unread.iloc[0]!r} in {texts[0]} ({len(unread)} such cells)"
        if unread.str.strip().str.fullmatch(_AMOUNT).mean() > _MOST:
            raise UserError(
                f"column {name!r} must be numbers in train and test alike, found {found}: set `decimal:` in the "
                "competition file if its comma stands before fractions, mend the file and its `md5:`, or list the "
                "column under `drop:`"
            )
        said.append(
            f"column {name!r} is {found}: models take it for words in both, so mend the file and its `md5:`, or list "
            "the column under `drop:`"
        )
    return said
