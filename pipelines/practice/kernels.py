"""Pushed notebooks and scripts: every version is kept, and executed once in pilsa's sandbox, one after the other."""

import os
import re
import secrets
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipelines import platforms
from pipelines.plumbing.atomic import read_json, write_bytes, write_json
from pipelines.plumbing.process import dying_with_parent
from pipelines.practice import kaggle_api
from pipelines.practice.kaggle_api import Body
from pipelines.practice.state import Refusal, Upload, World

_REFERENCE = re.compile(r"([0-9A-Za-z_-]{1,64})/([a-z0-9][a-z0-9-]{4,99})")
_UNFINISHED = ("QUEUED", "RUNNING")
_ENDED = "the practice server was ended meanwhile"
_LONGEST_SECONDS = 9 * 3600.0
_ROOT = Path(__file__).parents[2]
_HOURS = {"gpuQuota": 30.0, "tpuQuota": 20.0}  # a week, as of the real site's free accounts


class Kernels:
    """The notebooks of the practice server, below `kernels/owner/slug/v<N>`.

    Of a version there lie: `pushed.json` (as it came), `order.json` (what its process is told), `status.json`,
    `log.json`, and `run/working` with its output.
    """

    def __init__(self, world: World) -> None:
        self.world, self._folder = world, world.folder / "kernels"
        self.hours = dict(_HOURS)  # that are left; there is no accelerator to spend them on
        self._saving, self._turn = threading.Lock(), threading.Lock()
        for file in self._folder.glob("*/*/*/status.json"):
            if read_json(file)["status"] in _UNFINISHED:
                self._tell(file.parent, "ERROR", _ENDED)
        for one in world.state.sent:
            if one.status == "PENDING" and not world.blob(one.blob).is_file():
                world.fail(one.blob, _ENDED)

    def save(self, member: str, body: Body) -> Body:
        """Keep a new version, and run it."""
        found = _REFERENCE.fullmatch(str(body.get("slug")))
        if found is None or found[1] != member:
            raise Refusal(
                403, f"you may push as {member}/SLUG alone, in lower case, found {body.get('slug')}"
            )
        if body.get("language") != "python":
            return {"error": "the practice server runs Python alone"}
        inputs, invalid = self._inputs(member, body)
        with self._saving:
            number = len(self._versions(found[0])) + 1
            version = self._folder / found[0] / f"v{number}"
            write_json(version / "pushed.json", body)
            held = [self.world.held[slug] for slug in inputs if slug in self.world.held]
            hidden = {name for one in held for name in platforms.of(one.competition).given_away}
            asked = float(body.get("sessionTimeoutSeconds") or _LONGEST_SECONDS)
            order = {"inputs": {slug: str(path) for slug, path in inputs.items()}, "hidden": sorted(hidden),
                     "seconds": min(asked, _LONGEST_SECONDS)}  # fmt: skip
            write_json(version / "order.json", order)
            self._tell(version, "QUEUED")
        if body.get("kernelExecutionType") == "QUICK_SAVE":
            self._tell(version, "COMPLETE")
        else:
            threading.Thread(target=self._run, args=(version,), daemon=True).start()
        return {
            "ref": found[0], "url": f"https://www.kaggle.com/code/{found[0]}", "versionNumber": number,
            "kernelId": 1, "invalidCompetitionSources": invalid,
            "invalidDatasetSources": body.get("datasetDataSources", []),
        }  # fmt: skip

    def _inputs(self, member: str, body: Body) -> tuple[dict[str, Path], list[str]]:
        """Folder below /kaggle/input → what it shows; and the competitions that this member may not see."""
        inputs, invalid = {}, []
        for slug in body.get("competitionDataSources", []):
            try:
                held = self.world.joined(member, slug)
                inputs[slug] = held.folder / "raw" if held.files else held.folder
            except Refusal:
                invalid.append(slug)
        for name in body.get("kernelDataSources", []):
            inputs[name.partition("/")[2]] = self._newest(member, name) / "run" / "working"
        return inputs, invalid

    def _run(self, version: Path) -> None:
        with self._turn:
            self._tell(version, "RUNNING")
            command = [sys.executable, "-m", "pipelines.practice.kernel_process", str(version)]
            done = subprocess.Popen(
                command, env=os.environ | {"PYTHONPATH": str(_ROOT)}, preexec_fn=dying_with_parent(),
                stdin=subprocess.DEVNULL,
            ).wait()  # fmt: skip
            if read_json(version / "status.json")["status"] in _UNFINISHED:
                self._tell(version, "ERROR", f"its process ended with {done}")

    def submit(self, member: str, body: Body) -> Body:
        """Hand a version in: it runs again, with all test rows, and the file that it writes is what is graded."""
        held = self.world.joined(member, str(body.get("competitionName")))
        asked = {"userName": body.get("kernelOwner"), "kernelSlug": body.get("kernelSlug"),
                 "versionLabel": f"v{body.get('kernelVersion')}"}  # fmt: skip
        version = self._asked(member, asked)
        order, file = read_json(version / "order.json"), str(body.get("fileName"))
        if not held.by_notebook or held.slug not in order["inputs"]:
            raise Refusal(
                400, "the competition takes no notebooks, or the notebook has not its data"
            )
        if file not in written(version):
            raise Refusal(400, f"Submission not allowed: the notebook version has no output {file}")
        token = secrets.token_hex(12)
        upload = Upload(slug=held.slug, member=member, file=file)
        made = self.world.spend("kaggle", upload, token, str(body.get("submissionDescription", "")))
        rerun = version / f"rerun-{made.ref}"
        write_json(rerun / "pushed.json", read_json(version / "pushed.json"))
        inputs = order["inputs"] | {held.slug: str(held.whole)}
        write_json(rerun / "order.json", order | {"inputs": inputs})
        self._tell(rerun, "QUEUED")
        threading.Thread(target=self._rerun, args=(rerun, file, token), daemon=True).start()
        return {"message": f"Successfully submitted to {held.competition.title}", "ref": made.ref}

    def _rerun(self, rerun: Path, file: str, token: str) -> None:
        self._run(rerun)
        # Kaggle says as little, so that nobody learns of the hidden rows.
        if read_json(rerun / "status.json")["status"] != "COMPLETE":
            self.world.fail(token, "Notebook Threw Exception")
        elif file not in written(rerun):
            self.world.fail(token, "Submission File Not Found")
        else:
            write_bytes(self.world.blob(token), (rerun / "run" / "working" / file).read_bytes())

    def _tell(self, version: Path, status: str, failure: str = "") -> None:
        write_json(version / "status.json", {"status": status, "failureMessage": failure})

    def _versions(self, reference: str) -> list[Path]:
        found = (self._folder / reference).glob("v[0-9]*")
        return sorted(found, key=lambda path: int(path.name[1:]))

    def _newest(self, member: str, reference: str, label: str = "") -> Path:
        """The folder of a version, such as `v2`, or of the newest."""
        found = self._versions(reference) if _REFERENCE.fullmatch(reference) else []
        chosen = [path for path in found if label in ("", path.name)]
        is_own = reference.partition("/")[0] == member
        if not chosen or (
            not is_own and read_json(chosen[-1] / "pushed.json").get("isPrivate", True)
        ):
            raise Refusal(403, "Permission 'kernels.get' was denied")
        return chosen[-1]

    def _asked(self, member: str, body: Body) -> Path:
        reference = f"{body.get('userName')}/{body.get('kernelSlug')}"
        return self._newest(member, reference, str(body.get("versionLabel") or ""))

    def get(self, member: str, body: Body) -> Body:
        version = self._asked(member, body)
        pushed = read_json(version / "pushed.json")
        kind = {key: pushed.get(key, "") for key in ("language", "kernelType")}
        sources = {key: value for key, value in pushed.items() if key.endswith("DataSources")}
        metadata = {
            "ref": pushed["slug"], "id": 1, "title": pushed.get("newTitle", ""), "author": body["userName"],
            "isPrivate": pushed.get("isPrivate", True), "currentVersionNumber": int(version.name[1:]), **kind, **sources,
        }  # fmt: skip
        return {
            "metadata": metadata,
            "blob": {"source": pushed["text"], "slug": body["kernelSlug"], **kind},
        }

    def status(self, member: str, body: Body) -> Body:
        return dict(read_json(self._asked(member, body) / "status.json"))

    def output(self, member: str, body: Body) -> Body:
        version = self._asked(member, body)
        place = version.relative_to(self._folder).as_posix()
        files = [
            {"fileName": name, "url": f"{kaggle_api.ADDRESS}/output/{place}/{quote(name)}"}
            for name in written(version)
        ]
        rows, following = kaggle_api.page(files, body)
        log = version / "log.json"
        text = log.read_text(encoding="utf-8") if log.is_file() else ""
        return {"files": rows, "log": text, "nextPageToken": following}

    def listed(self, member: str, body: Body) -> Body:
        owner, words = body.get("user") or member, str(body.get("search", "")).lower().split()
        rows = []
        for folder in sorted(self._folder.glob(f"{owner}/*")):
            reference = folder.relative_to(self._folder).as_posix()
            version = self._versions(reference)[-1]
            pushed = read_json(version / "pushed.json")
            is_shown = owner == member or not pushed.get("isPrivate", True)
            if is_shown and all(word in reference for word in words):
                ran = datetime.fromtimestamp((version / "status.json").stat().st_mtime, UTC)
                rows.append({"ref": reference, "title": pushed.get("newTitle", ""), "author": owner,
                             "lastRunTime": kaggle_api.stamp(ran)})  # fmt: skip
        found, following = kaggle_api.page(rows, body)
        return {"kernels": found, "nextPageToken": following}

    def quota(self, _: str, __: Body) -> Body:
        """Hours on accelerators of this week, which begins on Saturdays."""
        now = self.world.now().replace(hour=0, minute=0, second=0, microsecond=0)
        resets = now + timedelta(days=(5 - now.weekday()) % 7 or 7)
        rows = {
            name: {"totalTimeAllowed": f"{_HOURS[name] * 3600:.0f}s",
                   "timeUsed": f"{(_HOURS[name] - left) * 3600:.0f}s"}
            for name, left in self.hours.items()
        }  # fmt: skip
        return {"quotaRefreshTime": kaggle_api.stamp(resets), **rows}

    def file(self, parts: list[str]) -> Path | None:
        """The output file of owner, slug, v<N>, name; None where the notebook left no such plain file."""
        version = self._folder.joinpath(*parts[:3])
        name = "/".join(parts[3:])
        is_known = bool(_REFERENCE.fullmatch("/".join(parts[:2]))) and re.fullmatch(
            r"v\d+", parts[2]
        )
        return version / "run" / "working" / name if is_known and name in written(version) else None

    def operations(self) -> dict[str, Callable[[str, Body], Body]]:
        return {
            "SaveKernel": self.save, "CreateCodeSubmission": self.submit, "GetKernel": self.get, "GetKernelSessionStatus": self.status,
            "ListKernelSessionOutput": self.output, "ListKernels": self.listed, "GetAcceleratorQuotaStatistics": self.quota,
        }  # fmt: skip


def written(version: Path) -> list[str]:
    """The plain files that a notebook left, by name. A link of its making could lead anywhere on this machine."""
    working, found = version / "run" / "working", list[str]()
    for folder, _, names in os.walk(working, followlinks=False):
        paths: list[Any] = [Path(folder) / name for name in names]
        plain = [path for path in paths if stat.S_ISREG(path.lstat().st_mode)]
        found += [path.relative_to(working).as_posix() for path in plain]
    return sorted(found)
