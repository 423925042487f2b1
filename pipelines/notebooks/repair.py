"""`pilsa kernel doctor`: what a kernel uses that its libraries have removed, and the mechanical fixes."""

from dataclasses import dataclass

from pipelines.cells import conversion
from pipelines.notebooks import environments, revival
from pipelines.plumbing.atomic import write_text
from pipelines.values import kernel as kernels


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor found.

    Attributes:
        findings: in the order of the lines.
        broken: code cells that are no Python, a sentence each.
        offers: what to write into kernel.yaml to run it as it is, a sentence each.
        difference: the mechanical fixes as a unified diff; empty where there are none.
    """

    name: str
    findings: list[revival.Finding]
    broken: list[str]
    offers: list[str]
    difference: str

    @property
    def text(self) -> str:
        """All of it but the diff, a line each."""
        if not self.findings and not self.broken:
            return f"{self.name}: nothing that it uses is known to be gone\n"
        lines = [*map(str, self.findings), *self.broken, *self.offers]
        if self.difference:
            lines.append("or changed: --fix shows what can be rewritten mechanically")
        return "".join(f"{line}\n" for line in lines)


def examine(name: str) -> Diagnosis:
    """Look through a kernel without running it.

    Raises:
        UserError: there is no such kernel.
        MemberFailed: its environment cannot be built.
    """
    kernel = kernels.load(name)
    packages = environments.prepare(kernel).packages
    findings = revival.scan(kernel.code, packages)
    broken = [str(cell) for cell in conversion.broken_cells(conversion.from_percent(kernel.code))]
    fixed = revival.fix(kernel.code, packages)
    offers = revival.offers(findings, kernel.code, kernel.file)
    return Diagnosis(name, findings, broken, offers, revival.difference(kernel.code, fixed))


def apply(name: str) -> str:
    """Write the mechanical fixes into kernel.py, with the line ends that it has; return its path."""
    kernel = kernels.load(name)
    path = kernel.folder / "kernel.py"
    fixed = revival.fix(kernel.code, environments.prepare(kernel).packages)
    before = path.read_bytes()
    is_windows = 2 * before.count(b"\r\n") > before.count(b"\n")
    write_text(path, fixed.replace("\n", "\r\n") if is_windows else fixed)
    return str(path)
