"""Names as MLflow takes them."""

import re
from collections.abc import Mapping

LONGEST = 250
_STRANGE = re.compile(r"[^\w\-. :/]|^[./]+|(?<=/)[./]+|/$")


def of_run(name: str) -> str:
    """A kernel's run bears the name that members call it by: member/slug."""
    return name.removeprefix("kernels/")


def plain(name: str, others: Mapping[str, str]) -> str:
    """A name that MLflow takes and that none of the others has."""
    found = _STRANGE.sub("_", name[:LONGEST]) or "_"
    return found if found not in others else f"{found[: LONGEST - 9]} {len(others)}"
