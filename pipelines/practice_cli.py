"""`pilsa practice-server`: parse, call one function, print, as in `cli.py`."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.plumbing.printing import say, say_json


def serve(
    port: Annotated[int, typer.Option(help="Port on this machine; 0 takes a free one.")] = 8642,
    folder: Annotated[
        Path | None, typer.Option(help="What it remembers; by default .cache/pilsa/practice.")
    ] = None,
    team: Annotated[
        list[str] | None, typer.Option(help="TEAM=MEMBER,MEMBER; several times for several teams.")
    ] = None,
    grading: Annotated[float, typer.Option(help="Seconds until a score is there.", min=0)] = 3,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON for scripts instead of text.")
    ] = False,
) -> None:
    """Rehearse on this machine: Kaggle's and Dacon's protocols for the bundled competitions.

    The real Kaggle client works with it: it prints what a shell must set. Nothing leaves this machine. Ctrl-C ends it.
    """
    from pipelines.practice import starting

    with starting.serving(port, folder, team or ["study=m01,m02", "rivals=m03"], grading) as server:
        written = starting.write_environments(server)
        if as_json:
            files = {member: str(file) for member, file in written.items()}
            say_json({"url": server.url, "folder": str(server.world.folder), "members": files})
        else:
            say("\n".join(starting.welcome(server, written)))
        server.serve_forever()
