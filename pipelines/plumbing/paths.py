"""Where everything lies. Each path is built here, from the folder that holds params.yaml.

`dvc exp run --temp` and `--queue` run in a copy under `.dvc/tmp/exps`. Data and reports belong to that
copy, whereas the run store, the work in progress and the history belong to the repository above it.
"""

import getpass
import os
from contextlib import suppress
from pathlib import Path

from pipelines.plumbing.errors import UserError


def root() -> Path:
    """The nearest folder, from here upward, that holds params.yaml.

    Raises:
        UserError: there is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "params.yaml").is_file():
            return folder
    raise UserError(
        f"pilsa must run inside its repository, and {here} has no params.yaml here or above: "
        "change into the folder that you cloned"
    )


def home() -> Path:
    """The repository that owns `mlruns/` and `.cache/`: `root()`, or the one above an experiment copy."""
    here = root()
    for folder in here.parents:
        if folder.parts[-3:] == (".dvc", "tmp", "exps"):
            return folder.parents[2]
    return here


def give_home() -> None:
    """Set HOME and LOGNAME where the system knows neither a home folder nor a name of this user.

    In a container a user may have no passwd entry: Python, DVC, uv and Jupyter stop where they ask for it.
    """
    try:
        Path.home()
    except RuntimeError:
        with suppress(UserError):  # outside a repository there is nothing that needs one
            os.environ["HOME"] = str(cache() / "home")
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["LOGNAME"] = f"user-{os.getuid()}"


def params() -> Path:
    return root() / "params.yaml"


def local() -> Path:
    """What is one clone's own: its member, device and active competition; git ignores it."""
    return root() / "local.yaml"


def competition_file(competition: str) -> Path:
    return root() / "competitions" / f"{competition}.yaml"


def data(competition: str) -> Path:
    """All that the stages make for one competition: raw, dataset, folds.csv, predictions, scores …"""
    return root() / "data" / competition


def raw(competition: str) -> Path:
    """The files as downloaded, never changed."""
    return data(competition) / "raw"


def dataset(competition: str) -> Path:
    return data(competition) / "dataset"


def sample(competition: str) -> Path:
    """The sample submission: it fixes the ids, their order and the columns."""
    return data(competition) / "sample_submission.csv"


def folds(competition: str) -> Path:
    return data(competition) / "folds.csv"


def profile(competition: str) -> Path:
    return data(competition) / "profile"


def tuned(competition: str, model: str) -> Path:
    return data(competition) / "tuned" / f"{model}.json"


def predictions(competition: str, name: str = "") -> Path:
    """The predictions of one model or kernel, or the folder of all."""
    folder = data(competition) / "predictions"
    return folder / f"{name}.npz" if name else folder


def score(competition: str, name: str = "") -> Path:
    """The record of one model or kernel, or the folder of all."""
    folder = data(competition) / "scores"
    return folder / f"{name}.json" if name else folder


def curve(competition: str, model: str) -> Path:
    return data(competition) / "curves" / f"{model}.csv"


def ensembles(competition: str) -> Path:
    """Every ensemble method's predictions and record, and `chosen.npz`."""
    return data(competition) / "ensembles"


def ensemble_score(competition: str) -> Path:
    return data(competition) / "ensemble.json"


def record(competition: str, name: str) -> Path:
    """The record behind a whole name: `models/knn`, `kernels/m01/first-cnn` or `ensembles/mean`."""
    family, _, rest = name.partition("/")
    if family == "ensembles":
        return ensembles(competition) / f"{rest}.json"
    return score(competition, rest)


def submission(competition: str) -> Path:
    return root() / "submissions" / f"{competition}.csv"


def ledger(competition: str = "") -> Path:
    """The folder of one competition's rows, or of all."""
    return root() / "submissions" / "ledger" / competition


def queue(competition: str) -> Path:
    """Candidates for the next submissions, a file each."""
    return root() / "submissions" / "queue" / competition


def old_ledger() -> Path:
    """What was the ledger before every row had a file; it is only read."""
    return root() / "submissions" / "ledger.csv"


def sent(competition: str) -> Path:
    """Copies of what was sent from here, by the name of the upload."""
    return cache() / "sent" / competition


def curriculum() -> Path:
    return root() / "curriculum.yaml"


def report(competition: str) -> Path:
    return root() / "reports" / f"{competition}.html"


def kernels() -> Path:
    """The members' notebooks, one folder a member."""
    return root() / "kernels"


def kernel(name: str) -> Path:
    """The folder of member/slug: kernel.py, kernel.yaml, notes.md, result.json."""
    return kernels() / name


def mlruns() -> Path:
    return home() / "mlruns"


def cache() -> Path:
    """What outlives a stage's outputs: downloads, work in progress, history of runs, failures."""
    return home() / ".cache" / "pilsa"


def work(key: str) -> Path:
    """The resumable work of one job: finished folds, epochs and trials, under the job's key."""
    return cache() / "work" / key


def history() -> Path:
    """One folder per finished run, from which the run store can be rebuilt."""
    return cache() / "runs"


def originals() -> Path:
    """The texts that were transcribed, by their sha256; never committed from here."""
    return cache() / "originals"


def environments() -> Path:
    """The environments of kernels that ask for their own."""
    return cache() / "environments"


def wheels() -> Path:
    """Packed wheels, each once for all kernels."""
    return cache() / "wheels"


def pushed() -> Path:
    """What was pushed to be trained elsewhere, a file per notebook."""
    return cache() / "remote"


def bundle(name: str) -> Path:
    """What a kernel leaves to look at and to hand in: executed notebook, HTML, submission, submit.zip."""
    return cache() / "kernels" / name


def failures() -> Path:
    """Reasons of failed stages; an experiment copy keeps its own."""
    return root() / ".cache" / "pilsa" / "failures"


def shared_data(name: str) -> Path | None:
    """A folder of one's own data, `$PILSA_DATA_DIR/<name>`; None where the variable is not set."""
    folder = os.environ.get("PILSA_DATA_DIR")
    return Path(folder) / name if folder else None


def added(competition: str) -> Path:
    """The files of a competition that `pilsa competition add` was given; nothing else has them."""
    return cache() / "added" / competition


def leaderboards(competition: str) -> Path:
    """Standings of a platform, one file per look: who takes part is named there, so they are not committed."""
    return cache() / "leaderboards" / competition


def downloads() -> Path:
    return cache() / "downloads"
