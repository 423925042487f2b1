"""Picture files: decoded once, brought to one size, and kept as a memory-mapped file of pixels."""

from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.plumbing.errors import UserError
from pipelines.readers import Reader
from pipelines.values import ids, picture_files, submission, tables
from pipelines.values import raw as csv_files
from pipelines.values.picture_files import Part
from pipelines.values.pixels import decode_all
from pipelines.values.raw import RawTables, constant_sample

_SHOWN = 5
_ROWS = 1024


class Images(Reader):
    """A folder or zip of pictures, with a CSV that names them or one folder per class."""

    def read(self, raw: Path, scratch: Path) -> RawTables:
        competition, notes = self.competition, list[str]()
        listing = picture_files.read(competition, raw, scratch)
        if listing.unlisted:
            notes.append(
                f"{len(listing.unlisted)} pictures are named by no row and are not used (such as "
                f"{', '.join(listing.unlisted[:_SHOWN])})"
            )
        train, X_train = self._pixels(listing.train, "train", scratch, notes)
        test, X_test = self._pixels(listing.test, "test", scratch, notes)
        if competition.files.sample:
            path, asked = raw / competition.files.sample, submission.text_columns(competition)
            sample = tables.read_csv(path, asked, csv_files.form_of(competition, path))
            csv_files.need_columns(sample, [competition.sample_id], competition.files.sample)
        else:
            sample = None
        train, test = ids.counted(competition, train, test, sample)
        for table, columns in (
            (train, [competition.id_column, competition.target]),
            (test, [competition.id_column]),
        ):
            csv_files.need_columns(table, columns, "the list of pictures")
        if sample is None:
            sample = constant_sample(competition, train, test)
        split = [name for name in (competition.split.group, competition.split.time) if name]
        spelled = {name: train[name] for name in split if name in train.columns}
        return RawTables(train, test, sample, spelled, tuple(notes), (X_train, X_test))

    def _pixels(
        self, part: Part, name: str, scratch: Path, notes: list[str]
    ) -> tuple[pd.DataFrame, np.ndarray]:
        """Decode one part; of train, broken pictures are left out with their rows where that is allowed."""
        competition = self.competition
        assert competition.image is not None  # the competition's schema asks for both
        assert competition.pictures is not None
        pixels, broken = decode_all(part.files, competition.image, scratch / f"{name}.npy")
        if not broken:
            return part.table, pixels
        listed = [f"{part.files[row].name} ({why})" for row, why in list(broken.items())[:_SHOWN]]
        found = f"{len(broken)} of {len(part.files)} {name} pictures cannot be read: {'; '.join(listed)}"
        if not competition.pictures.skip_broken or len(broken) == len(part.files):
            raise UserError(
                f"every picture must be readable, and {found}: mend them, or set `skip_broken: true` under "
                "`pictures:` in the competition file"
            )
        if name == "test":  # its rows are asked for all the same
            notes.append(f"{found}; they are predicted as black pictures")
            return part.table, pixels
        notes.append(f"{found}; their rows are left out")
        kept = np.setdiff1d(np.arange(len(pixels)), list(broken))
        for start in range(0, len(kept), _ROWS):  # forward, so that no row is overwritten unread
            rows = kept[start : start + _ROWS]
            pixels[start : start + len(rows)] = pixels[rows]
        return part.table.iloc[kept].reset_index(drop=True), pixels[: len(kept)]
