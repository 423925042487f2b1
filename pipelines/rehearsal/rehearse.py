"""One dress rehearsal: the packed environment, two hidden tests, the site's limits, and what the output must be."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from pipelines import platforms
from pipelines.cells import conversion
from pipelines.notebooks import input_folder, view_run, views
from pipelines.notebooks.environments import Environment
from pipelines.notebooks.input_folder import Layout
from pipelines.notebooks.views import CompetitionData
from pipelines.plumbing import paths, process, progress
from pipelines.plumbing.atomic import write_text
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.printing import say
from pipelines.rehearsal import diagnosis, events, hidden, image, output, record, wheelhouse
from pipelines.rehearsal.fault import Fault, distinct
from pipelines.rehearsal.hidden import Hidden
from pipelines.rehearsal.record import Rehearsal, Subject, Tried
from pipelines.rehearsal.scene import Scene
from pipelines.rehearsal.wheelhouse import Wheelhouse
from pipelines.sandbox import isolate, runner
from pipelines.sandbox.mounting import has_graphics
from pipelines.sandbox.task import GIB, Execution, Isolation, Limits, Task
from pipelines.tracking import ledger
from pipelines.values import competition as competitions
from pipelines.values import kernel as kernels
from pipelines.values import params
from pipelines.values.code_rules import Code
from pipelines.values.competition import Competition
from pipelines.values.kernel import Kernel

_DISK = 20 * GIB
_SPARED = 0.9  # of the free memory: the rest is this machine's own


@dataclass(frozen=True, eq=False)
class Stage:
    """All that stands before the first run.

    Attributes:
        code: what the site allows.
        folder: the name of the competition's folder below /kaggle/input.
        minutes: patience for one run; None waits as long as the site does.
        has_gpu: whether this machine has a graphics processor.
    """

    kernel: Kernel
    data: CompetitionData
    code: Code
    house: Wheelhouse
    environment: Environment
    isolation: Isolation
    folder: str
    minutes: float | None
    has_gpu: bool

    @property
    def folders(self) -> tuple[str, ...]:
        """Names below /kaggle/input; where nobody calls it a code competition also those that it has here alone."""
        kernel, competition = self.kernel.file, self.data.competition
        own = [] if competition.code else [competition.name, *kernel.inputs]
        return tuple(dict.fromkeys([self.folder, *own]))

    @property
    def limits(self) -> Limits:
        seconds, memory = self.code.hours * 3600, self.code.memory_gb * GIB
        return Limits(
            seconds=min(seconds, 60 * (self.minutes or seconds)),
            memory_bytes=int(min(memory, _SPARED * psutil.virtual_memory().available)),
            disk_bytes=_DISK,
            raise_seconds="nothing allows more there",
            raise_memory="nothing allows more there",
        )


def rehearse(name: str, minutes: float | None = None, trust: bool = False) -> Rehearsal:
    """Run a kernel as its competition's site would run it again, and keep what was found.

    Args:
        name: member/slug.
        minutes: for one run; one that takes longer counts as not rehearsed.
        trust: run another member's kernel although nothing isolates it here.

    Returns:
        What was found, which is kept for `submit -k`.

    Raises:
        UserError: the kernel, its competition or this machine is not ready.
        MemberFailed: its environment cannot be had, or training rows cannot play a hidden test.
    """
    kernel = kernels.load(name)
    stage = _stage(kernel, minutes, trust)
    with process.exclusive(paths.bundle(kernel.name) / "lock", f"kernel {kernel.name}"):
        found = _rehearse(stage)
        record.save(found)
    return found


def pack(name: str) -> Wheelhouse:
    """Freeze and fetch the wheels of a kernel, for its competition's site; see `wheelhouse.pack`."""
    kernel = kernels.load(name)
    return wheelhouse.pack(kernel, rules_of(competition_of(kernel)).python, _say)


def subject(kernel: Kernel, data: CompetitionData, code: Code, house: Wheelhouse) -> Subject:
    """What a rehearsal is about."""
    return Subject(
        code_hash=kernel.code_hash, wheelhouse=house.hash, data=data.key, rules=code
    )  # fmt: skip


def rules_of(competition: Competition) -> Code:
    """What the site allows; what Kaggle usually does where the competition file says nothing."""
    return competition.code or Code()


def competition_of(kernel: Kernel) -> Competition:
    """The kernel's competition.

    Raises:
        UserError: it has none.
    """
    if kernel.file.competition is None:
        raise UserError(
            f"a rehearsal must have a competition, and {kernel.name} is a study kernel: `pilsa kernel run` runs it"
        )
    return competitions.load(kernel.file.competition)


def _stage(kernel: Kernel, minutes: float | None, trust: bool) -> Stage:
    competition = competition_of(kernel)
    code = rules_of(competition)
    isolation = isolate.detect(has_network=code.internet)
    isolate.allow(kernel.member, params.load().member, trust, isolation, in_pool=False)
    data = views.load(competition.name)
    house = wheelhouse.pack(kernel, code.python, _say)
    environment = wheelhouse.environment(kernel, house, _say)
    folder = input_folder.slug_of(competition) or competition.name
    return Stage(
        kernel, data, code, house, environment, isolation, folder, minutes, has_graphics()
    )  # fmt: skip


def _say(note: str) -> None:
    say(note, is_error=True)


def _rehearse(stage: Stage) -> Rehearsal:
    counts = hidden.counts(stage.data)
    left, tried, faults = _beforehand(stage, counts), list[Tried](), list[Fault]()
    is_incomplete = not counts
    with progress.bar(f"rehearsal of {stage.kernel.name}", len(counts)) as bar:
        for name, count in counts.items():
            shown = hidden.make(stage.data, name, count)
            seen = _Run(stage, shown, bar.note).go()
            tried.append(seen.tried)
            faults += seen.faults
            left += seen.not_rehearsed
            is_incomplete = is_incomplete or bool(seen.not_rehearsed)
            bar.step(f"{name}: {'faults' if seen.faults else 'done'}")
            if seen.faults or seen.not_rehearsed:
                break
    return Rehearsal(
        name=stage.kernel.name, time=ledger.now(), subject=subject(stage.kernel, stage.data, stage.code, stage.house),
        public_rows=len(stage.data.sample), tried=tried, faults=distinct(faults), not_rehearsed=left,
        is_incomplete=is_incomplete,
    )  # fmt: skip


def _beforehand(stage: Stage, counts: dict[str, int]) -> list[str]:
    """What cannot be tried here, whatever the kernel does."""
    found = []
    if stage.data.competition.code is None:
        found.append(
            f"the site's own limits: competitions/{stage.data.competition.name}.yaml has no `code:`, so those of Kaggle "
            f"were taken ({stage.code.hours:g} h, {stage.code.memory_gb:g} GiB), any name of the output, and files below "
            f"{' or '.join(f'/kaggle/input/{name}' for name in stage.folders)}"
        )
    if stage.limits.memory_bytes < int(stage.code.memory_gb * GIB):
        found.append(
            f"memory beyond {stage.limits.memory_bytes / GIB:.1f} GiB: the site has {stage.code.memory_gb:g}, and this "
            "machine has no more"
        )
    if stage.code.accelerator != "none" and not (stage.has_gpu and stage.code.accelerator == "gpu"):
        found.append(f"the {stage.code.accelerator.upper()}: this machine has none")
    if stage.house.frozen is None:
        found.append(
            "the versions of the site's own packages: the kernel has no `requires:`, so those of this workspace ran"
        )
    if stage.isolation.kind == "none":
        found.append(f"the cut network: {stage.isolation.not_enforced[0]}")
    if hidden.has_public_rows(stage.data, counts.get(hidden.GROWN, 0)):
        found.append(
            "a larger hidden test without the public test's rows: the training rows are too few, so those stand before them"
        )
    lacking = {hidden.SHRUNK: "fewer", hidden.GROWN: "more"}
    found += [
        f"a hidden test of {lacking[name]} rows: {len(stage.data.dataset.y)} training rows and {len(stage.data.sample)} "
        "test rows do not allow it"
        for name in lacking if name not in counts
    ]  # fmt: skip
    return found


@dataclass(frozen=True, eq=False)
class _Seen:
    tried: Tried
    faults: list[Fault]
    not_rehearsed: list[str]


@dataclass(frozen=True, eq=False)
class _Run:
    """One kernel in front of one hidden test."""

    stage: Stage
    shown: Hidden
    say: Callable[[str], None]

    @property
    def folder(self) -> Path:
        return paths.bundle(self.stage.kernel.name) / "rehearsal" / self.shown.name

    def go(self) -> _Seen:
        run = self.folder / "run"
        view_run.empty(self.folder)
        try:
            task = self._task(run)
            execution = asyncio.run(runner.execute(task))
            text = conversion.to_text(execution.notebook)
            write_text(
                self.folder / "executed.ipynb", text.encode("utf-8", "replace").decode("utf-8")
            )
            return self._judge(run, execution)
        finally:
            view_run.remove(run)

    def _task(self, run: Path) -> Task:
        stage = self.stage
        (run / "working").mkdir(parents=True)
        files = self.shown.folder.parent
        layout = Layout(stage.folders, (), has_folds=False)
        input_folder.fill(run / "input", files, layout, stage.isolation.kind != "none")
        given_away = platforms.of(stage.data.competition).given_away
        has_gpu = stage.code.accelerator == "gpu"
        events.install(run / "home", has_gpu, given_away)
        return Task(
            conversion.from_percent(stage.kernel.code), run, stage.environment.python, stage.limits,
            stage.isolation, None, self.say, given_away,
        )  # fmt: skip

    def _judge(self, run: Path, execution: Execution) -> _Seen:
        stage, data = self.stage, self.stage.data
        heard = events.read(run / "home")
        scene = Scene(
            execution, heard or [], stage.code, stage.folder, len(data.sample),
            hidden.names_below(paths.raw(data.competition.name)),
            hidden.names_below(self.shown.folder), platforms.of(data.competition).given_away,
            image.modules() if stage.house.frozen is None else None, self.shown.name,
        )  # fmt: skip
        found, name = diagnosis.faults(scene), None
        not_here = self._not_here(execution, found)
        if heard is None:
            not_here.append(
                "what its cells tried and passed over: its process could not be listened to"
            )
        found = [fault for fault in found if not (not_here and _is_of_the_end(fault))]
        if execution.status == "FINISHED":
            ids = data.sample[data.competition.sample_id].astype(str)
            name, wrong = output.check(run / "working", self.shown, self._required(), ids)
            found += [self._placed(wrong, scene)] if wrong else []
        tried = Tried(
            name=self.shown.name, rows=self.shown.rows, learned=self.shown.learned,
            seconds=round(execution.seconds, 1), output=name,
        )  # fmt: skip
        return _Seen(tried, found, not_here)

    def _required(self) -> str | None:
        """The output's name; None where nobody demands one."""
        code = self.stage.data.competition.code
        return code.output if code else self.stage.kernel.file.output

    def _not_here(self, execution: Execution, faults: list[Fault]) -> list[str]:
        """Why the end of this run says nothing about the site."""
        if execution.status == "FINISHED" or not (
            ended := next(filter(_is_of_the_end, faults), None)
        ):
            return []
        code, limits = self.stage.code, self.stage.limits
        if ended.kind == "time" and limits.seconds < code.hours * 3600:
            return [
                f"the time: it was ended after {limits.seconds:g} s here, and the site gives {code.hours:g} h"
            ]
        if ended.kind == "memory" and limits.memory_bytes < int(code.memory_gb * GIB) > _asked(
            ended
        ):
            return [f"the memory: {ended.found} here, and the site gives {code.memory_gb:g} GiB"]
        if ended.kind == "gpu" and code.accelerator != "none":
            return [f"the GPU: it ended for the lack of one here ({ended.where}: {ended.found})"]
        return []

    def _placed(self, fault: Fault, scene: Scene) -> Fault:
        """The cell that wrote a table last is where to look."""
        written = [event for event in scene.events if event.event == "written"]
        update: dict[str, object] = {"test": self.shown.name}
        if written:
            at = scene.place_of(written[-1])
            update |= {"cell": at.cell, "line": at.line}
        return fault.model_copy(update=update)


def _is_of_the_end(fault: Fault) -> bool:
    return fault.kind in ("time", "memory", "gpu")


def _asked(fault: Fault) -> float:
    """Bytes of memory that numpy was refused; 0 where that is not what ended the run."""
    found = re.search(r"Unable to allocate ([\d.]+) ([KMGTP])iB", fault.found)
    return float(found[1]) * 1024 ** ("KMGTP".index(found[2]) + 1) if found else 0
