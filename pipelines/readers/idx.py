"""MNIST's idx files: images and labels become tables of pixel columns, ids count the rows from 1."""

from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.plumbing.errors import UserError
from pipelines.readers import Reader
from pipelines.values import tables
from pipelines.values.raw import RawTables, constant_sample


class Idx(Reader):
    """`train: [images, labels]` and `test: [images]`, all gzipped."""

    def read(self, raw: Path, scratch: Path) -> RawTables:
        if (
            len(self.competition.files.train_files) != 2
            or len(self.competition.files.test_files) != 1
        ):
            raise UserError(
                "idx files must be `train: [images, labels]` and `test: [images]` in the competition file"
            )
        images, labels = (
            tables.read_idx(raw / name) for name in self.competition.files.train_files
        )
        test_images = tables.read_idx(raw / self.competition.files.test_files[0])
        axes = (images.ndim, labels.ndim, test_images.ndim)
        if axes != (3, 1, 3):
            raise UserError(
                f"idx files must be images (3 axes), labels (1) and test images (3), found {axes} axes: "
                "check the order in `files:`"
            )
        if len(images) != len(labels):
            raise UserError(
                f"images and labels must be as many, found {len(images)} and {len(labels)}: check `files:`"
            )
        made = []
        for pictures in (images, test_images):
            flat = pictures.reshape(len(pictures), -1)
            table = pd.DataFrame(flat, columns=[f"pixel{i}" for i in range(flat.shape[1])])
            ids = pd.Series(
                np.arange(1, len(flat) + 1).astype(str), name=self.competition.id_column
            )
            made.append(pd.concat([ids, table], axis=1))
        train, test = made
        train.insert(1, self.competition.target, labels.astype(str))
        return RawTables(train, test, constant_sample(self.competition, train, test))
