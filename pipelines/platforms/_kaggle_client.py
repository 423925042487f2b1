"""The Kaggle client, `kaggle` of the environment, as a process: fetch a notebook, push a notebook.

A process, because importing the client signs in, prints, and may end the program. Version 2.2.5 still exits with 0
after a push that Kaggle refused, so no push is believed before the notebook was fetched again.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.plumbing.atomic import content_hash
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.process import dying_with_parent

_METADATA = "kernel-metadata.json"
_PATIENCE_SECONDS = 300
# The client takes every KAGGLE_X for its setting x, so only who asks and which server are let through.
_PASSED_ON = (
    "HOME", "XDG_CONFIG_HOME",
    "KAGGLE_API_ENVIRONMENT", "KAGGLE_API_TOKEN", "KAGGLE_CONFIG_DIR", "KAGGLE_KEY", "KAGGLE_USERNAME",
    "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
    "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE",
)  # fmt: skip
_SECRETS = ("KAGGLE_API_TOKEN", "KAGGLE_KEY")
_LOOKS_SECRET = re.compile(r"KGAT_\w+|\b(?=\w*\d)(?=\w*[A-Za-z])\w{32,}\b|://[^/\s@]+@")
_REFERENCE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*/[A-Za-z0-9_][A-Za-z0-9_-]*")
_SHOWN = 300
# The client's own guess after each 403, whatever was refused.
_ADVICE = re.compile(r"If this is a competition, you may need to accept its rules first.*", re.S)

SIGN_IN = (
    "Kaggle must know who asks, and no valid sign-in was found: run `kaggle auth login`, or set KAGGLE_API_TOKEN to a "
    "token of https://www.kaggle.com/settings/api, outside of the repository"
)
# What the client prints, loosely (the wording is Kaggle's) → what it means and what to do.
_MEANINGS = (
    (
        r"Authentication required|Unauthenticated|\b401\b|Unauthorized",
        SIGN_IN,
    ),
    (
        r"accept .*rules",
        "Kaggle must have your consent to the competition's rules first: accept them on its page in a browser",
    ),
    (
        r"denied|Forbidden|\b403\b",
        "Kaggle must let you see it, and refuses: it is private, or its name is misspelt (owner/slug stands in "
        "the notebook's address)",
    ),
    (
        r"not found|\b404\b|could not find",
        "Kaggle must know it, and finds none of that name: owner/slug stands in the notebook's address",
    ),
    (
        r"too many|rate limit|\b429\b",
        "Kaggle must not be asked so often: wait some minutes and try again",
    ),
    (
        r"Max retries|ConnectionError|NewConnectionError|Name or service|timed out|ProxyError",
        "Kaggle must be reachable and is not: check the network and try again",
    ),
    (
        r"\b50\d\b|internal server|unavailable|bad gateway",
        "Kaggle must answer and is out of order: try again later",
    ),
)


_NOT_THERE = tuple(
    meaning for pattern, meaning in _MEANINGS if "404" in pattern or "403" in pattern
)


class NotThere(UserError):
    """Kaggle shows none of this name to who asks: there is none, or it is somebody's private one."""


@dataclass(frozen=True)
class Pulled:
    """A notebook or script as Kaggle gives it.

    Attributes:
        file: its name, such as `titanic-tutorial.ipynb`.
        content: its bytes.
        metadata: kernel-metadata.json: id, title, language, kernel_type, competition_sources …
    """

    file: str
    content: bytes
    metadata: dict[str, Any]


@dataclass(frozen=True)
class Pushed:
    """A notebook that Kaggle shows as it was sent.

    Attributes:
        url: where.
        remarks: what Kaggle did not take, a sentence each.
        version: its number; None where nothing was pushed, or Kaggle does not say.
    """

    url: str
    remarks: tuple[str, ...] = ()
    version: int | None = None


def pull(reference: str) -> Pulled:
    """Fetch the newest version of a notebook.

    Args:
        reference: owner/slug, or its address on kaggle.com.

    Raises:
        UserError: the reference is none, or Kaggle does not give it: no sign-in, private, unknown, no
            network, too many requests.
    """
    name = reference_of(reference)
    with tempfile.TemporaryDirectory(prefix="pilsa-kaggle-") as temporary:
        folder = Path(temporary)
        ask(f"fetch {name}", "kernels", "pull", name, "--path", temporary, "--metadata")
        try:
            metadata = json.loads((folder / _METADATA).read_text(encoding="utf-8"))
            file = folder / Path(str(metadata["code_file"])).name
            return Pulled(file.name, file.read_bytes(), metadata)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"Kaggle must give {name} with its metadata, and its client left none ({error}): try again"
            ) from None


def reference_of(text: str) -> str:
    """owner/slug of a reference, of `kaggle:owner/slug` or of an address on kaggle.com.

    Raises:
        UserError: it is none of these.
    """
    short = re.sub(r"^(?:kaggle:|(?:https?://)?(?:www\.)?kaggle\.com/(?:code/)?)", "", text.strip())
    name = "/".join(re.split(r"[?#]", short)[0].strip("/").split("/")[:2])
    if not _REFERENCE.fullmatch(name):
        raise UserError(
            f"a notebook on Kaggle must be named owner/slug, as in its address, found {text!r}: copy it from "
            "there"
        )
    return name


def page(reference: str) -> str:
    """Where a person sees a notebook; the practice server has no page of it."""
    if is_practice():
        return f"{reference} on the practice server"
    return f"https://www.kaggle.com/code/{reference}"


def is_practice() -> bool:
    """Whether the practice server is asked in Kaggle's place."""
    return os.environ.get("KAGGLE_API_ENVIRONMENT") == "LOCALHOST"


def last_run(reference: str) -> date | None:
    """The day on which a public notebook last ran on Kaggle; None where Kaggle's list does not say."""
    name = reference_of(reference)
    owner, _, slug = name.partition("/")
    words = slug.replace("-", " ")
    try:
        text = ask(
            f"look up {name}", "kernels", "list", "--user", owner, "--search", words, "--format", "json"
        )  # fmt: skip
        rows = json.loads(text[text.index("[") :])
        found = [
            row for row in rows if row["ref"].rpartition("/code/")[2].casefold() == name.casefold()
        ]
        return date.fromisoformat(str(found[0]["lastRunTime"])[:10])
    except (UserError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None


def username() -> str:
    """Who is signed in.

    Raises:
        UserError: nobody is, or Kaggle cannot be reached.
    """
    found = re.search(r"^- username: (\S+)$", ask("sign in", "config", "view"), re.M)
    if not found or found[1] == "None":
        raise UserError(SIGN_IN)
    return found[1]


def push(folder: Path) -> Pushed:
    """Push the notebook of a folder; Kaggle runs it at once, on your quota.

    Args:
        folder: holds kernel-metadata.json and the file that it names.

    Raises:
        UserError: Kaggle refused it, cannot be reached, or does not show afterwards what was sent.
    """
    metadata = json.loads((folder / _METADATA).read_text(encoding="utf-8"))
    name = str(metadata["id"])
    text = ask(f"push {name}", "kernels", "push", "--path", str(folder))
    refused = re.search(r"Kernel push error: (.*)", text)
    if refused:  # with exit status 0
        raise UserError(
            f"Kaggle must accept {name} and did not ({shown(refused[1])}): change it and push again"
        )
    url = re.search(r"progress at (https?://\S+)", text)
    if not url:
        raise UserError(
            f"Kaggle must confirm that it took {name}, and its client says: {shown(text)}: look at "
            f"{page(name)} before you push again"
        )
    _confirm(name, (folder / str(metadata["code_file"])).read_bytes(), url[1])
    remarks = re.findall(r"^(?:The following are not valid|Your kernel title).*$", text, re.M)
    version = re.search(r"version (\d+) successfully pushed", text)
    return Pushed(url[1], tuple(map(shown, remarks)), int(version[1]) if version else None)


def _confirm(name: str, sent: bytes, url: str) -> None:
    """Fetch again what was pushed.

    Raises:
        UserError: Kaggle does not give it, or gives something else.
    """
    try:
        given = pull(name).content
        problem = "" if _sources(given) == _sources(sent) else "it shows other cells"
    except (UserError, ValueError, KeyError, TypeError) as error:
        problem = f"fetched again, {error}"
    if problem:
        raise UserError(
            f"Kaggle must show {name} as it was pushed, and its client says that it was, but {problem}: look at "
            f"{url} before you push again"
        )


def sources_hash(notebook: bytes) -> str:
    """What its cells say, as 16 hex digits; outputs and metadata do not count.

    Raises:
        ValueError, KeyError, TypeError: it is no notebook.
    """
    return content_hash(_sources(notebook))


def _sources(notebook: bytes) -> list[tuple[str, str]]:
    cells = json.loads(notebook.decode("utf-8"))["cells"]
    return [(cell["cell_type"], "".join(cell["source"]).strip()) for cell in cells]


def ask(what: str, *arguments: str) -> str:
    """What the client prints, asked to do `what`.

    Raises:
        UserError: it is not installed, does not end, or ends with an error.
    """
    command = [str(program()), "--no-warn", *arguments]
    try:
        done = subprocess.run(
            command, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False,
            text=True, encoding="utf-8", errors="replace", timeout=_PATIENCE_SECONDS,
            preexec_fn=dying_with_parent(),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise UserError(
            f"Kaggle must answer within {_PATIENCE_SECONDS} s and did not (to {what}): check the network and try "
            "again"
        ) from None
    if done.returncode:
        meaning = _meaning(done.stdout, done.stderr)
        kind = NotThere if meaning in _NOT_THERE else UserError
        raise kind(f"could not {what}: {meaning}")
    return done.stdout


def program() -> Path:
    """The client of this environment, else of the PATH."""
    beside = Path(sys.executable).with_name("kaggle")
    found = str(beside) if beside.is_file() else shutil.which("kaggle")
    if not found:
        raise UserError(
            "the program `kaggle` must be installed, and was not found: run `make setup`"
        )
    return Path(found)


def environment() -> dict[str, str]:
    """Made from nothing: what else is set in this process is no business of the client."""
    kept = {name: os.environ[name] for name in _PASSED_ON if os.environ.get(name)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"
    return kept | {"PATH": path, "PYTHONUTF8": "1", "LC_ALL": "C.UTF-8"}


def _meaning(printed: str, complained: str) -> str:
    """What went wrong, in our words where Kaggle's are known, else in Kaggle's, without secrets."""
    # A word of the client's help on signing in may match anything, so its complaint is looked at first.
    for text in (_ADVICE.sub("", complained), printed):
        for pattern, meaning in _MEANINGS:
            if re.search(pattern, text, re.I):
                return meaning
    return f"Kaggle's client says: {shown(complained.strip() or printed.strip() or 'nothing')}"


def shown(text: str) -> str:
    """The last line, short, and without what looks like a credential."""
    for name in _SECRETS:
        value = os.environ.get(name, "")
        if len(value) >= 4:
            text = text.replace(value, "***")
    lines = text.strip().splitlines()
    return _LOOKS_SECRET.sub("***", lines[-1] if lines else "")[:_SHOWN]
