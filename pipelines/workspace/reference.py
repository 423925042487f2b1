"""What may be written where, from the schemas themselves: a model's parameters, a competition file's keys."""

import inspect
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.models import Choice, Model, Range
from pipelines.platforms import Platform
from pipelines.plumbing import registry
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.schema_keys import Key, keys
from pipelines.values.competition import Competition

# One line of YAML per key; a test reads each with the schema. Dots stand for the keys around it.
EXAMPLES = {
    "title": "title: Titanic, who survived",
    "url": "url: https://www.kaggle.com/competitions/titanic",
    "task": "task: classification",
    "metric": "metric: accuracy",
    "id_column": "id_column: PassengerId",
    "sample_id_column": "sample_id_column: ID",
    "id": "id: position",
    "target": "target: Survived",
    "positive": 'positive: "1"',
    "clip": "clip: {low: 0}",
    "clip.low": "low: 0",
    "clip.high": "high: 100",
    "image": "image: {height: 28, width: 28}",
    "image.height": "height: 28",
    "image.width": "width: 28",
    "image.channels": "channels: 3",
    "image.maximum": "maximum: 255",
    "pictures": "pictures: {train: train.zip, test: test.zip}",
    "pictures.train": "train: train.zip",
    "pictures.test": "test: test_images",
    "pictures.labels": "labels: folders",
    "pictures.column": "column: file",
    "pictures.skip_broken": "skip_broken: true",
    "drop": "drop: [Ticket]",
    "keep": "keep: [row]",
    "split": "split: {kind: group, group: household}",
    "split.kind": "kind: time",
    "split.group": "group: household",
    "split.group_part": "group_part: ^(.+)_",
    "split.time": "time: sold_on",
    "split.time_format": 'time_format: "%d/%m/%Y"',
    "files": "files: {sample: gender_submission.csv}",
    "files.format": "format: idx",
    "files.train": "train: [train_1.csv, train_2.csv]",
    "files.test": "test: test.csv",
    "files.sample": "sample: gender_submission.csv",
    "files.also": "also: [data_description.txt]",
    "files.encoding": "encoding: cp949",
    "files.delimiter": 'delimiter: ";"',
    "files.quotes": "quotes: none",
    "day_first": "day_first: true",
    "encoding": "encoding: cp949",
    "delimiter": 'delimiter: ";"',
    "decimal": 'decimal: ","',
    "quotes": "quotes: none",
    "source": "source: {platform: bundled, dataset: wine}",
    "baselines": "baselines: [knn, cnn]",
    "tune": "tune: {knn: {trials: 30}}",
    "tune.NAME.trials": "trials: 30",
    "tune.NAME.minutes": "minutes: 2",
    "tune.NAME.nested": "nested: true",
    "tune.NAME.prune": "prune: false",
    "pool": "pool: [m01/knn-pca]",
    "daily_limit": "daily_limit: 10",
    "live": "live: true",
    "team": "team: [m01, m02]",
    "views": 'views: "no, because a row is an hour of a day"',
    "code": "code: {hours: 9, memory_gb: 30, accelerator: gpu}",
    "code.hours": "hours: 12",
    "code.memory_gb": "memory_gb: 13",
    "code.accelerator": "accelerator: gpu",
    "code.internet": "internet: true",
    "code.output": "output: submission.csv",
    "code.python": 'python: "3.11"',
    "bundled: platform": "platform: bundled",
    "bundled: pictures": "pictures: colour",
    "bundled: dataset": "dataset: wine",
    "bundled: test_share": "test_share: 0.3",
    "bundled: seed": "seed: 1",
    "files: platform": "platform: files",
    "files: mirror": "mirror: titanic",
    "files: page": "page: https://www.kaggle.com/competitions/titanic/data",
    "files: files": "files: {train.csv: {}, test.csv: {}}",
    "files: files.NAME.url": "url: https://example.org/train.csv",
    "files: files.NAME.md5": "md5: 2309cc5f04782ed9bb6016d9f4e381cf",
    "dacon: platform": "platform: dacon",
    "dacon: cpt_id": "cpt_id: 236001",
    "dacon: team": "team: 토요일 모임",
    "dacon: timeout": "timeout: 300",
    "dacon: mirror": "mirror: my-competition",
    "dacon: page": "page: https://dacon.io/competitions/official/236001/data",
    "dacon: files": "files: {train.csv: {}, test.csv: {}}",
    "dacon: files.NAME.url": "url: https://example.org/train.csv",
    "dacon: files.NAME.md5": "md5: 2309cc5f04782ed9bb6016d9f4e381cf",
    "dacon: solution": "solution: labels.gz",
    "dacon: seed": "seed: 1",
    "kaggle: platform": "platform: kaggle",
    "kaggle: slug": "slug: titanic",
    "kaggle: deadline": "deadline: 2030-01-01T00:00:00Z",
    "kaggle: files": "files: {}",
    "kaggle: files.NAME.bytes": "bytes: 5",
    "kaggle: files.NAME.sha256": "sha256: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    "files: solution": "solution: t10k-labels-idx1-ubyte.gz",
    "files: seed": "seed: 1",
}
_HEAD = """# The keys of a competition file

A competition is one file, `competitions/NAME.yaml`; [CONTRIBUTING.md](../CONTRIBUTING.md) shows a whole one. A key
without a default must be given; `none` means that it may be left out. `make docs` writes this page from the schemas.
"""


def models() -> list[dict[str, Any]]:
    """Every model with its first sentence; a file that cannot be loaded says why instead."""
    found = []
    for name in registry.names("models"):
        try:
            module = inspect.getmodule(registry.load(Model, name))
            about = (inspect.getdoc(module) or "").partition("\n")[0]
        except UserError as error:
            about = str(error)
        found.append({"name": name, "about": about})
    return found


def parameters(name: str) -> list[dict[str, Any]]:
    """The parameters of a model as params.yaml takes them under `train`, and what tuning tries of each.

    Raises:
        UserError: there is no such model.
    """
    model = registry.load(Model, name)
    return [
        {"name": key.name, "default": key.default, "value": key.value,
         "tuned": _tried(model.space.get(key.name)), "meaning": key.meaning}
        for key in keys(model.Params)
    ]  # fmt: skip


def _tried(part: Range | Choice | None) -> str | None:
    if part is None:
        return None
    if isinstance(part, Choice):
        return ", ".join(json.dumps(option) for option in part.options).replace('"', "")
    return f"{part.low:g} … {part.high:g}{' (log)' * part.log}"


def show(rows: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Print rows of one shape as a table."""
    table = Table(show_lines=len(rows[0]) > 2)
    for column in rows[0]:
        table.add_column(column)
    for row in rows:
        table.add_row(*("" if cell is None else Text(_plain(cell)) for cell in row.values()))
    console.print(table)


def competition_page() -> str:
    """docs/competition-file.md: every key of the schema, then those of each platform, with an example each."""
    own = [key for key in keys(Competition) if key.name != "name"]  # that is the file's own
    parts = [_HEAD, _table(own, "")]
    for name in registry.names("platforms"):
        source = registry.load(Platform, name).Source
        parts += [
            f"\n## Below `source:`, with `platform: {name}`\n",
            _table(keys(source), f"{name}: "),
        ]
    return "\n".join(parts)


def _table(found: Iterable[Key], prefix: str) -> str:
    lines = ["| Key | Value | Default | What it is | Example |", "|---|---|---|---|---|"]
    for key in found:
        default = "" if key.is_required else f"`{_plain(key.default)}`".replace("`null`", "none")
        example = EXAMPLES.get(prefix + key.name, "")
        cells = (f"`{key.name}`", key.value, default, key.meaning, f"`{example}`")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _plain(default: Any) -> str:
    if isinstance(default, dict):
        return "those below"
    return default if isinstance(default, str) else json.dumps(default)
