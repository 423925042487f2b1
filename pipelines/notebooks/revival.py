"""Old notebooks live again: what they use of removed APIs, what to write instead, and the mechanical fixes."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pipelines.cells import parsing, python2
from pipelines.notebooks import environments, package_index
from pipelines.old_apis.removed_api import Removal, Use, uses
from pipelines.sandbox.task import FailedCell
from pipelines.values.kernel import KernelFile

_ROUNDS = 8  # calls within calls: each round mends one level
_SHOWN = 4
_MISSING = re.compile(r"No module named '([\w.]+)'")
_NO_WIDGETS = "IProgress not found"  # what `tqdm.notebook` says where there is no ipywidgets
# How an exception looks that a removed API leaves behind, where the removed name is not in its text.
_OLD_API = {
    "AttributeError", "ImportError", "InvalidParameterError", "KeyError", "ModuleNotFoundError", "NameError",
    "OSError", "SyntaxError", "TypeError", "ValueError",
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One use of something that the installed libraries no longer have.

    Attributes:
        line: of the text that was scanned, from 1.
        what: the removed API, in Markdown.
        library: its package, or `python`.
        since: the version in which it was gone.
        replacement: what to write instead, in Markdown.
        is_mechanical: whether `fix` rewrites it here.
        last: the last day on which `as_of` brings it back; None where no day does.
        pin: the requirement that brings it back on other days.
        is_silent: it runs on without an error, and does something else.
    """

    line: int
    what: str
    library: str
    since: str
    replacement: str
    is_mechanical: bool
    last: date | None = None
    pin: str | None = None
    is_silent: bool = False

    def __str__(self) -> str:
        gone = f"gone from {self.library} since {self.since}"
        return f"line {self.line}: {self.what} is {gone}: write {self.replacement}"


def scan(code: str, packages: Mapping[str, str]) -> list[Finding]:
    """Find what a notebook uses that its libraries have removed.

    Args:
        code: percent cells; Python 2, magics and cells that cannot be read do no harm.
        packages: name → installed version; a library that is not named counts as new.

    Returns:
        One finding per removal and line, in the order of the lines.
    """
    found = [use for use in uses(code) if _is_gone(use.removal, packages)]
    by_place: dict[tuple[int, str], list[Use]] = {}
    for use in found:
        by_place.setdefault((use.line, use.removal.what), []).append(use)
    return [_finding(same) for same in by_place.values()]


def fix(code: str, packages: Mapping[str, str] | None = None) -> str:
    """Rewrite what can be rewritten without a thought; the rest of the text keeps every character.

    A proposal: the caller shows `difference` before it writes anything.

    Args:
        code: percent cells.
        packages: only what is gone from these versions is rewritten; None rewrites for the newest.
    """
    old = parsing.read_script(code).old
    code = python2.apply(code, [edit for each in old for edit in each.edits])
    for _ in range(_ROUNDS):
        if len(parsing.read_script(code).text) != len(
            code
        ):  # an edit has left something unreadable: no further
            return code
        found = [use for use in uses(code) if _is_gone(use.removal, packages or {})]
        taken: list[Use] = []
        for use in found:  # all edits of a place, or none of them
            if use.edits and not any(_overlap(use, other) for other in taken):
                taken.append(use)
        fixed = python2.apply(code, [edit for use in taken for edit in use.edits])
        if fixed == code:
            return code
        code = fixed
    return code


def difference(code: str, fixed: str) -> str:
    """The fixes as a unified diff, empty where there are none."""
    before, after = code.splitlines(keepends=True), fixed.splitlines(keepends=True)
    return "".join(difflib.unified_diff(before, after, "kernel.py", "kernel.py, fixed"))


def explain(
    failed: FailedCell, code: str, packages: Mapping[str, str], file: KernelFile
) -> list[str]:
    """Say what a reader of an old notebook needs to know when a cell fails.

    Args:
        failed: the cell and its exception.
        code: the whole notebook, percent cells.
        packages: name → installed version.
        file: its kernel.yaml.

    Returns:
        Sentences: first the environment that would bring the old API back, then what was removed, since when
        and what takes its place; of a missing module, what brings it. Empty where age is not the reason.
    """
    guilty = _guilty(failed, code, packages)
    if guilty:
        shown = [str(finding) + "." for finding in guilty[:_SHOWN]]
        if any(finding.is_mechanical for finding in guilty):
            shown.append("`pilsa kernel doctor --fix` shows the mechanical ones rewritten.")
        return [*offers(guilty, code, file), *shown]
    missing = _MISSING.search(failed.message)
    if missing:
        return [_brings(missing[1], failed.source, file)]
    return [_brings("ipywidgets", "", file)] if _NO_WIDGETS in failed.message else []


def changed_silently(code: str, packages: Mapping[str, str]) -> list[str]:
    """What ran without an error and did not do what it did when it was written, a line each.

    Args:
        code: percent cells.
        packages: name → version that it ran with; a library that is not named is not affected.
    """
    found = [each for each in scan(code, packages) if each.is_silent]
    return [
        f"line {each.line}: {each.what} (since {each.library} {each.since})"
        for each in found
        if each.library in packages
    ]


def offers(findings: list[Finding], code: str, file: KernelFile) -> list[str]:
    """Which lines of kernel.yaml bring the removed APIs back, so that the notebook runs as it is.

    Args:
        findings: what is gone.
        code: the whole notebook; what it imports may not be had before a day.
        file: its kernel.yaml, with the day on which the original was published.

    Returns:
        A sentence with `as_of:` (and `requires:` where the day alone is too late), and one about what no version
        that runs on Python 3.11 has; empty where neither is to be said.
    """
    helped = [finding for finding in findings if finding.last or finding.pin]
    said = []
    if helped:
        first = environments.propose_as_of(None, code)
        wished = environments.propose_as_of(file.source.published, code)
        days = [finding.last for finding in helped if finding.last]
        day = file.as_of or max(min([wished, *days]), first)
        late = {str(each.pin) for each in helped if not each.last or each.last < day}
        pins = ", ".join(f'"{pin}"' for pin in sorted(late))
        lines = [] if file.as_of else [f"`as_of: {day}`"]
        lines += [f"`requires: [{pins}]`"] if pins else []
        if lines:
            said.append(
                f"{' and '.join(lines)} in kernel.yaml brings back what it uses, in an environment of its own."
            )
    lost = sorted({each.what for each in findings if each not in helped})
    if lost and (helped or any(each.library != "Python" for each in findings)):
        said.append(
            f"No version that runs on Python 3.11 has {', '.join(lost)}: this must be rewritten."
        )
    return said


def _is_gone(removal: Removal, packages: Mapping[str, str]) -> bool:
    from packaging.version import Version

    names = (removal.library, f"{removal.library}-cpu", f"{removal.library}-gpu")
    installed = next((packages[name] for name in names if name in packages), None)
    return installed is None or Version(installed) >= Version(removal.since)


def _finding(same: list[Use]) -> Finding:
    removal = same[0].removal
    return Finding(
        line=same[0].line,
        what=removal.what,
        library=removal.library.capitalize() if removal.library == "python" else removal.library,
        since=removal.since,
        replacement=removal.replacement,
        is_mechanical=all(use.edits for use in same),
        last=removal.last,
        is_silent=removal.silent,
        pin=removal.pin or (f"{removal.library}<{removal.since}" if removal.last else None),
    )


def _overlap(one: Use, other: Use) -> bool:
    return any(a.start < b.end and b.start < a.end for a in one.edits for b in other.edits)


def _guilty(failed: FailedCell, code: str, packages: Mapping[str, str]) -> list[Finding]:
    """The findings that may have ended this cell: in it, else what leaves false data behind anywhere."""
    if failed.error not in _OLD_API:
        return []
    in_cell = {line.strip() for line in failed.source.splitlines() if line.strip()}
    lines = [line.strip() for line in code.splitlines()]
    found = scan(code, packages)
    here = [each for each in found if lines[each.line - 1] in in_cell]
    if here:
        return sorted(here, key=lambda each: not _is_named(each, failed.message))
    silent = [each for each in found if each.is_silent]
    return silent if failed.error == "ValueError" else []


def _is_named(finding: Finding, message: str) -> bool:
    words = re.findall(r"\w{2,}", " ".join(re.findall(r"`([^`]+)`", finding.what)))
    return any(re.search(rf"\b{word}\b", message) for word in words)


def _brings(module: str, source: str, file: KernelFile) -> str:
    """What brings a missing module that `source` imports."""
    first, modules = module.partition(".")[0], package_index.modules()
    # Where there is no `google` at all, the message does not say which part of it was wanted.
    parts = [name for name in modules if name.startswith(f"{first}.") and name in source]
    known = next((modules[name] for name in (module, *parts, first) if name in modules), None)
    if known is None:
        return (
            f"No known package brings the module {first!r}: if it is a package, write its name below `requires:` "
            "in kernel.yaml; if it is another notebook's file, paste its text into a cell."
        )
    if isinstance(known, package_index.PlatformModule):
        return f"The module {module!r} exists on {known.only_on} only: {known.instead}."
    line = f"`requires: [{', '.join([*file.requires, known.package])}]`"
    is_own = bool(file.as_of or file.requires)
    if known.with_ == "kernels" and not is_own:
        return (
            f"The module {first!r} comes with the extra `kernels` (package {known.package}): run `make setup`, or "
            f"write {line} into kernel.yaml for an environment of its own."
        )
    if module != first and (known.with_ or is_own):
        return (
            f"{known.package} is there, but has no module {module!r}: it was removed or renamed; look for its "
            f"successor, or write the version that had it into kernel.yaml, as `requires: [{known.package}<…]`."
        )
    return (
        f"The package {known.package} brings the module {first!r}: write {line} into kernel.yaml."
    )
