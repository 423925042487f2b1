"""mljar-supervised and AutoGluon on pilsa's rows and folds, and the chosen answer beside them.

    python benchmarks/automl_peers.py FOLDER [COMPETITION …] [--only mljar]

FOLDER keeps an environment for each, made by uv on the first call (2 GB in all), and what they predicted. Both get
the columns as they were read, a minute for each fold of five, and the logarithm of values under RMSLE. Their own
interpreter runs this file again as `--fit`: what is imported above must be there too.

Measured on two cores that were seldom idle, on folds of seed 42; the chosen answer is nested and won each time beyond
noise:

                     chosen    AutoGluon 1.6.3          mljar 1.3.2
    titanic          0.8473    0.8237 in 113 s          0.8182 in 358 s    accuracy
    house-prices     0.1160    0.1266 in 335 s          0.1374 in 735 s    RMSLE
    ddarung          35.15     36.67  in 244 s          37.80  in 371 s    RMSE
    disaster-tweets  0.7784    0.7374 in 368 s          no model           F1

What wins is what they cannot know: a feature block, texts as runs of letters, a cut for F1, boosters of raw categories
with small steps. What they have and pilsa has not: XGBoost, networks of tables that weigh 0.2 to 0.6 in AutoGluon's
blend of house prices, bagging within the fold, and features that are made by trying arithmetic (mljar).
"""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

COMPETITIONS = ("titanic", "house-prices", "ddarung", "disaster-tweets")
PACKAGES = {
    "mljar": ["mljar-supervised==1.3.2", "pyarrow"],  # pyarrow reads the rows
    # What `medium_quality` trains. torch for CPUs is smaller where an index or a folder offers it.
    "autogluon": ["autogluon.tabular[lightgbm,catboost,xgboost,fastai]==1.6.3"],
}
SECONDS_A_FOLD = 60
# The words of each for pilsa's metrics; values under RMSLE are learned as logarithms.
METRICS = {
    "mljar": {"accuracy": "accuracy", "f1_binary": "f1", "rmse": "rmse", "rmsle": "rmse"},
    "autogluon": {
        "accuracy": "accuracy", "f1_binary": "f1", "rmse": "root_mean_squared_error",
        "rmsle": "root_mean_squared_error",
    },
}  # fmt: skip
TARGET = "the target"


def main(folder: Path, names: list[str], tools: list[str]) -> None:
    for name in names:
        for tool in tools:
            measure(folder, tool, name)


def measure(folder: Path, tool: str, name: str) -> None:
    """Cross-validate a tool on pilsa's folds; folds that were predicted before are read again."""
    from plain_lines import against

    from pipelines.training.plan import load

    plan = load(name, "forest")  # of the plan only the rows, the folds and the metric are used
    data, metric, folds = plan.dataset, plan.metric, plan.folds
    oof, scores, seconds = np.zeros((len(data.y), data.width)), [], 0.0
    for fold in range(folds.n_splits):
        kept = folder / "kept" / f"{tool}-{name}-{fold}-{data.hash}-{folds.hash}"
        valid = folds.valid_rows(fold)
        try:
            found = predicted_by(
                tool, folder, kept, data.X_train, data.y, metric.name, folds.train_rows(fold), valid
            )
        except subprocess.CalledProcessError as error:
            print(f"{name}: {tool}: no model for fold {fold}: {last_line(error.stderr)}")
            return
        values = np.asarray(found["predicted"])
        oof[valid] = np.eye(data.width)[values.astype(int)] if data.classes else values[:, None]
        scores.append(metric.score(data.y[valid], oof[valid], data.classes))
        seconds += found["seconds"]
    print(f"{name}: {tool} {found['version']}: {metric.name} {np.mean(scores):.4f} ± {np.std(scores):.4f} in "
          f"{seconds:.0f} s; best by its own count: {found['best']}", flush=True)  # fmt: skip
    against(plan, tool, oof)


def predicted_by(
    tool: str, folder: Path, kept: Path, X: pd.DataFrame, y: np.ndarray, metric: str,
    train: np.ndarray, valid: np.ndarray,
) -> dict[str, Any]:  # fmt: skip
    """What the tool says of the rows `valid` when it learned from `train`, how long it took, and its best model."""
    answer = kept / "answer.json"
    if not answer.is_file():
        shutil.rmtree(kept, ignore_errors=True)  # of a run that was stopped
        kept.mkdir(parents=True)
        X.iloc[train].assign(**{TARGET: y[train]}).to_parquet(kept / "train.parquet", index=False)
        X.iloc[valid].to_parquet(kept / "valid.parquet", index=False)
        command = [interpreter(tool, folder), str(Path(__file__).resolve()), "--fit", tool, metric]
        subprocess.run(command, cwd=kept, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(answer.read_text())
    return found


def interpreter(tool: str, folder: Path) -> str:
    python = folder / tool / "bin" / "python"
    if not python.exists():
        subprocess.run(["uv", "venv", "-q", "--python", "3.11", str(folder / tool)], check=True)
        install = ["uv", "pip", "install", "-q", "--python", str(python), *PACKAGES[tool]]
        subprocess.run(install, check=True)
    return str(python)


def last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "it said nothing")


def fit(tool: str, metric: str) -> None:
    """Learn from train.parquet, predict valid.parquet, write answer.json; in the interpreter of the tool."""
    train, valid = pd.read_parquet("train.parquet"), pd.read_parquet("valid.parquet")
    started, on_log = time.perf_counter(), metric == "rmsle"
    if on_log:
        train[TARGET] = np.log1p(train[TARGET])
    found, best, version = TOOLS[tool](train, valid, METRICS[tool][metric])
    predicted = np.expm1(found) if on_log else np.asarray(found)
    answer = {"predicted": predicted.tolist(), "best": best, "version": version,
              "seconds": time.perf_counter() - started}  # fmt: skip
    Path("answer.json").write_text(json.dumps(answer))


def by_mljar(train: pd.DataFrame, valid: pd.DataFrame, metric: str) -> tuple[Any, str, str]:
    import supervised

    X, y = train.drop(columns=TARGET), train[TARGET]
    automl = supervised.AutoML(
        mode="Perform", eval_metric=metric, total_time_limit=SECONDS_A_FOLD, random_state=42,
        results_path="mljar", verbose=0,
    )  # fmt: skip
    automl.fit(X, y)
    best = automl.get_leaderboard().sort_values("metric_value").iloc[0 if "rms" in metric else -1]
    return automl.predict(valid), str(best["name"]), supervised.__version__


def by_autogluon(train: pd.DataFrame, valid: pd.DataFrame, metric: str) -> tuple[Any, str, str]:
    from autogluon import tabular

    predictor = tabular.TabularPredictor(TARGET, eval_metric=metric, path="autogluon", verbosity=0)
    predictor.fit(train, presets="medium_quality", time_limit=SECONDS_A_FOLD)
    best = predictor.model_best
    weights = predictor.info()["model_info"][best].get("children_info", {}).get("S1F1", {})
    weights = weights.get("model_weights", {})
    named = ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items())
    return predictor.predict(valid).to_numpy(), named or best, tabular.__version__


TOOLS = {"mljar": by_mljar, "autogluon": by_autogluon}


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--fit", tool, metric]:
            fit(tool, metric)
        case [where, *names, "--only", tool]:
            main(Path(where), names or list(COMPETITIONS), [tool])
        case [where, *names]:
            main(Path(where), names or list(COMPETITIONS), list(TOOLS))
        case _:
            print("automl_peers: needs a FOLDER for its environments, 2 GB: see its first lines")
