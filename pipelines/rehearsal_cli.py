"""`pilsa kernel pack` and `pilsa kernel rehearse`: parse, call one function, print. What they do is in `rehearsal`."""

from typing import Annotated

import typer

from pipelines.plumbing.printing import one_line, say, say_json
from pipelines.plumbing.schema import composed

Name = Annotated[str, typer.Argument(
    metavar="NAME", callback=composed, help="member/kernel, a folder of kernels/.")]  # fmt: skip
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of text.")]


def pack(name: Name, as_json: Json = False) -> None:
    """Freeze the packages of a kernel as wheels with hashes, for a site without internet.

    The closure of `requires:` in kernel.yaml (and of what its code imports), as wheels for the Python that stands under
    `code:` of the competition file, else for this one. The list with every sha256 is kernels/NAME/wheels.json: commit
    it, and others pack the same. The wheels themselves lie in .cache/pilsa/wheels, each once; nothing is fetched twice.
    """
    from pipelines.rehearsal import rehearse as room

    house = room.pack(name)
    wheels = house.frozen.wheels if house.frozen else {}
    if as_json:
        say_json(
            {
                "hash": house.hash,
                "wheels": wheels,
                "fetched": house.fetched,
                "folder": str(house.folder),
            }
        )
        return
    for file, digest in wheels.items():
        say(f"{digest[:16]}  {file}")
    for remark in house.remarks:
        say(remark)
    if house.frozen is None:
        say(
            f"{name} has no `requires:` in kernel.yaml: it needs no wheels beside the site's own packages"
        )
    else:
        say(
            f"{name}: {len(wheels)} wheels for Python {house.frozen.python} ({house.hash}), {house.fetched} fetched now"
        )


def rehearse(
    name: Name,
    minutes: Annotated[float | None, typer.Option(
        min=0.01, help="Patience for one run; what takes longer counts as not rehearsed.")] = None,
    trust: Annotated[bool, typer.Option(
        "--trust", help="Run another's kernel although nothing isolates it here.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Run a kernel as a code competition's site would run it again, and say what would fail there.

    Its packages come from the wheels of `pilsa kernel pack` alone; the network is cut; held-out training rows play the
    hidden test, once fewer and once more than the public test has; nothing of the public test is there; time and memory
    are capped as `code:` of the competition file says. The output must have the name that stands there, the sample's
    columns and one row per hidden id. What this machine cannot try is listed as not rehearsed. Only a kernel that
    passed goes on to `pilsa submit -k NAME`. Exits with 1 where it failed, 4 where too little could be tried.
    """
    from pipelines.rehearsal import rehearse as room

    found = room.rehearse(name, minutes, trust)
    if as_json:
        say_json({"status": found.status, **found.model_dump(mode="json")})
    else:
        for tried in found.tried:
            said = f"{tried.output} fits" if tried.output else "no output that fits"
            say(f"{tried.name}: {tried.rows} hidden rows (the public test has {found.public_rows}), learned from "
                f"{tried.learned} rows, {tried.seconds:g} s: {said}")  # fmt: skip
        for fault in found.faults:
            say(one_line(f"FAULT {fault.sentence}"))
        for sentence in found.not_rehearsed:
            say(one_line(f"not rehearsed: {sentence}"))
        say(f"{found.name}: {found.status}")
    if found.status != "passed":
        raise typer.Exit(1 if found.status == "failed" else 4)
