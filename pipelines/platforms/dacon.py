"""Competitions of dacon.io: data from an `open.zip` that a member downloads, submissions by one call with a token.

No list and no score comes back: a member writes the score down from the page. Nobody is asked for the session of a
browser.
"""

import os
import tempfile
from datetime import datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path
from typing import Any
from unicodedata import normalize

from pydantic import Field

from pipelines.platforms._remote import Allowance, Listed, Refused, Remote, UnknownOutcome
from pipelines.platforms.files import Files, FilesSource
from pipelines.plumbing import paths
from pipelines.plumbing.atomic import disk_errors, file_hash
from pipelines.plumbing.printing import one_line
from pipelines.plumbing.secrets import masked
from pipelines.values import unzip

URL, TOKEN = "DACON_API_URL", "DACON_API_TOKEN"  # names of variables of the environment
_SITE = "https://openapi.dacon.io"
_VERSION = "2.0"
_MOST_BYTES = 100 << 20
_ARCHIVE = "open.zip"
_KOREA = timezone(timedelta(hours=9))
_SHOWN = 200
# What Dacon's numbers for a refused file mean, as far as its own client says it.
_WRONG = {
    901: "its header is not the sample's",
    902: "it cannot be read as a table",
    903: "it has another number of rows than the sample",
    904: "it holds values that are not allowed",
    9021: "it holds letters that cannot be read: write it as UTF-8",
}
_LIMITS = {
    "day_max_count": "your team has sent all that it may today, by Dacon's day (Korea's)",
    "over_max_count": "your team has sent all that it may in this competition",
}


class DaconSource(FilesSource):
    """What is fetched and where it is handed in; besides, the keys of the platform `files`.

    Attributes:
        cpt_id: the number in the competition's address.
        team: the team's name on Dacon.
        timeout: seconds to wait for an answer.
    """

    cpt_id: int = Field(ge=1)
    team: str = Field(min_length=1)
    timeout: float = Field(default=120, gt=0)


class Dacon(Files):
    """Files of one's own, also as the `open.zip` that Dacon gives to those who joined."""

    Source = DaconSource

    def remote(self) -> Remote:
        return DaconRemote(self.source, self.competition.daily_limit)

    def _in_mirror(self, name: str) -> Path | None:
        return super()._in_mirror(name) or self._in_zip(name)

    def _in_zip(self, name: str) -> Path | None:
        """A file out of `open.zip` in the mirror."""
        below = sorted(self._opened.rglob("*")) if self._opened else []
        found = next((path for path in below if normalize("NFC", path.name) == name), None)
        return None if found is None else self._checked(found, name)

    @cached_property
    def _opened(self) -> Path | None:
        """The folder of what `open.zip` holds, which is taken apart once; None where there is none."""
        archive = self._mirror_path(_ARCHIVE)
        if archive is None or not archive.is_file():
            return None
        kept = paths.downloads() / self.competition.name / f"open-{file_hash(archive)[:16]}"
        if not kept.is_dir():
            with disk_errors(kept):
                kept.parent.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryDirectory(prefix=".open-", dir=kept.parent) as folder:
                    unzip.extract(archive, Path(folder) / "open")
                    (Path(folder) / "open").replace(kept)
        return kept


class DaconRemote(Remote):
    """The one call that Dacon offers: it takes a file, and says at most what is wrong with its form."""

    lists = False

    def __init__(self, source: DaconSource, daily_limit: int) -> None:
        self.source, self.daily_limit = source, daily_limit

    def upload(self, path: Path, name: str, message: str) -> str | None:
        if (size := path.stat().st_size) > _MOST_BYTES:
            raise Refused(f"Dacon takes at most {_MOST_BYTES:,} bytes, and {path} has {size:,}")
        token = os.environ.get(TOKEN)
        if not token:
            raise Refused(
                f"Dacon must know who asks: set {TOKEN} to the token of your account page on dacon.io (Open API), "
                "outside of the repository"
            )
        fields = {
            "cpt_id": str(self.source.cpt_id), "team_name": self.source.team, "file_name": name, "memo": message,
            "api_token": token, "api_version": _VERSION,
        }  # fmt: skip
        self._understand(self._post(fields, name, path.read_bytes()))
        return None

    def _post(self, fields: dict[str, str], name: str, content: bytes) -> Any:
        """The JSON of the answer; None where it is none.

        Raises:
            Refused: no connection came about, so that nothing was sent.
            UnknownOutcome: it was lost on the way.
        """
        import requests

        url = os.environ.get(URL, _SITE).rstrip("/") + "/submission"
        try:
            # A redirect is not followed: the token would go with it.
            answer = requests.post(
                url, fields, files={"file": (name, content)}, timeout=self.source.timeout, allow_redirects=False
            )  # fmt: skip
            return answer.json()
        except requests.exceptions.JSONDecodeError:
            return None
        except requests.RequestException as error:
            if isinstance(error, requests.ConnectTimeout) or "NewConnectionError" in repr(error):
                raise Refused(
                    f"{url} must be reachable and is not: check the network and try again; nothing was sent"
                ) from None
            raise self._unknown(type(error).__name__) from None

    def _understand(self, answer: Any) -> None:
        """Return where the file was taken.

        Raises:
            Refused: Dacon says no, in words that are known.
            UnknownOutcome: it says anything else.
        """
        told = answer if isinstance(answer, dict) else {}
        message, number = told.get("message"), told.get("data")
        if message == "ok":
            return
        if message in _LIMITS:
            raise Refused(f"Dacon took nothing: {_LIMITS[message]}")
        if message == "wrong" and number in _WRONG:
            raise Refused(
                f"Dacon took nothing: {_WRONG[number]} (its number {number}): correct the file"
            )
        if message == "wrong":
            raise Refused(
                f"Dacon took nothing, and its number {one_line(str(number))[:_SHOWN]} is not explained: check cpt_id, "
                f"team and {TOKEN}, and that you joined"
            )
        raise self._unknown(one_line(masked(str(answer)))[:_SHOWN])

    def _unknown(self, found: str) -> UnknownOutcome:
        return UnknownOutcome(
            f"Dacon must say `ok`, found {found}: the file may be there all the same, see the submissions on "
            f"https://dacon.io/competitions/official/{self.source.cpt_id}/mysubmission before you send it again"
        )

    def submissions(self) -> list[Listed]:
        return []

    def allowance(self) -> Allowance:
        """What the competition file says of a day; how many are left only the page knows."""
        tomorrow = datetime.now(_KOREA) + timedelta(days=1)
        return Allowance(
            self.daily_limit, None, tomorrow.replace(hour=0, minute=0, second=0, microsecond=0)
        )
