"""What the checks did not look at: of many rows some of them draw a sample, and say so."""

from pipelines.training.checks import adversarial, columns
from pipelines.values.dataset import Dataset
from pipelines.values.findings import Finding


def drawn(dataset: Dataset) -> list[Finding]:
    """The checks that looked at a sample of the rows, each with its size; nothing where all looked at all."""
    total = len(dataset.y)
    looked = {
        check: f"{rows:,}" for check, rows in columns.sampled(dataset).items() if rows < total
    }
    train, test = adversarial.sampled(dataset)
    if (train, test) != (total, len(dataset.test_ids)):
        looked["adversarial"] = f"{train:,} + {test:,}"
    if not looked:
        return []
    checks = " · ".join(f"{check} {rows}" for check, rows in looked.items())
    counts = {"rows": f"{total:,}", "test": f"{len(dataset.test_ids):,}", "checks": checks}
    return [Finding("sampled", "note", counts)]
