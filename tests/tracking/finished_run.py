"""A finished run of a small competition, as a stage has it in hand."""

from pathlib import Path

import numpy as np

from pipelines.tracking import records
from pipelines.tracking.records import Head, Record, Run
from pipelines.values import scores
from pipelines.values.folds import Folds, hash_of
from pipelines.values.metrics import get
from pipelines.values.predictions import Predictions

CLASSES = ("c0", "c1", "c2")


class Work:
    """What a stage has in hand when its run ends: 24 rows, 3 classes, 3 folds; row 0 only trains."""

    def __init__(self) -> None:
        generator = np.random.default_rng(3)
        self.y = np.arange(24) % 3
        fold = np.arange(24) // 3 % 3
        fold[0] = -1
        ids = np.array([f"행{row}" for row in range(24)])
        self.folds = Folds(fold, is_time=False, hash=hash_of(ids, fold))
        oof = generator.dirichlet(np.ones(3), 24).astype(np.float32)
        oof[0] = np.nan
        self.predictions = Predictions(
            name="models/knn", kind="probability", oof=oof, test=oof[1:4], test_from="folds", row_ids=ids,
            test_ids=np.array(["t0", "t1", "t2"]), classes=np.array(CLASSES), metric="accuracy",
            fold_scores=self.scores(oof), folds_hash=self.folds.hash, data_hash="d" * 16,
        )  # fmt: skip

    def scores(self, oof: np.ndarray) -> np.ndarray:
        rows = [self.folds.valid_rows(fold) for fold in range(3)]
        return np.array([get("accuracy").score(self.y[part], oof[part], CLASSES) for part in rows])

    @property
    def head(self) -> Head:
        return Head(
            name="models/knn", kind="baseline", member="m01", competition="tiny", metric="accuracy",
            week=2, git_commit="abc+changes", data_hash="d" * 16, folds_hash=self.folds.hash,
        )  # fmt: skip

    def run(self, run_id: str = "") -> Run:
        return Run(
            run_id=run_id or records.run_id({"data": self.head.data_hash}), seconds=1.5,
            parameters={"k": 5, "weights": "rank", "학습률": 0.1, "p": None}, marks=["tuned on folds 1…"],
        )  # fmt: skip

    def record(self, run_id: str = "") -> Record:
        return records.make(
            self.head,
            self.run(run_id),
            self.predictions,
            scores.of(self.predictions, self.y, self.folds),
        )

    def archive(self, run_id: str = "") -> Path:
        """A folder of the history, with a learning curve and a picture."""
        self.predictions.save(Path("predictions.npz"))
        history = "fold,epoch,loss,val_loss\n0,0,1.5,1.25\n0,1,0.5,\n1,0,1.0,0.75\n"
        files: dict[str, Path | bytes] = {
            "predictions.npz": Path("predictions.npz"),
            "history.csv": history.encode(),
            "pictures/loss.png": b"png",
        }
        return records.archive(self.record(run_id), files)
