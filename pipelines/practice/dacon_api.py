"""Dacon's one call as its client 0.0.4 makes it: a form with a file, and a JSON reply without a score."""

from email import message_from_bytes
from email.policy import HTTP
from typing import Any

from pipelines.plumbing.errors import PilsaError
from pipelines.practice.state import Refusal, World


def form_of(content_type: str, content: bytes) -> tuple[dict[str, str], bytes | None]:
    """The fields of multipart/form-data, and the bytes of its `file`."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    fields: dict[str, str] = {}
    file = None
    for part in message_from_bytes(head + content, policy=HTTP).iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        given = part.get_payload(decode=True)
        assert isinstance(given, bytes)
        if name == "file":
            file = given
        else:
            fields[name] = given.decode("utf-8", "replace")
    return fields, file


def submit(world: World, content_type: str, content: bytes) -> dict[str, Any]:
    """Take a submission; what is wrong with its form is told at once, by a number."""
    fields, file = form_of(content_type, content)
    slugs = {str(one.number): one.slug for one in world.held.values()}
    slug = slugs.get(fields.get("cpt_id", ""))
    if slug is None or file is None:
        return {"message": "wrong", "data": 1}
    try:
        member = world.member_of(fields.get("api_token", ""))
    except Refusal:
        return {"message": "wrong", "data": 2}
    world.join(member, slug)  # Dacon's page does this; the client has no part in it
    token = world.start(member, slug, fields.get("file_name", "file.csv"))
    world.put(token, file)
    if (code := _wrong(world, slug, token)) is not None:
        return {"message": "wrong", "data": code}
    try:
        world.create("dacon", member, token, fields.get("memo", ""))
    except Refusal:
        return {"message": "day_max_count"}
    return {"message": "ok"}


def _wrong(world: World, slug: str, token: str) -> int | None:
    """Dacon's number for what is wrong with a file; None where nothing is."""
    try:
        world.held[slug].grade(world.blob(token))
    except PilsaError as error:
        text = str(error)
        if "columns must be" in text:
            return 901
        if "ids must be" in text or "each id must" in text:
            return 903
        return 902 if "must be a CSV" in text else 904
    return None
