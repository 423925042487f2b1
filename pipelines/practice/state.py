"""What the practice sites remember: members, teams, joined competitions, submissions. On disk before it is answered."""

import re
import secrets
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from pipelines.plumbing.atomic import write_bytes, write_text
from pipelines.plumbing.errors import PilsaError, UserError
from pipelines.practice.held import Held, held

Site = Literal["kaggle", "dacon"]
# Kaggle's day is UTC's; Dacon's is taken for Korea's.
_ZONES = {"kaggle": UTC, "dacon": timezone(timedelta(hours=9))}


class Refusal(Exception):
    """The site says no, with an HTTP status and its words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Member(BaseModel):
    """Who may sign in.

    Attributes:
        token: Kaggle's and Dacon's alike.
        team: those of one team share a day's submissions.
        joined: slugs of competitions whose rules were accepted.
    """

    token: str
    team: str
    joined: list[str] = []


class Upload(BaseModel):
    """A file on its way: begun, and perhaps never handed in."""

    slug: str
    member: str
    file: str


class Sent(BaseModel):
    """A submission as the site keeps it; `public` and `private` are None until it is scored."""

    ref: int
    site: Site
    slug: str
    team: str
    member: str
    file: str
    message: str
    time: datetime
    blob: str
    status: Literal["PENDING", "COMPLETE", "ERROR"] = "PENDING"
    public: float | None = None
    private: float | None = None
    error: str = ""


class State(BaseModel):
    """The one file `state.json`; `ahead` is in seconds, how far the site's clock is before this machine's."""

    members: dict[str, Member]
    uploads: dict[str, Upload] = {}
    sent: list[Sent] = []
    ahead: float = 0


class World:
    """The practice sites: what they hold and remember. All methods may be called from several threads.

    Attributes:
        grading_seconds: how long a submission stays PENDING.
        fails_grading: words for the next submissions that shall end as ERROR.
    """

    def __init__(self, folder: Path, teams: dict[str, list[str]], grading_seconds: float) -> None:
        """Take up what an earlier server left in `folder`; members who are new get a token.

        Args:
            teams: team → members.
        """
        self.folder, self.grading_seconds = folder, grading_seconds
        self.held = held(folder / "competitions")
        self.fails_grading: list[str] = []
        self.lock = threading.RLock()
        self._file = folder / "state.json"
        self.state = State(members={})
        if self._file.is_file():
            try:
                self.state = State.model_validate_json(self._file.read_bytes())
            except ValueError as error:
                raise UserError(
                    f"{self._file} must be what the practice server wrote, and is not ({error}): remove {folder}"
                ) from None
        for team, members in teams.items():
            for member in members:
                token = f"KGAT_{secrets.token_hex(16)}"
                self.state.members.setdefault(member, Member(token=token, team=team))
        self.save()

    def save(self) -> None:
        write_text(self._file, self.state.model_dump_json(indent=1))
        self._file.chmod(0o600)  # tokens

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.state.ahead)

    def member_of(self, token: str) -> str:
        """Who signs in with this token.

        Raises:
            Refusal: nobody.
        """
        for name, member in self.state.members.items():
            if secrets.compare_digest(member.token, token):
                return name
        raise Refusal(401, "Unauthenticated")

    def find(self, slug: str) -> Held:
        if slug not in self.held:
            raise Refusal(404, "Not found")
        return self.held[slug]

    def joined(self, member: str, slug: str) -> Held:
        """The competition, if this member has accepted its rules."""
        found = self.find(slug)
        if slug not in self.state.members[member].joined:
            words = (
                "You must accept this competition's rules before you'll be able to download files."
            )
            raise Refusal(403, words)
        return found

    def join(self, member: str, slug: str) -> None:
        with self.lock:
            self.find(slug)
            if slug not in self.state.members[member].joined:
                self.state.members[member].joined.append(slug)
                self.save()

    def start(self, member: str, slug: str, file: str) -> str:
        """Begin an upload; gives its token."""
        self.joined(member, slug)
        with self.lock:
            token = secrets.token_hex(12)
            self.state.uploads[token] = Upload(slug=slug, member=member, file=Path(file).name)
            self.save()
        return token

    def put(self, token: str, content: bytes) -> None:
        if token not in self.state.uploads:
            raise Refusal(404, "no such upload")
        write_bytes(self.blob(token), content)

    def blob(self, token: str) -> Path:
        return self.folder / "blobs" / f"{token}.csv"

    def create(self, site: Site, member: str, token: str, message: str) -> Sent:
        """Make a submission of an upload: this is what a day has only so many of.

        Raises:
            Refusal: the upload is unknown or not whole, or the team has none left today.
        """
        with self.lock:
            upload = self.state.uploads.get(token)
            if upload is None or not self.blob(token).is_file() or upload.member != member:
                raise Refusal(400, "The uploaded file was not found")
            made = self.spend(site, upload, token, message)
            del self.state.uploads[token]
            self.save()
        return made

    def spend(self, site: Site, upload: Upload, token: str, message: str) -> Sent:
        """Count a submission against the team's day; where its file comes later, it stays PENDING until then.

        Raises:
            Refusal: the team has none left today.
        """
        with self.lock:
            team = self.state.members[upload.member].team
            limit = self.find(upload.slug).competition.daily_limit
            if self.left_today(site, team, upload.slug) <= 0:
                words = f"Your team has used its daily Submission allowance ({limit}) today"
                raise Refusal(400, f"Submission not allowed: {words}")
            made = Sent(
                ref=40_000_001 + len(self.state.sent), site=site, slug=upload.slug, team=team, member=upload.member,
                file=upload.file, message=message, time=self.now(), blob=token,
            )  # fmt: skip
            self.state.sent.append(made)
            self.save()
        return made

    def fail(self, token: str, words: str) -> None:
        """A submission whose file will never come."""
        with self.lock:
            for one in self.state.sent:
                if one.blob == token:
                    one.status, one.error = "ERROR", words
            self.save()

    def left_today(self, site: Site, team: str, slug: str) -> int:
        zone = _ZONES[site]
        today = self.now().astimezone(zone).date()
        spent = [
            one
            for one in self.sent(site, team, slug)
            if one.status != "ERROR" and one.time.astimezone(zone).date() == today
        ]
        return self.find(slug).competition.daily_limit - len(spent)

    def sent(self, site: Site, team: str | None, slug: str) -> list[Sent]:
        """A team's submissions, or everybody's, the newest first; what is due is graded before."""
        with self.lock:
            self._settle()
            found = [one for one in self.state.sent if (one.site, one.slug) == (site, slug)]
        return [one for one in reversed(found) if team in (None, one.team)]

    def _settle(self) -> None:
        due = self.now() - timedelta(seconds=self.grading_seconds)
        pending = [
            one
            for one in self.state.sent
            if one.status == "PENDING" and one.time <= due and self.blob(one.blob).is_file()
        ]
        for one in pending:
            try:
                if self.fails_grading:
                    raise UserError(self.fails_grading.pop(0))
                grade = self.held[one.slug].grade(self.blob(one.blob))
                one.status, one.public, one.private = "COMPLETE", grade.public, grade.private
            except PilsaError as error:
                # A path of this machine, perhaps cut short, is none of the member's business.
                words = re.sub(rf"^{re.escape(str(self.folder))}[^\s:]*", one.file, str(error))
                one.status, one.error = "ERROR", words
        if pending:
            self.save()
