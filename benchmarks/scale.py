"""Seconds and peak of anonymous memory of every step from `competition add` to the submission, by rows of a table.

    python benchmarks/scale.py 100000 1000000 [--folder FOLDER]
    python benchmarks/scale.py --lightgbm 100000 [--folder FOLDER]

The table is made: so many training rows of 50 columns (30 measured with gaps, 8 counts, 12 of categories), a tenth
as many test rows, two classes. The steps run one after the other in a copy of this clone, as `dvc repro` would run
them, each in a process of its own, imports counted; what a folder holds already is not run again. The second form
sets the `train` stage of lightgbm beside plain lines of LightGBM on the same folds, watched rows and parameters,
imports not counted, after it has compared what both predict.

Measured on two busy cores, 1,000,000 rows beside 100,000, seconds on the clock and GB; what is not here was not
run to its end:

    competition add     9.9 against  2.5 s   1.37 against 0.23 GB
    competition check  15.3 against  4.7 s   1.31 against 0.26 GB
    download            2.8 against  1.8 s   0.12 against 0.12 GB
    preprocess         20.5 against  7.0 s   1.32 against 0.30 GB
    train lightgbm    166.9 against 31.8 s   1.75 against 0.45 GB
    train catboost        – against  128 s      – against 0.72 GB
    train hist_gbdt       – against 32.0 s      – against 0.47 GB

kNN is left out by `competition add`, which says so.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import yaml
from pyarrow import csv

from pipelines import stages
from pipelines.plumbing import paths
from pipelines.stages.train import train
from pipelines.training import cross_validation as cv
from pipelines.training import fits
from pipelines.training import plan as plans
from pipelines.values.predictions import Predictions

HERE = Path(__file__).parents[1]
CODE = ("pipelines", "features", "competitions", "params.yaml", "curriculum.yaml", "dvc.yaml")
PILSA = (sys.executable, "-c", "from pipelines.cli import main; main()")
MEASURED, COUNTS, CATEGORIES = 30, 8, 12
SECONDS_BETWEEN = 0.05
REPEATS, WARM_UP = 3, 2000


def table(rows: int, generator: np.random.Generator) -> tuple[dict[str, Any], np.ndarray]:
    """Columns by name, and what the target is drawn from (rows,)."""
    columns: dict[str, Any] = {}
    score = np.zeros(rows)
    for place in range(MEASURED):
        values = generator.normal(size=rows).round(4)
        score += (place % 5 == 0) * np.sin(values + place) + (place % 7 == 0) * values / 3
        share = 0.02 * (place % 6)
        columns[f"n{place}"] = pa.array(values, mask=generator.random(rows) < share)
    for place in range(COUNTS):
        values = generator.poisson(1 + place, rows)
        score += (place % 3 == 0) * np.sqrt(values) / 2
        columns[f"k{place}"] = pa.array(values)
    for place in range(CATEGORIES):
        kinds = 3 + place * place  # 3 … 124
        codes = (kinds * generator.random(rows) ** 2).astype(int)
        score += (place % 2) * np.cos(codes * 1.7 + place) / 2
        names = pa.array([f"c{place}_{code}" for code in range(kinds)])
        absent = generator.random(rows) < 0.03 * (place % 4)
        columns[f"c{place}"] = names.take(pa.array(codes, mask=absent))
    return columns, score


def make(folder: Path, rows: int) -> None:
    """Write train, test and sample as a platform hands them out."""
    generator = np.random.default_rng(0)
    columns, score = table(rows + rows // 10, generator)
    target = generator.random(len(score)) < 1 / (1 + np.exp(score.mean() - score))
    whole = pa.table({"row": pa.array(np.arange(len(score)) * 3), **columns})
    train, test = whole.slice(0, rows), whole.slice(rows)
    labelled = train.append_column("bought", pa.array(target[:rows].astype(int)))
    sample = test.select(["row"]).append_column("bought", pa.array(np.full(len(test), 0.5)))
    for name, part in (("train", labelled), ("test", test), ("sample_submission", sample)):
        csv.write_csv(part, folder / f"{name}.csv")


def copy(folder: Path) -> None:
    """The clone's code and settings, without its data and its runs."""
    for name in CODE:
        place = HERE / name
        if place.is_dir():
            shutil.copytree(place, folder / name, dirs_exist_ok=True)
        else:
            shutil.copyfile(place, folder / name)


def measured(folder: Path, *command: str) -> dict[str, float]:
    """Seconds of a command on the clock and of processors, and the most anonymous memory in GB of its whole tree.

    Raises:
        SystemExit: it failed; what it said stands above.
    """
    started, before, peak = time.monotonic(), spent(), 0
    # Threads that spin while they wait would count what others do on a busy machine.
    environment = os.environ | {"PYTHONPATH": str(folder), "OMP_WAIT_POLICY": "passive"}
    with (folder / "said.txt").open("w") as said:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said)
        while process.poll() is None:
            peak = max(peak, anonymous(process.pid))
            time.sleep(SECONDS_BETWEEN)
    if process.returncode:
        raise SystemExit(f"{(folder / 'said.txt').read_text()}\n{command} must work, and failed")
    return {"s": time.monotonic() - started, "cpu": spent() - before, "gb": peak / 1e6}


def spent() -> float:
    """Processor seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def anonymous(pid: int) -> int:
    """RssAnon in kB of a process and its children; of one that has just ended 0."""
    try:
        tree = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for each in tree:
        try:
            status = Path(f"/proc/{each}/status").read_text()
        except OSError:
            continue
        total += int((status.partition("RssAnon:")[2].split() or ["0"])[0])
    return total


class Run:
    """The steps of one table in a folder, each done once."""

    def __init__(self, rows: int, folder: Path) -> None:
        self.name, self.folder, self.given = f"rows-{rows}", folder / "clone", folder / "given"
        self.kept = folder / "steps.json"
        self.steps = json.loads(self.kept.read_text()) if self.kept.is_file() else {}
        if not self.given.is_dir():
            self.given.mkdir(parents=True)
            self.folder.mkdir()
            make(self.given, rows)
        copy(self.folder)

    def all(self) -> None:
        """Every step, in the order of the DAG."""
        self.until(None)
        self.stage("ensemble")
        self.stage("submission")

    def until(self, last: str | None) -> None:
        """Every step up to the training of a model; None trains all."""
        self.do(
            "competition add", *PILSA, "competition", "add", self.name, "--from", str(self.given)
        )
        self.do("competition check", *PILSA, "competition", "check", self.name)
        self.do("use", *PILSA, "use", self.name)
        self.stage("download")
        self.stage("preprocess")
        content = (self.folder / "competitions" / f"{self.name}.yaml").read_text()
        for model in yaml.safe_load(content)["baselines"]:
            self.stage("tune", "--model", model)
            self.stage("train", "--model", model)
            if model == last:
                return

    def stage(self, stage: str, *more: str) -> None:
        command = (sys.executable, "-m", f"pipelines.stages.{stage}", "--competition", self.name)
        self.do(" ".join((stage, *more[1:])), *command, *more)

    def do(self, step: str, *command: str) -> None:
        if step not in self.steps:
            self.steps[step] = measured(self.folder, *command)
            self.kept.write_text(json.dumps(self.steps))
            for line in (self.folder / "said.txt").read_text().splitlines():
                print(f"      {line[:150]}")
        print(f"  {step:18} {said(self.steps[step])}", flush=True)


def said(step: dict[str, float]) -> str:
    return f"{step['s']:8.1f} s {step['cpu']:8.1f} s of processors {step['gb']:6.2f} GB"


def scale(sizes: list[int], folder: Path) -> None:
    found = {}
    for rows in sizes:
        print(f"{rows:,} rows", flush=True)
        run = Run(rows, folder / str(rows))
        run.all()
        found[rows] = run.steps | {"all": total(run.steps)}
        print(f"  {'all':18} {said(found[rows]['all'])}", flush=True)
    first, *others = found
    for rows in others:
        print(f"{rows:,} rows against {first:,}: times the seconds, on the clock and of processors")
        for step, now in found[rows].items():
            before = found[first][step]
            print(f"  {step:18} {now['s'] / before['s']:5.1f} {now['cpu'] / before['cpu']:5.1f}")


def total(steps: dict[str, dict[str, float]]) -> dict[str, float]:
    held = [step["gb"] for step in steps.values()]
    return {"s": sum(step["s"] for step in steps.values()), "cpu": sum(step["cpu"] for step in steps.values()),
            "gb": max(held)}  # fmt: skip


def beside_lightgbm(rows: int, folder: Path) -> None:
    """The train stage and the plain lines in turn, in this process, several times; first on a small table."""
    runs = [Run(count, folder / str(count)) for count in (WARM_UP, rows)]
    for run in runs:
        run.until("lightgbm")
    os.chdir(runs[0].folder)
    stage(runs[0])
    os.chdir(runs[1].folder)
    name, ratios = runs[1].name, []
    specs = cv.specs_of(plan := plans.load(name, "lightgbm"), cv.Tuned({}, {}))
    for _ in range(REPEATS):
        ours = stage(runs[1])
        oof, reading, fitting = plain(plan, specs)
        theirs = Predictions.load(paths.predictions(name, "lightgbm")).oof
        scores = [
            plan.metric.score(plan.dataset.y, each, plan.dataset.classes) for each in (theirs, oof)
        ]
        print(f"differ by {np.abs(theirs - oof).max():.1e}, {plan.metric.name} {scores[0]:.5f} and {scores[1]:.5f}; seconds on the "
              f"clock and of processors: stage {ours}, plain fits {fitting}, reading {reading}", flush=True)  # fmt: skip
        ratios.append([ours / fitting, ours / (fitting + reading)])
    alone, read = np.median(ratios, axis=0)
    print(f"medians of {REPEATS}: {alone} of the fits alone, {read} with reading")


def clock() -> np.ndarray:
    """Seconds now, on the clock and of this process' processors."""
    return np.array([time.monotonic(), time.process_time()])


def stage(run: Run) -> np.ndarray:
    """Seconds of the train stage of lightgbm, with nothing kept from before."""
    shutil.rmtree(run.folder / ".cache/pilsa/work", ignore_errors=True)
    fits._dataset.cache_clear()
    started = clock()
    if stages.run(train, [run.name, "lightgbm"]):
        raise SystemExit("the stage must work, and failed")
    return clock() - started


def plain(plan: plans.Plan, specs: list[fits.FitSpec]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same fits in LightGBM's own words: OOF, seconds of reading, seconds of fitting and predicting."""
    started = clock()
    parts = [
        pd.read_parquet(paths.dataset(plan.competition.name) / f"X_{part}.parquet")
        for part in ("train", "test")
    ]
    words = parts[0].select_dtypes(exclude="number").columns
    both = pd.concat(parts, ignore_index=True).fillna(dict.fromkeys(words, "missing"))
    both[words] = both[words].astype("category")
    y, rows = plan.dataset.y, len(parts[0])
    X, test, oof = both.iloc[:rows], both.iloc[rows:], np.zeros((rows, plan.dataset.width))
    reading, started = clock() - started, clock()
    for spec in specs:
        asked, held = spec.params, spec.validation
        learned = np.setdiff1d(spec.train, held)
        model = lightgbm.LGBMClassifier(
            n_estimators=asked["rounds"], learning_rate=asked["learning_rate"], num_leaves=asked["leaves"],
            min_child_samples=asked["least_rows"], subsample=asked["rows"], subsample_freq=1,
            colsample_bytree=asked["columns"], reg_lambda=asked["l2"], cat_l2=asked["category_l2"],
            random_state=spec.seed, deterministic=True, force_row_wise=True, verbose=-1,
        )  # fmt: skip
        how: dict[str, Any] = {}
        if len(held):
            stop = lightgbm.early_stopping(asked["patience"], verbose=False)
            how = {"eval_X": X.iloc[held], "eval_y": y[held], "callbacks": [stop]}
        model.fit(X.iloc[learned], y[learned], **how)
        oof[spec.predict[0]] = model.predict_proba(X.iloc[spec.predict[0]])
        model.predict_proba(test)
    return oof, reading, clock() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="*", default=[10_000])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--lightgbm", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (asked.folder or Path(scratch)).resolve()
        if asked.lightgbm:
            beside_lightgbm(asked.rows[0], folder)
        else:
            scale(asked.rows, folder)


if __name__ == "__main__":
    main()
