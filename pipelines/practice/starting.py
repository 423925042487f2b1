"""Start the practice server, and write what a shell must set so that the real client goes there and nowhere else."""

import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.plumbing import paths
from pipelines.plumbing.atomic import write_text
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.process import exclusive
from pipelines.plumbing.schema import check_name
from pipelines.practice.server import Server
from pipelines.practice.state import World


def teams_of(texts: Iterable[str]) -> dict[str, list[str]]:
    """Team → members, of texts such as `study=m01,m02`.

    Raises:
        UserError: a text is none, or a member is in two teams.
    """
    teams: dict[str, list[str]] = {}
    for text in texts:
        team, _, members = text.partition("=")
        try:
            teams[check_name(team)] = [check_name(name.strip()) for name in members.split(",")]
        except ValueError as error:
            raise UserError(
                f"a team must be written TEAM=MEMBER,MEMBER, found {text!r} (a name {error}): change it"
            ) from None
    every = [member for members in teams.values() for member in members]
    if len(set(every)) < len(every):
        raise UserError("a member must be in one team, found one in two: change --team")
    return teams


def environment(server: Server, member: str) -> dict[str, str]:
    """What leads the real client to this server as a member: https would be refused there, so nothing leaves."""
    return {
        "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
        "KAGGLE_API_TOKEN": server.world.state.members[member].token,
        "KAGGLE_CONFIG_DIR": str(server.world.folder / "no-config"),
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), server.url),
        "DACON_API_URL": server.url,
        "DACON_API_TOKEN": server.world.state.members[member].token,
    }


def write_environments(server: Server) -> dict[str, Path]:
    """Member → the file to be sourced; only this user can read it, since it holds a token."""
    written = {}
    for member in server.world.state.members:
        lines = ["unset no_proxy NO_PROXY KAGGLE_USERNAME KAGGLE_KEY"]
        values = environment(server, member)
        lines += [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
        written[member] = server.world.folder / f"{member}.sh"
        write_text(written[member], "\n".join(lines) + "\n")
        written[member].chmod(0o600)
    return written


@contextmanager
def serving(
    port: int, folder: Path | None, teams: Iterable[str], grading_seconds: float
) -> Iterator[Server]:
    """A server that is ready to serve; what it remembers lies in `folder`, and the next one goes on with it.

    Raises:
        UserError: the port is taken, another server works in this folder, or a team cannot be read.
    """
    folder = (folder or paths.cache() / "practice").resolve()
    with (
        exclusive(folder / "lock", "the practice server", wait=0),
        Server(World(folder, teams_of(teams), grading_seconds), port) as server,
    ):
        yield server


def welcome(server: Server, written: dict[str, Path]) -> list[str]:
    """What a newcomer must know, a line each."""
    members = server.world.state.members
    first = next(iter(server.world.held), "")
    return [
        f"practice server on {server.url}, remembered in {server.world.folder} (Ctrl-C ends it)",
        "it is neither kaggle.com nor dacon.io: docs/practice-server.md says what it cannot know",
        *(
            f"{name} of team {members[name].team}: `. {file}` in a shell of its own"
            for name, file in written.items()
        ),
        f"accept a competition's rules in a browser first: {server.url}/competitions/{first}/rules",
    ]
