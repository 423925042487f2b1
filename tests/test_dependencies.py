"""What the project promises to stand on is declared with a reason, pinned with hashes, and importable."""

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGES = {
    "albumentations": "albumentations",
    "kaggle": "kaggle",
    "mlflow": "mlflow",
    "optuna": "optuna",
    "pandas": "pandas",
    "scikit-learn": "sklearn",
    "tensorflow": "tensorflow",
}
LOCKS = sorted(REPOSITORY.glob("requirements*.lock"))
PROJECT = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}(?: \\)?")
PIN = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^ ;]+)(?: ; (?P<marker>[^\\]+?))? \\"
)


def declared(text: str) -> list[str]:
    """Requirements of the project itself, without its extras."""
    return list(tomllib.loads(text)["project"]["dependencies"])


def name_of(requirement: str) -> str:
    """The normal form of a requirement's name: `ruamel.yaml>=0.19` is `ruamel-yaml`."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def pins(lock: str) -> dict[str, str]:
    return {found["name"]: found["version"] for found in map(PIN.match, lock.splitlines()) if found}


def faults(lock: str) -> list[str]:
    """Lines of a lock that are neither a pin, nor a hash, nor a comment; and pins without a hash."""
    lines = lock.splitlines()
    wrong = []
    for number, line in enumerate(lines):
        is_pin = PIN.fullmatch(line) is not None
        if not (
            is_pin or HASH.fullmatch(line.strip()) or line.lstrip().startswith("#") or not line
        ):
            wrong.append(f"line {number + 1}: {line}")
        elif is_pin and not HASH.fullmatch(lines[number + 1].strip()):
            wrong.append(f"line {number + 1}: {line} has no hash")
        elif "://" in line or "index-url" in line:
            wrong.append(f"line {number + 1}: {line} names a host")
    return wrong


def uncommented(text: str) -> list[str]:
    """Requirements in pyproject.toml, extras included, that do not say what they are for."""
    lines = [line.strip() for line in text.splitlines()]
    wanted = re.compile(r'"[A-Za-z0-9._-]+(\[[a-z-]+\])?[=><~!]=.*",')
    return [line for line in lines if wanted.match(line) and not re.search(r'",\s+# \S', line)]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_package_is_declared_and_pinned_as_installed(package: str) -> None:
    assert package in map(name_of, declared(PROJECT))
    lock = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    assert pins(lock)[package] == version(package)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_holds_versions_and_hashes_and_names_no_host(lock: Path) -> None:
    assert faults(lock.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_dependency_is_pinned(lock: Path) -> None:
    pinned = pins(lock.read_text(encoding="utf-8"))
    assert len(pinned) > len(PACKAGES)
    assert [name for name in map(name_of, declared(PROJECT)) if name not in pinned] == []


def test_every_dependency_says_what_it_is_for() -> None:
    assert uncommented(PROJECT) == []


def test_there_is_a_lock() -> None:
    assert "requirements.lock" in [lock.name for lock in LOCKS]


@pytest.mark.slow
def test_all_packages_can_be_imported_together(tmp_path: Path) -> None:
    """In a process of its own: kaggle signs in and prints as soon as it is imported."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KAGGLE_")}
    quiet = {
        "NO_ALBUMENTATIONS_UPDATE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
    }
    alone = {"HOME": str(tmp_path), "KAGGLE_CONFIG_DIR": str(tmp_path / "kaggle")}
    done = subprocess.run(
        [sys.executable, "-c", f"import {', '.join(sorted(PACKAGES.values()))}"],
        env=kept | quiet | alone, capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


GOOD_LOCK = f"six==1.17.0 \\\n    --hash=sha256:{'0a' * 32} \\\n    --hash=sha256:{'1b' * 32}\n    # via kaggle\n"


@pytest.mark.parametrize(
    "bad",
    [
        f"--index-url https://example.org/simple\n{GOOD_LOCK}",
        f"--extra-index-url=https://example.org\n{GOOD_LOCK}",
        f"# https://example.org/simple\n{GOOD_LOCK}",
        "six==1.17.0\n",
        "six==1.17.0 \\\n    # via kaggle\n",
        f"six>=1.17.0 \\\n    --hash=sha256:{'0a' * 32}\n",
        f"six @ https://example.org/six.whl \\\n    --hash=sha256:{'0a' * 32}\n",
        "-e .\n",
    ],
)
def test_a_loose_lock_would_be_found(bad: str) -> None:
    assert faults(GOOD_LOCK) == []
    assert faults(bad)


def test_a_dependency_without_a_reason_would_be_found() -> None:
    assert uncommented('    "six>=1.17",   # why\n') == []
    assert uncommented('    "six>=1.17",\n') == ['"six>=1.17",']
    assert uncommented('    "six>=1.17",  #\n')
    assert uncommented('gpu = ["six"]\n"tensorflow[and-cuda]>=2.21",\n')
