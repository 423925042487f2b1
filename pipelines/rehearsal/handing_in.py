"""`pilsa submit -k`: a kernel that passed its rehearsal is pushed, runs there, and its version is handed in, once."""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from pipelines import platforms
from pipelines.cells import conversion
from pipelines.notebooks import views
from pipelines.notebooks.exchange import on_kaggle, sharing
from pipelines.notebooks.exchange.sharing import Push
from pipelines.platforms import _kaggle_client, _kaggle_notebooks
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import read_json, write_json, write_text
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.plumbing.printing import say
from pipelines.plumbing.process import exclusive
from pipelines.rehearsal import record, rehearse, wheelhouse
from pipelines.rehearsal.record import Rehearsal
from pipelines.submitting import guards, quota, sending
from pipelines.submitting.clock import Clock
from pipelines.submitting.grading import Origin
from pipelines.submitting.guards import Checked
from pipelines.submitting.sending import Ask, Wish
from pipelines.tracking import ledger, records
from pipelines.tracking.ledger import LedgerRow
from pipelines.values import kernel as kernels
from pipelines.values import submission, submission_file
from pipelines.values.competition import Competition
from pipelines.values.dataset import Dataset
from pipelines.values.kernel import Kernel

_FILE = "handed_in.json"


def hand_in(name: str, message: str, ask: Ask, wait: bool) -> LedgerRow:
    """Push a rehearsed kernel, let the site run it, and hand that version in.

    The same kernel is pushed once and handed in once: what an earlier call left open is found and finished.

    Args:
        name: member/slug.
        message: what is new in it.
        ask: a question to the user; whether to go on.
        wait: until it is scored, a quarter of an hour at most.

    Raises:
        UserError: it did not pass its rehearsal, the platform takes no notebooks, none is left today: nothing was spent.
        MemberFailed: its run on the site failed: nothing was spent.
    """
    kernel = kernels.load(name)
    competition = rehearse.competition_of(kernel)
    passed, clock = rehearsed(kernel, competition), Clock()
    digest = _digest(kernel, passed)
    with exclusive(paths.bundle(kernel.name) / "handing-in.lock", f"handing in {name}"):
        before = ledger.find(digest, competition.name)
        if before is None or before.status != "PENDING":
            guards.check_new(competition, kernel.run_name, digest)
            _check_quota(competition, clock)
        pushed = _pushed(kernel, competition, passed, digest)
        remote = platforms.of(competition).notebook_remote(
            pushed["reference"], pushed["version"], pushed["file"]
        )
        assert remote is not None  # `_check_quota` has asked
        wish = _wish(kernel, competition, pushed, digest, message)
        row = sending.send(wish, remote, ask, clock)
        if wait and row.status == "SENT":
            row = sending.watch(row, remote, clock)
    return row


def rehearsed(kernel: Kernel, competition: Competition) -> Rehearsal:
    """The rehearsal that lets this very kernel be submitted.

    Raises:
        UserError: there is none, or its packages would not be on the site.
    """
    rules = rehearse.rules_of(competition)
    house = wheelhouse.pack(kernel, rules.python, lambda note: say(note, is_error=True))
    if house.frozen is not None:
        raise UserError(
            f"{kernel.name} must bring its {len(house.files)} packed wheels along, and pilsa attaches no data set of them "
            f"yet: upload those of kernels/{kernel.name}/wheels.json as a private data set, attach it there, and submit "
            "on the site"
        )
    data = views.load(competition.name)
    return record.passed(kernel.name, rehearse.subject(kernel, data, rules, house))


def _digest(kernel: Kernel, passed: Rehearsal) -> str:
    """What is handed in is code: two of them may write the same for the public test's few rows."""
    said = [kernel.name, kernel.code_hash, passed.subject.wheelhouse, passed.output]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _check_quota(competition: Competition, clock: Clock) -> None:
    remote = platforms.of(competition).notebook_remote("", 0, "")
    if remote is None:
        raise UserError(
            f"a kernel must be handed in where notebooks are taken, and {competition.name} is on the platform "
            f"{competition.source['platform']}: `pilsa submit FILE` sends its output"
        )
    quota.left(competition, remote.allowance(), clock.now()).check(competition.name)


def _pushed(
    kernel: Kernel, competition: Competition, passed: Rehearsal, digest: str
) -> dict[str, Any]:
    """The version that holds this code: one that an earlier call pushed, or a new one.

    Returns:
        `digest`, `reference` (owner/slug), `version` and `file`, the output's name.
    """
    known = _known(kernel)
    if known.is_file() and (found := read_json(known)).get("digest") == digest:
        return dict(found)
    metadata, text = _notebook(kernel, competition)
    reference = str(metadata["id"])
    on_kaggle.is_news(kernel, reference, text.encode())  # refuses what somebody edited there
    with tempfile.TemporaryDirectory(prefix="pilsa-push-") as temporary:
        folder = Path(temporary)
        write_text(folder / metadata["code_file"], text)
        write_json(folder / "kernel-metadata.json", metadata)
        version = _kaggle_notebooks.push(folder)
    pushed = {"digest": digest, "reference": reference, "version": version, "file": passed.output}
    write_json(known, pushed)
    on_kaggle.remember(kernel, reference, text.encode())
    return pushed


def _known(kernel: Kernel) -> Path:
    """Where the version that was pushed last is written down, unless it failed there."""
    return paths.bundle(kernel.name) / _FILE


def _notebook(kernel: Kernel, competition: Competition) -> tuple[dict[str, Any], str]:
    """kernel-metadata.json and the notebook: private, with the competition's data, and as the rules allow."""
    sharing.check_sendable(kernel)
    rules = rehearse.rules_of(competition)
    wanted = Push(enable_internet=rules.internet, enable_gpu=rules.accelerator == "gpu")
    metadata = sharing.kaggle_metadata(kernel, _kaggle_client.username(), wanted)
    return metadata, conversion.to_text(conversion.from_percent(kernel.code))


def _wish(
    kernel: Kernel, competition: Competition, pushed: dict[str, Any], digest: str, message: str
) -> Wish:
    """What is handed in, with what its run there wrote for the public test.

    Raises:
        UserError, MemberFailed: it failed there, or its output would not be taken.
    """
    hours = rehearse.rules_of(competition).hours
    reference, version, name = pushed["reference"], pushed["version"], pushed["file"]
    try:
        _kaggle_notebooks.wait(reference, version, hours, lambda note: say(note, is_error=True))
    except MemberFailed:
        _known(kernel).unlink()  # or every later call would look at this version again
        raise
    with tempfile.TemporaryDirectory(prefix="pilsa-output-") as temporary:
        path = _kaggle_notebooks.output(reference, version, name, Path(temporary))
        sample = submission.read(paths.sample(competition.name), competition)
        classes = Dataset.load(paths.dataset(competition.name), with_features=False).classes
        read = submission_file.read(path, competition, sample)
        frame = submission.in_form(competition, read, sample, classes)
    checked = Checked(frame, digest, classes)
    said = f"{message} ({reference} version {version})".strip()
    return Wish(competition, checked, kernel.run_name, said, _origin(kernel))


def _origin(kernel: Kernel) -> Origin:
    """Its CV, where result.json has one of this very code."""
    found = records.read_or_none(kernel.folder / "result.json")
    facts = found.kernel if found else None
    if found is None or facts is None or facts.code_hash != kernel.code_hash:
        return Origin(kernel.member, kernel.run_name)
    return Origin(kernel.member, kernel.run_name, found.cv_mean, found.run_id, found.folds_hash)
