"""A stand-in for Kaggle's server on 127.0.0.1, for the real client: notebooks can be fetched, listed and pushed.

It shows how the client behaves, never what kaggle.com answers. The client is led here by its own setting for
a local server and by http_proxy, so its requests arrive with the whole address in their first line; https
would arrive as CONNECT, which is refused: nothing can leave this machine.
"""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

TOKEN = "KGAT_0123456789abcdef0123456789abcdef"
OWNER = "studyuser"
PREFIX = "/api/v1/"


class KaggleServer(ThreadingHTTPServer):
    """Notebooks by owner/slug, and what shall go wrong.

    Attributes:
        notebooks: owner/slug → the fields of GetKernel's `blob` and `metadata`.
        asked: (operation, body) of every request.
        faults: operation → HTTP status and message.
        refuses: what SaveKernel answers as its `error`, with status 200.
        forgets: whether a push is confirmed and not kept.
        unknown_competitions: what SaveKernel does not know of `competitionDataSources`.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.notebooks: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.faults: dict[str, tuple[int, str]] = {}
        self.refuses = ""
        self.forgets = False
        self.unknown_competitions: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def operations(self) -> list[str]:
        return [operation for operation, _ in self.asked]

    def body(self, operation: str) -> dict[str, Any]:
        """The last request of an operation."""
        return [body for name, body in self.asked if name == operation][-1]

    def add(self, reference: str, source: str, **fields: Any) -> None:
        self.notebooks[reference] = {
            "source": source,
            "language": "python",
            "kernelType": "notebook",
            "title": reference.rpartition("/")[2].replace("-", " ").title(),
            "lastRunTime": "2021-03-04T05:06:07.123Z",
            **fields,
        }


class Handler(BaseHTTPRequestHandler):
    server: KaggleServer

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        operation = urlsplit(self.path).path.removeprefix(PREFIX).partition("/")[2]
        self.server.asked.append((operation, body))
        if operation in self.server.faults:
            status, message = self.server.faults[operation]
            self._answer(status, {"code": status, "message": message})
            return
        if (
            self.headers.get("Authorization") != f"Bearer {TOKEN}"
            and operation != "IntrospectToken"
        ):
            self._answer(401, {"code": 401, "message": "Unauthenticated"})
            return
        answers = {
            "IntrospectToken": self._introspect, "GetKernel": self._get, "SaveKernel": self._save,
            "ListKernels": self._list,
        }  # fmt: skip
        answer = answers.get(operation)
        if answer is None:
            self._answer(404, {"code": 404, "message": f"no operation {operation}"})
        else:
            self._answer(*answer(body))

    def do_CONNECT(self) -> None:
        self.send_error(405)

    def _introspect(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, {"active": body.get("token") == TOKEN, "username": OWNER}

    def _get(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        name = f"{body.get('userName')}/{body.get('kernelSlug')}"
        if name not in self.server.notebooks:
            return 403, {"code": 403, "message": "Permission 'kernels.get' was denied"}
        found = self.server.notebooks[name]
        blob = {key: found[key] for key in ("source", "language", "kernelType")}
        metadata = {"ref": name, "id": 7, "title": found["title"], "isPrivate": False}
        metadata |= {key: found[key] for key in ("language", "kernelType")}
        metadata["competitionDataSources"] = found.get("competitionDataSources", [])
        return 200, {"blob": blob | {"slug": body["kernelSlug"]}, "metadata": metadata}

    def _save(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.server.refuses:
            return 200, {"error": self.server.refuses}
        if not self.server.forgets:
            fields = {key: body[key] for key in ("language", "kernelType")}
            self.server.add(body["slug"], body["text"], title=body["newTitle"], **fields)
        url = f"https://www.kaggle.com/code/{body['slug']}"
        invalid = [
            name
            for name in body.get("competitionDataSources", [])
            if name in self.server.unknown_competitions
        ]
        saved = {"ref": body["slug"], "url": url, "versionNumber": 1, "kernelId": 7}
        return 200, saved | {"invalidCompetitionSources": invalid}

    def _list(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        found = [
            {
                "ref": name,
                "title": fields["title"],
                "author": OWNER,
                "lastRunTime": fields["lastRunTime"],
            }
            for name, fields in self.server.notebooks.items()
            if name.startswith(f"{body.get('user')}/")
        ]
        return 200, {"kernels": found}

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def kaggle_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KaggleServer]:
    """A running stand-in, and an environment that leads the real client to it and nowhere else."""
    home = tmp_path / "kaggle-home"
    home.mkdir()
    with KaggleServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        for name in ("no_proxy", "NO_PROXY", "KAGGLE_CONFIG_DIR", "KAGGLE_USERNAME", "KAGGLE_KEY"):
            monkeypatch.delenv(name, raising=False)
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, server.url)
        monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
        monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
        monkeypatch.setenv("HOME", str(home))
        yield server
        server.shutdown()
        thread.join()
