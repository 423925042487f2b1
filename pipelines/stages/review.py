"""review: the weekly page of the active competition."""

import sys
from datetime import date

from pipelines.plumbing import atomic, paths
from pipelines.plumbing.printing import say
from pipelines.review import page
from pipelines.stages import run
from pipelines.values import params


def review(competition: str) -> None:
    """Write `reports/<competition>.html`."""
    content = page.gather(competition, date.today())
    target = paths.report(competition)
    atomic.write_text(target, page.render(content, params.load().language))
    say(f"{target.relative_to(paths.root())}: {len(content.board.entries)} scores")


if __name__ == "__main__":
    sys.exit(run(review))
