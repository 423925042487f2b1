"""One `pilsa kernel run`: prepare the kernel, show it its views, and log the run, also where it failed."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipelines import platforms
from pipelines.cells import conversion
from pipelines.notebooks import (
    cross_validation,
    environments,
    page,
    revival,
    run_record,
    view_run,
    views,
)
from pipelines.notebooks.checking import probe
from pipelines.notebooks.cross_validation import Result
from pipelines.notebooks.environments import Environment
from pipelines.notebooks.view_run import PreparedKernel, ViewResult
from pipelines.plumbing import paths, process, sources
from pipelines.plumbing.atomic import content_hash
from pipelines.plumbing.printing import say
from pipelines.sandbox import isolate
from pipelines.sandbox.task import GIB, Isolation, Limits
from pipelines.tracking import curriculum, mlflow_store, records
from pipelines.tracking.curriculum import Week
from pipelines.tracking.records import Head, Record
from pipelines.values import kernel as kernels
from pipelines.values import params as settings_file
from pipelines.values.kernel import Kernel

_ANY_NOTEBOOK = "# %% [markdown]\n# **a** &amp; b\n\n# %%\nx = 1\n"


@dataclass(frozen=True)
class Options:
    """How a kernel is run.

    Attributes:
        wanted: one of `cross_validation.WANTED`.
        trust: run another member's kernel although nothing isolates it here.
        has_network: let it open connections.
        is_quick: with the `quick:` values of kernel.yaml; such a run is logged, and its result not committed.
        again: forget what the wanted views gave before.
        jobs: views at a time; None decides by processors and memory.
        as_stage: as a stage of the DAG: the record is DVC's output and not the kernel's result.json, and a
            kernel of the pool counts as read by the group, as the rest of the repository does.
    """

    wanted: str = "all"
    trust: bool = False
    has_network: bool = False
    is_quick: bool = False
    again: bool = False
    jobs: int | None = None
    as_stage: bool = False


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a run left.

    Attributes:
        bundle: folder of the executed notebook, its HTML and the submission.
        hints: what to do about a failure, a sentence each.
    """

    record: Record
    result: Result
    bundle: Path
    hints: tuple[str, ...] = ()


def run(name: str, options: Options) -> Outcome:
    """Run a kernel on its views and log it.

    What an earlier call finished under the same code, data and packages is kept. The record goes to the
    history, to MLflow and, unless the run is quick, to the kernel's `result.json`.

    Args:
        name: member/slug.

    Returns:
        The outcome; its record is FAILED where the kernel failed.

    Raises:
        UserError: the kernel, its competition or this machine is not ready; nothing was run or logged.
        MemberFailed: its environment cannot be built.
    """
    cross_validation.check_wanted(options.wanted)
    kernel = kernels.load(name)
    week = week_of(kernel)
    return _run(prepare(kernel, week, options), week, options)


def _run(prepared: PreparedKernel, week: Week | None, options: Options) -> Outcome:
    names = cross_validation.names_of(prepared, options.wanted)
    with working(prepared):
        before = run_record.previous(prepared.kernel)
        if options.again:
            for view in names:
                view_run.forget(prepared, view)
        with _logging_beside(head_of(prepared)) as logged:
            result = cross_validation.run(prepared, options.wanted, options.jobs)
            is_kept = not (options.as_stage or options.is_quick)
            return log(result, logged(), week, before, is_kept)


@contextmanager
def _logging_beside(head: Head) -> Iterator[Callable[[], mlflow_store.Running]]:
    """Open a run while the first view is already running: importing MLflow and nbconvert takes a second or two.

    Yields:
        What waits for the run. One that cannot be opened is an error at the end of the block at the latest; the
        views are kept then.
    """
    with ThreadPoolExecutor(1) as beside, ExitStack() as stack:
        opened = beside.submit(stack.enter_context, mlflow_store.running(head))
        # Imports and compiles what the page of the real one needs.
        beside.submit(page.executed_html, conversion.from_percent(_ANY_NOTEBOOK))
        try:
            yield opened.result
        finally:
            opened.result()  # so that the stack has it, and closes it by how the block ended


def log(
    result: Result,
    logged: mlflow_store.Running,
    week: Week | None,
    before: Record | None,
    is_kept: bool = True,
) -> Outcome:
    """Write the record of a run that has ended to the history, to MLflow and to the kernel's bundle.

    Args:
        result: what its views gave.
        logged: the run that was opened for it, which is closed here.
        week: whose steps the check asks.
        before: what result.json held when the run began.
        is_kept: whether the record becomes the kernel's `result.json` too.

    Returns:
        The outcome, with the folder of the bundle.
    """
    prepared, failed = result.prepared, result.failure
    run_id = records.run_id({"key": prepared.work.name})
    record, files, bundle, remarks = run_record.write(result, logged.head, week, before, run_id)
    hints = (*_hints(prepared, failed), *remarks)
    if is_kept and not run_record.keep(prepared.kernel, record, before):
        hints = (*hints, "result.json keeps the CV that it has of this very kernel")
    logged.finish(records.archive(record, files))
    return Outcome(record, result, bundle, hints)


def _hints(prepared: PreparedKernel, failed: ViewResult | None) -> list[str]:
    """What to do about a failed view: first what its age tells, then what the view itself had to say."""
    if failed is None:
        return []
    kernel, cell = prepared.kernel, failed.failed_cell
    packages = prepared.environment.packages
    old = [] if cell is None else revival.explain(cell, kernel.code, packages, kernel.file)
    return [*old, *failed.hints]


@contextmanager
def working(prepared: PreparedKernel) -> Iterator[None]:
    """Hold the kernel's bundle and result, and the folder of its views; another process waits.

    Two members with the same code share the second.
    """
    name = prepared.kernel.name
    with (
        process.exclusive(paths.bundle(name) / "lock", f"kernel {name}"),
        process.exclusive(prepared.work / "lock", f"the views of {name}"),
    ):
        yield


def check(name: str, options: Options) -> tuple[Outcome, Path | None]:
    """Check a kernel on what earlier calls found, or run what is missing; then pack what is handed in.

    Args:
        name: member/slug.
        options: `wanted` is `check`.

    Returns:
        The outcome, and the path of submit.zip; None where a step failed.

    Raises:
        UserError, MemberFailed: see `run`.
    """
    kernel = kernels.load(name)
    week = week_of(kernel)
    prepared = prepare(kernel, week, options)
    result = cross_validation.known(prepared, options.wanted)
    last = records.last_run_id({"key": prepared.work.name})
    if result is None or last is None:
        outcome = _run(prepared, week, options)
    else:
        with working(prepared):
            before = run_record.previous(kernel)
            record, _, bundle, remarks = run_record.write(
                result, head_of(prepared), week, before, last
            )
            outcome = Outcome(record, result, bundle, tuple(remarks))
    facts = outcome.record.kernel
    if facts is None or not facts.check_passed:
        (outcome.bundle / run_record.PACKED).unlink(missing_ok=True)  # of a kernel that passed once
        return outcome, None
    return outcome, run_record.pack(outcome.bundle, outcome.record)


def prepare(kernel: Kernel, week: Week | None, options: Options) -> PreparedKernel:
    """Everything that must hold before a kernel is run.

    Raises:
        UserError: nothing isolates another's kernel here, its competition was not preprocessed, or its file
            names what is not there.
        MemberFailed: its environment cannot be built, or it has no cell for the quick values.
    """
    settings = settings_file.load()
    isolation = isolate.detect(options.has_network)
    in_pool = options.as_stage and kernel.name in settings.kernels
    isolate.allow(kernel.member, settings.member, options.trust, isolation, in_pool)
    return prepared_of(kernel, week, isolation, environments.prepare(kernel, _say), options)


def prepared_of(
    kernel: Kernel,
    week: Week | None,
    isolation: Isolation,
    environment: Environment,
    options: Options,
) -> PreparedKernel:
    """A kernel with its competition and notebook, and the key of its work; see `prepare`."""
    file = kernel.file
    data = views.load(file.competition) if file.competition else None
    notebook = conversion.from_percent(kernel.code)
    if options.is_quick:
        notebook = conversion.with_quick(notebook, file.quick)
    limits = Limits(
        seconds=file.time_limit,
        memory_bytes=int(file.memory_gb * GIB),
        threads=1 if data else None,
        raise_seconds="raise `time_limit` in kernel.yaml",
        raise_memory="raise `memory_gb` in kernel.yaml",
    )
    last_cell = probe.source(file, week.check if week else None)
    key = content_hash(
        {
            "kernel": kernel.code_hash, "packages": environment.packages, "probe": last_cell,
            "quick": file.quick if options.is_quick else None, "network": options.has_network,
            "data": [data.key, data.dataset.hash, data.folds.hash, data.metric.name, data.seed] if data else [],
            **sources.identity(sources.closure(view_run.__name__)),
        }
    )  # fmt: skip
    return PreparedKernel(
        kernel, data, notebook, environment, isolation, limits, last_cell,
        paths.work(key), options.is_quick, _given_away(data),
    )  # fmt: skip


def _given_away(data: views.CompetitionData | None) -> tuple[str, ...]:
    return () if data is None else platforms.of(data.competition).given_away


def _say(note: str) -> None:
    say(note, is_error=True)


def week_of(kernel: Kernel) -> Week | None:
    """The week of the curriculum that a kernel is for; None where its file names none."""
    return curriculum.load().numbered(kernel.file.week)


def head_of(prepared: PreparedKernel) -> Head:
    """What is known of the run before it starts."""
    kernel, data = prepared.kernel, prepared.data
    if data is None:
        return records.opened(
            None, kernel.run_name, "study", kernel.member, "", "", kernel.file.week
        )
    return records.opened(
        data.competition, kernel.run_name, "kernel", kernel.member, data.dataset.hash,
        data.folds.hash, kernel.file.week,
    )  # fmt: skip
