"""Which files a competition gives, by their names below `raw/`."""

from pathlib import PurePosixPath

from pydantic import field_validator

from pipelines.plumbing.schema import Name, Strict


class Files(Strict):
    """Names of files below `raw/`.

    Attributes:
        format: a file of pipelines/readers: csv, parquet, jsonl (an object per line), idx (MNIST's, `train` is then a
            list of images and labels) or images (picture files, see `pictures`; `test: []` where no file lists the
            test pictures: the sample or else their folder does).
        train, test: one file each, or a list of files of the same columns.
        sample: the sample submission.
        also: further files without a target, such as a description of the columns: every view shows them.
    """

    format: Name = "csv"
    train: str | list[str] = "train.csv"
    test: str | list[str] = "test.csv"
    sample: str | None = "sample_submission.csv"
    also: list[str] = []

    @field_validator("also")
    @classmethod
    def _lie_below(cls, also: list[str]) -> list[str]:
        for name in also:
            if name != PurePosixPath(name).as_posix() or {"..", "/"} & set(
                PurePosixPath(name).parts
            ):
                raise ValueError(
                    f"also must name files below raw/ as they are called there, found {name!r}"
                )
        return also

    @property
    def train_files(self) -> list[str]:
        return [self.train] if isinstance(self.train, str) else self.train

    @property
    def test_files(self) -> list[str]:
        return [self.test] if isinstance(self.test, str) else self.test
