"""`pilsa` as a process of its own whose platform is pretended: FOLDER FAULT LAG_MINUTES, then pilsa's arguments."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from pipelines import platforms
from pipelines.cli import main
from pipelines.submitting import reconciling, sending
from pipelines.submitting.clock import Clock
from tests.submitting.pretend_platform import Pretend, really_kill

if __name__ == "__main__":
    folder, fault, lag, *arguments = sys.argv[1:]
    server = Pretend(Path(folder), Clock(), [fault or None], grading=timedelta(0), die=really_kill)
    here: Any = type("Here", (), {"remote": lambda self: server, "solution": lambda self: None})
    platforms.of = lambda competition: here()
    reconciling.LAG = timedelta(minutes=float(lag))
    sending._UNTIL_LISTED = 0
    sys.argv = ["pilsa", *arguments]
    main()
