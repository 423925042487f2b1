"""What a browser shows of the practice server: the competitions, a button that accepts rules, and the standing."""

from html import escape

from pipelines.practice import kaggle_api
from pipelines.practice.state import World

LOGIN = "<!doctype html><html><title>Login</title><body>Please sign in.</body></html>"


def page(world: World, parts: list[str]) -> str:
    """The page of a path such as competitions/practice-wine/rules; any other path is the list of all."""
    slug = parts[1] if len(parts) > 1 and parts[0] == "competitions" else ""
    return _html(_one(world, slug) if slug in world.held else _all(world))


def _html(body: str) -> str:
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>practice</title><body>{body}</body></html>'


def _all(world: World) -> str:
    rows = "".join(
        f'<li><a href="/competitions/{slug}">{slug}</a>: {escape(held.competition.title)}; Dacon\'s cpt_id '
        f"{held.number}</li>"
        for slug, held in world.held.items()
    )
    return f"<h1>Practice server</h1><p>Neither kaggle.com nor dacon.io.</p><ul>{rows}</ul>"


def _one(world: World, slug: str) -> str:
    held = world.held[slug]
    buttons = "".join(
        f"<li>{escape(name)} of team {escape(member.team)}: "
        + (
            "joined"
            if slug in member.joined
            else f'<button name="member" value="{escape(name)}">accept the rules</button>'
        )
        + "</li>"
        for name, member in world.state.members.items()
    )
    standing = "".join(
        f"<li>{escape(row['teamName'])}: {row['score']}</li>"
        for row in kaggle_api.standing(world, held)
    )
    scored = "".join(
        f"<li>{escape(one.team)}, {escape(one.member)}, {escape(one.file)}: {one.status if one.public is None else one.public}</li>"
        for one in world.sent("dacon", None, slug)
    )
    return (
        f"<h1>{escape(held.competition.title)}</h1><p>{escape(held.metric)}; {held.competition.daily_limit} "
        f'submissions a day.</p><h2>Rules</h2><form method="post"><ul>{buttons}</ul></form>'
        f"<h2>Leaderboard</h2><ol>{standing}</ol><h2>Sent as to Dacon</h2><ul>{scored}</ul>"
    )
