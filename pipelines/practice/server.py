"""The practice server: both sites on one port of 127.0.0.1, with a page for what a browser does on the real ones."""

import json
import sys
import time
from base64 import b64decode
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from pipelines.plumbing.atomic import file_hash
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.schema import validate
from pipelines.practice import dacon_api, kaggle_api, pages
from pipelines.practice.faults import Fault, Faults
from pipelines.practice.kernels import Kernels
from pipelines.practice.state import Refusal, World

_API = "/api/v1/"
_MOST_BYTES = 200 << 20  # of one request
_TICK = 0.05  # seconds between the pieces of a slow answer
_MODIFIED = "Thu, 01 Jan 2026 00:00:00 GMT"


class Server(ThreadingHTTPServer):
    """The sites.

    Attributes:
        world: what they hold and remember.
        kernels: the notebooks that were pushed.
        faults: what shall go wrong.
        asked: the operations in the order in which they came.
    """

    daemon_threads = True
    request_queue_size = 128  # a whole group may come at once

    def __init__(self, world: World, port: int = 0) -> None:
        try:
            super().__init__(("127.0.0.1", port), Handler)
        except OSError as error:
            raise UserError(
                f"port {port} must be free and is not ({error.strerror}): choose another with --port"
            ) from None
        self.world, self.faults, self.kernels = world, Faults(), Kernels(world)
        self.asked: list[str] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no news."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """One request. Through a proxy setting its first line holds a whole address, so only the path counts."""

    server: Server
    server_version = "pilsa-practice"

    def do_POST(self) -> None:
        content = self._content()
        path = urlsplit(self.path).path
        if path.startswith(_API):
            operation = path.rpartition("/")[2]
            self._carry_out(
                operation, lambda: self._kaggle(operation, json.loads(content or b"{}"))
            )
        elif path == "/submission":
            kind = str(self.headers.get("Content-Type"))
            self._carry_out("dacon", lambda: dacon_api.submit(self.server.world, kind, content))
        elif path == "/practice/faults":
            self._carry_out("control", lambda: self._add_fault(json.loads(content)))
        elif path == "/practice/clock":
            self._carry_out("control", lambda: self._set_clock(json.loads(content)))
        else:
            self._join(path, content)

    def do_DELETE(self) -> None:
        self.server.faults.clear()
        self._json(200, {})

    def do_PUT(self) -> None:
        content, token = self._content(), urlsplit(self.path).path.rpartition("/")[2]

        def put() -> dict[str, Any]:
            self.server.world.put(token, content)
            return {}

        self._carry_out("PUT", put)

    def do_GET(self) -> None:
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        if parts[0] not in ("files", "output"):
            self._send(
                200, pages.page(self.server.world, parts).encode(), "text/html; charset=utf-8"
            )
            return
        found = self._found(parts)
        if found is None:
            self._json(404, {"code": 404, "message": "Not found"})
        else:
            self._file(*found)

    def _found(self, parts: list[str]) -> tuple[Path, str] | None:
        """The file of a competition or of a notebook's output, and its ETag."""
        if parts[0] == "output":
            output = self.server.kernels.file(parts[1:]) if len(parts) > 4 else None
            return None if output is None else (output, f'"{file_hash(output)}"')
        held = self.server.world.held.get(parts[1] if len(parts) > 1 else "")
        name = "/".join(parts[2:])
        if held is None or name not in (held.archive.name, *held.files):
            return None
        path = held.archive if name == held.archive.name else held.files[name]
        return path, f'"{held.etag}-{name}"'

    def do_CONNECT(self) -> None:
        """Https would leave this machine: it never does."""
        self.send_error(405)

    def _content(self) -> bytes:
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= _MOST_BYTES:
            raise ValueError(f"a request has at most {_MOST_BYTES} bytes, found {length}")
        return self.rfile.read(length)

    def _carry_out(self, operation: str, work: Callable[[], dict[str, Any] | None]) -> None:
        """Answer what `work` gives, or what a fault makes of it; None was answered already."""
        self.server.asked.append(operation)
        fault = self.server.faults.take(operation)
        time.sleep(fault.wait)
        if fault.html:
            self._send(200, pages.LOGIN.encode(), "text/html; charset=utf-8")
            return
        try:
            if fault.status is not None:
                raise Refusal(fault.status, fault.message)
            answer = work()
        except Refusal as no:
            again = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            self._json(no.status, {"code": no.status, "message": no.message}, again)
            return
        except (ValueError, TypeError, UserError) as error:
            self._json(400, {"code": 400, "message": str(error)})
            return
        if fault.lose_reply:
            self.close_connection = True
        elif answer is not None:
            self._json(200, answer)

    def _kaggle(self, operation: str, body: dict[str, Any]) -> dict[str, Any] | None:
        world = self.server.world
        if operation == "IntrospectToken":
            try:
                return {"active": True, "username": world.member_of(str(body.get("token")))}
            except Refusal:
                return {"active": False}
        member = world.member_of(self._token())
        if operation.startswith("Download"):
            self._download(operation, member, body)
            return None
        notebooks = self.server.kernels.operations()
        if operation in notebooks:
            return notebooks[operation](member, body)
        if operation in kaggle_api.OPERATIONS:
            return kaggle_api.OPERATIONS[operation](world, member, body)
        raise Refusal(404, f"the practice server knows no operation {operation}")

    def _download(self, operation: str, member: str, body: dict[str, Any]) -> None:
        """Lead the client to a file, or give it the leaderboard at once."""
        slug = str(body.get("competitionName"))
        if operation == "DownloadLeaderboard":
            self._send(200, kaggle_api.leaderboard_zip(self.server.world, slug), "application/zip")
            return
        held = self.server.world.joined(member, slug)
        name = body.get("fileName") if operation == "DownloadDataFile" else held.archive.name
        self.send_response(302)
        self.send_header("Location", f"{kaggle_api.ADDRESS}/files/{slug}/{quote(str(name))}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _token(self) -> str:
        """A token as such, or as the key of a kaggle.json."""
        kind, _, word = str(self.headers.get("Authorization")).partition(" ")
        if kind == "Basic":
            return b64decode(word).decode("utf-8", "replace").partition(":")[2]
        return word if kind == "Bearer" else ""

    def _file(self, path: Path, tag: str) -> None:
        """A file, whole or from where the client has stopped; a fault may cut it or change a byte."""
        self.server.asked.append("GET")
        fault = self.server.faults.take("GET")
        time.sleep(fault.wait)
        if fault.status is not None:
            self._json(fault.status, {"code": fault.status, "message": fault.message})
            return
        content = pages.LOGIN.encode() if fault.html else path.read_bytes()
        if fault.wrong_byte:
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        wanted, size = str(self.headers.get("Range", "")), len(content)
        start = int(wanted.removeprefix("bytes=").partition("-")[0] or 0) if wanted else 0
        is_part = bool(wanted) and self.headers.get("If-Range") in (None, tag)
        if is_part and start >= size:
            self._send(416, b"", "application/octet-stream", {"Content-Range": f"bytes */{size}"})
            return
        headers = {"Accept-Ranges": "bytes", "ETag": tag, "Last-Modified": _MODIFIED}
        if is_part:
            headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
            content = content[start:]
        kind = "text/html" if fault.html else "application/octet-stream"
        self._send(206 if is_part else 200, content, kind, headers, fault)

    def _join(self, path: str, content: bytes) -> None:
        """The button of a page: this member accepts the rules."""
        fields = parse_qs(content.decode("utf-8", "replace"))
        slug, member = path.strip("/").split("/")[1:2], fields.get("member", [""])[0]
        if not slug or member not in self.server.world.state.members:
            self._json(404, {"code": 404, "message": "Not found"})
            return
        try:
            self.server.world.join(member, slug[0])
        except Refusal as no:
            self._json(no.status, {"code": no.status, "message": no.message})
            return
        text = pages.page(self.server.world, ["competitions", slug[0]])
        self._send(200, text.encode(), "text/html; charset=utf-8")

    def _add_fault(self, content: Any) -> dict[str, Any]:
        fault = validate(Fault, content, "a fault")
        if fault.op == "grade":
            self.server.world.fails_grading += [fault.message] * fault.times
        else:
            self.server.faults.add(fault)
        return {}

    def _set_clock(self, content: Any) -> dict[str, Any]:
        with self.server.world.lock:
            self.server.world.state.ahead = float(content["ahead"])
            self.server.world.save()
        return {"now": kaggle_api.stamp(self.server.world.now())}

    def _json(
        self, status: int, content: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        self._send(status, json.dumps(content).encode(), "application/json", headers)

    def _send(
        self, status: int, content: bytes, kind: str, headers: dict[str, str] | None = None,
        fault: Fault | None = None,
    ) -> None:  # fmt: skip
        self.send_response(status)
        for name, value in {"Content-Type": kind, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        sent = content if fault is None or fault.drop_after is None else content[: fault.drop_after]
        size = int(fault.rate * _TICK) + 1 if fault is not None and fault.rate else len(sent) or 1
        for start in range(0, len(sent), size):
            self.wfile.write(sent[start : start + size])
            time.sleep(_TICK if size < len(sent) else 0)

    def log_message(self, *_: object) -> None:
        """Quiet: a request's line may hold a signed address."""
