"""`pilsa remote run`: push once, watch, take what came back. Whatever is killed on the way, the next call goes on.

The notebook bears the key of the work in its name, and its script the nonce of the attempt. Before the push both are
in the journal; a call that finds either looks at the site, and pushes only what the site does not show.
"""

import secrets
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.platforms import _kaggle_client as client
from pipelines.platforms import _kaggle_kernels as site
from pipelines.platforms._kaggle_calls import KaggleError
from pipelines.platforms._kaggle_kernels import PushRefused
from pipelines.plumbing import paths, process
from pipelines.plumbing.atomic import read_json
from pipelines.plumbing.errors import MemberFailed, UserError
from pipelines.plumbing.printing import say
from pipelines.remote import journal, quota, results, script
from pipelines.remote.job import Job, fits_hash, pack
from pipelines.remote.journal import Entry
from pipelines.tracking import provenance, records
from pipelines.training import cross_validation as cv
from pipelines.training import plan as plans
from pipelines.training.fits import FitSpec
from pipelines.training.plan import Plan
from pipelines.values import params

# Seconds for the site to show what was pushed; characters of a script, of which nobody knows what Kaggle takes.
_UNTIL_SHOWN, _MOST_CHARACTERS = 30.0, 1_000_000
_FIRST_LOOK, _LONGEST_PAUSE, _SECONDS_BETWEEN_LINES = 1.0, 30.0, 300.0


@dataclass(frozen=True, eq=False)
class Wish:
    """What is to run there.

    Attributes:
        plan, specs, key: as the stage `train` has them.
        reference: owner/slug there.
        accelerator: as Kaggle calls it; empty for none.
        seconds: after which Kaggle ends it.
    """

    plan: Plan
    specs: Sequence[FitSpec]
    key: str
    reference: str
    accelerator: str
    seconds: int


def run(model: str, accelerator: str = "", hours: float = 9.0, again: bool = False) -> str:
    """Have a model's fits made on Kaggle's machines, and keep them where `train` finds them.

    Args:
        model: a file of pipelines/models/.
        accelerator: as Kaggle calls it, such as NvidiaTeslaT4; empty for none.
        hours: after which Kaggle ends it.
        again: push once more what failed there.

    Returns:
        What happened, in a sentence.

    Raises:
        MemberFailed: it failed there.
        UserError: it cannot be pushed, or what came back is not of what was sent.
        Killed: detached; it goes on there.
    """
    competition = params.load().competition
    plan = _plan(competition, model, accelerator)
    found = read_json(paths.tuned(competition, model))
    specs = cv.specs_of(plan, cv.Tuned(found["params"], found["by_fold"]))
    key = cv.key_of(plan, specs)
    scored = records.read_or_none(paths.score(competition, model))
    if scored is not None and scored.run_id == records.last_run_id({"key": key}):
        return f"{model} is trained already, with this very code, data and params"
    if results.is_kept(key, specs):
        return f"all {len(specs)} fits of {model} are here already"
    reference = f"{client.username()}/{journal.slug_of(competition, model, key)}"
    wish = Wish(plan, specs, key, reference, accelerator, round(hours * 3600))
    lock = paths.cache() / "locks" / f"remote-{reference.partition('/')[2]}"
    with process.exclusive(lock, f"pushing {model}"):
        entry = _pushed(wish, again)
    _watch(entry, model)
    with tempfile.TemporaryDirectory(prefix="pilsa-remote-") as folder:
        site.fetch(reference, Path(folder))
        results.take(entry.job, Path(folder), plan, specs, site.site())
    journal.write(entry, "taken")
    return f"all {len(specs)} fits of {model} came back from {site.site()}"


def _plan(competition: str, model: str, accelerator: str) -> Plan:
    """What is to be fitted, on the backend of this machine: so has it `train`, which is to find the fits.

    Raises:
        UserError: it cannot run there, or would spend hours on an accelerator for nothing.
    """
    if "/" in model:
        raise UserError(
            f"a remote run must be of a model, and {model} is a notebook: Kaggle runs it as it is, `pilsa kernel share "
            f"{model} --kaggle`; its views run here"
        )
    plan = plans.load(competition, model)
    if model not in plan.settings.models:
        raise UserError(
            f"local.yaml must list a model whose predictions are to be pooled, and {model} is not under `models`: add it"
        )
    if accelerator and (plan.backend is None or not accelerator.startswith("Nvidia")):
        who = (
            f"{model} computes on the CPU" if plan.backend is None else "pilsa uses NVIDIA's alone"
        )
        raise UserError(
            f"an accelerator must be of use, and {who}: leave out --accelerator {accelerator}, and no hours are spent"
        )
    return plan.on_its_backend()


def _pushed(wish: Wish, again: bool) -> Entry:
    """The entry of a job that the site shows: one that runs or ran, else one that is pushed now."""
    entry, there = journal.read(wish.reference), _shown(wish)
    failed = [] if entry is None else entry.failed
    if there is not None and there.nonce not in failed:
        entry = Entry(reference=wish.reference, job=there, state="pushed", failed=failed)
        if not (again and site.state(wish.reference).status in site.FAILED):
            say(f"{wish.reference} is there already: {client.page(wish.reference)}", is_error=True)
            return journal.write(entry, "pushed")
        failed = [*failed, there.nonce]
    elif entry is not None and entry.state == "pushing":
        if _appears(wish, entry.job, max(0.0, _UNTIL_SHOWN - entry.age)):
            return journal.write(entry, "pushed")
    elif entry is not None and not again:
        what = (
            "failed there" if entry.state == "failed" else "was pushed and is no longer shown there"
        )
        raise MemberFailed(
            f"{wish.reference} {what}, and is not pushed again by itself: look at {client.page(wish.reference)}, then "
            "add --again"
        )
    return _push(wish, failed)


def _shown(wish: Wish) -> Job | None:
    """The job whose script the site shows under this name; None where it shows nothing.

    Raises:
        UserError: something else stands there.
    """
    found = site.script(wish.reference)
    if found is None:
        return None
    if not found.is_private:
        say(
            f"{wish.reference} is public: make it private at {client.page(wish.reference)}",
            is_error=True,
        )
    job = script.read(found.text)
    if job is None or job.key != wish.key:
        what = "was not pushed by pilsa, or was edited there" if job is None else f"is of {job.key}"
        raise UserError(
            f"{wish.reference} must be the run of {wish.key}, and {what}: nothing was pushed and nothing is taken; "
            f"rename or delete it ({client.page(wish.reference)}), then run the same again"
        )
    return job


def _push(wish: Wish, failed: list[str]) -> Entry:
    plan = wish.plan
    source = _source(plan)
    job = Job(
        key=wish.key, nonce=secrets.token_hex(4), competition=plan.competition.name, model=plan.name,
        commit=provenance.git_commit(), data_hash=plan.dataset.hash, folds_hash=plan.folds.hash,
        fits=fits_hash(wish.specs), accelerator=wish.accelerator,
    )  # fmt: skip
    text = script.write(job, pack(job, plan, wish.specs, source))
    if len(text) > _MOST_CHARACTERS:
        raise UserError(
            f"a script must have at most {_MOST_CHARACTERS:,} characters, and with its data it has {len(text):,}: only "
            "a competition of Kaggle has its data there already"
        )
    say(quota.sentence(wish.accelerator, wish.seconds), is_error=True)
    entry = Entry(reference=wish.reference, job=job, state="pushing", failed=failed)
    entry = journal.write(entry, "pushing")
    try:
        with tempfile.TemporaryDirectory(prefix="pilsa-remote-") as folder:
            remarks = site.push(
                wish.reference, text, Path(folder), source, wish.seconds, wish.accelerator
            )
        for remark in remarks:
            say(remark, is_error=True)
    except PushRefused:
        journal.write(entry, "failed") if failed else journal.remove(wish.reference)
        raise
    except UserError as error:
        say(f"{error}: looking whether it arrived", is_error=True)
    if not _appears(wish, job, _UNTIL_SHOWN):
        raise UserError(
            f"{site.site()} must show {wish.reference} after its push, and does not yet: run the same again, which looks "
            "before it pushes"
        )
    say(
        f"pushed {len(wish.specs)} fits as {wish.reference}, private: {client.page(wish.reference)}",
        is_error=True,
    )
    return journal.write(entry, "pushed")


def _source(plan: Plan) -> str | None:
    """The competition's name on Kaggle, which shows its files there; None where the data travel in the script."""
    given = plan.competition.source
    if given["platform"] == "dacon":
        raise UserError(
            f"data of Dacon must stay where its rules allow them, and {plan.competition.name} would travel to Kaggle: "
            "train it here"
        )
    return str(given["slug"]) if given["platform"] == "kaggle" else None


def _appears(wish: Wish, job: Job, patience: float) -> bool:
    """Whether the site shows this attempt before patience ends."""
    until = time.monotonic() + patience
    while True:
        try:
            found = _shown(wish)
            if found is not None and found.nonce == job.nonce:
                return True
        except KaggleError as error:  # it may be reachable again at the next look
            say(f"{error}", is_error=True)
        if time.monotonic() >= until:
            return False
        time.sleep(_FIRST_LOOK)


def _watch(entry: Entry, model: str) -> None:
    """Look until the run has ended.

    Raises:
        MemberFailed: it failed; the end of its log is in the message.
    """
    said, next_line, pause, started = "", 0.0, _FIRST_LOOK, time.monotonic()
    while True:
        try:
            found = site.state(entry.reference)
            now = found.status.lower()
        except KaggleError as error:
            if error.status is not None and error.status < 500 and error.status != 429:
                raise
            found, now = None, str(error)  # it may be reachable again at the next look
        passed = time.monotonic() - started
        if now != said or passed > next_line:
            said, next_line = now, passed + _SECONDS_BETWEEN_LINES
            say(f"{model} on {site.site()}, after {passed:.0f} s: {now}", is_error=True)
        if found is not None and found.status == "COMPLETE":
            return
        if found is not None and found.status in site.FAILED:
            raise MemberFailed(_failure(entry, found.failure))
        time.sleep(pause)
        pause = min(_LONGEST_PAUSE, pause * 1.3)


def _failure(entry: Entry, why: str) -> str:
    """What a failed run said at its end; the journal has it as failed from now on."""
    failed = [*entry.failed, entry.job.nonce]
    journal.write(entry.model_copy(update={"failed": failed}), "failed")
    with tempfile.TemporaryDirectory(prefix="pilsa-remote-") as folder:
        try:
            site.fetch(entry.reference, Path(folder))
            log = results.last_lines(Path(folder))
        except UserError as error:
            log = f"(its log: {error})"
    return (
        f"{entry.reference} failed there{f' ({why})' if why else ''}; it ended with\n{log}\nput right what it says; "
        "`--again` pushes it once more where nothing here has changed"
    )
