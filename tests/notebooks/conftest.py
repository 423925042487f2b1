"""The study kernels are run when something that they are made of changed since they last passed, else not.

What they are made of: kernels/, what runs them here, and the locked packages. Its hash is committed beside
this file; a run in which all of them pass writes it anew.
"""

import hashlib
from pathlib import Path

import pytest

from pipelines.plumbing import sources

ROOT = Path(__file__).parents[2]
PASSED = Path(__file__).with_name("studies_passed.txt")
STUDIES = ("test_source_training_kernels.py", "test_source_theory_kernels.py")
RUN_BY = ("pipelines.cells.conversion", "pipelines.values.kernel")


def made_of() -> str:
    tests = [Path(__file__).with_name(name) for name in ("quick_runs.py", *STUDIES)]
    kernels = [path for path in (ROOT / "kernels").glob("*/*/*") if path.suffix in (".py", ".yaml")]
    digest = hashlib.sha256(sources.fingerprint(sources.closure(*RUN_BY)).encode())
    for path in sorted([*kernels, *tests, ROOT / "requirements.lock"]):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\n" + path.read_bytes())
    return digest.hexdigest()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    unchanged = PASSED.is_file() and PASSED.read_text(encoding="utf-8").strip() == made_of()
    for item in items:
        if unchanged and item.path.name in STUDIES:
            item.add_marker(
                pytest.mark.skip(reason="unchanged since they passed: studies_passed.txt")
            )


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    options = config.option
    if (
        options.markexpr not in ("", "slow")
        or options.keyword
        or any("::" in a for a in config.args)
    ):
        return  # not all of them were asked for
    found = {
        outcome: {
            report.nodeid.partition("::")[0].rpartition("/")[2]
            for report in terminalreporter.stats.get(outcome, [])
            if hasattr(report, "nodeid")
        }
        for outcome in ("passed", "failed", "error")
    }
    if set(STUDIES) <= found["passed"] and not set(STUDIES) & (found["failed"] | found["error"]):
        PASSED.write_text(made_of() + "\n", encoding="utf-8")
