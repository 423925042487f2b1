"""The one file that is pushed: a head that says which job it is, the job, and a few lines that run it."""

import base64
import hashlib
import json
from pathlib import Path

from pipelines.plumbing.errors import PilsaError
from pipelines.plumbing.schema import validate
from pipelines.remote.job import Job

_MARK = "# pilsa remote run: "
_WIDTH = 120
_ADVICE = (
    "# Written by pilsa, for one run. Who edits it gets no result back: pilsa compares hashes.\n"
)


def write(job: Job, packed: bytes) -> str:
    """The text of the script."""
    code = base64.b64encode(packed).decode("ascii")
    lines = [code[start : start + _WIDTH] for start in range(0, len(code), _WIDTH)]
    bootstrap = Path(__file__).with_name("bootstrap.py").read_text(encoding="utf-8")
    body = "\n".join([bootstrap, 'PACKED = """', *lines, '"""', "start(PACKED)", ""])
    head = json.dumps({"job": job.model_dump(), "sha256": _hash(body)})
    return f"{_MARK}{head}\n{_ADVICE}{body}"


def read(text: str) -> Job | None:
    """The job of a script as the site shows it; None where it is no script of pilsa's, or was edited."""
    first, _, rest = text.replace("\r\n", "\n").partition("\n")
    _, _, body = rest.partition("\n")
    try:
        head = json.loads(first.removeprefix(_MARK)) if first.startswith(_MARK) else None
        if head is None or head["sha256"] != _hash(body):
            return None
        return validate(Job, head["job"], "a script's head")
    except (ValueError, KeyError, TypeError, PilsaError):
        return None


def _hash(body: str) -> str:
    return hashlib.sha256(body.strip().encode()).hexdigest()
