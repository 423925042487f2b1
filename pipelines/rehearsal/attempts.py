"""What cells tried and the site refuses, also where they caught the refusal and went on."""

import re
from collections.abc import Iterator
from importlib.util import find_spec

from pipelines.cells import conversion
from pipelines.rehearsal.events import Event
from pipelines.rehearsal.fault import Fault
from pipelines.rehearsal.scene import Place, Scene

_CLIENTS = ("kaggle", "kagglehub", "kagglesdk")
_CLIENT = re.compile(r"\bkaggle\s+(competitions|datasets|kernels|models|c|d|k)\b")
_INSTALL = re.compile(r"\b(pip3?|conda|mamba|uv|apt|apt-get|easy_install)\b.*\binstall\b")
_OFFLINE = re.compile(r"--no-index\b")
_FETCH = re.compile(r"\b(wget|curl|aria2c|gdown|huggingface-cli|git\s+(clone|lfs))\b")
_LOOK = re.compile(r"\b(ping|nslookup|dig|traceroute|nc|telnet)\b")
# Functions whose work is to fetch files, as the way from the cell to the connection names them.
_FETCHING = re.compile(
    r"urlretrieve|download|fetch|load_data|get_file|from_pretrained|torch\.hub|from_url|snapshot|pandas\.io\."
)
_FILE_ADDRESS = re.compile(
    r"https?://\S+\.(zip|gz|tgz|tar|csv|tsv|json|parquet|whl|pth?|bin|h5|keras|np[yz]|pkl|txt|onnx|safetensors)\b"
)
# A library that goes on without says so: then the rerun is another run.
_FELL_BACK = re.compile(r"changed from GPU to CPU|No visible GPU is found", re.IGNORECASE)


def faults(scene: Scene) -> Iterator[Fault]:
    """One per attempt, in their order."""
    for event in scene.events:
        at = scene.place_of(event)
        fault = None
        if event.event == "missing":
            fault = _missing(scene, event, at)
        elif event.event == "import":
            fault = _import(scene, event, at)
        elif event.event == "command" and not scene.code.internet:
            fault = _command(scene, event, at)
        elif event.event == "network" and not scene.code.internet:
            fault = _connection(scene, event, at)
        if fault is not None:
            yield fault
    if scene.code.accelerator == "none":
        yield from _fell_back(scene)


def _missing(scene: Scene, event: Event, at: Place) -> Fault | None:
    """A notebook may look for a file in several places; not for one that only the public test has."""
    below = re.search(rf"/input/{re.escape(scene.folder)}/(.+)$", event.what)
    is_public = below is not None and below[1] in scene.public_files - scene.files
    return scene.gone(event.what, at) if is_public or scene.is_given_away(event.what) else None


def _import(scene: Scene, event: Event, at: Place) -> Fault | None:
    """A module that this workspace has, and neither the site's image nor a packed wheel.

    One that is not here either was passed over, as the site will: what the code then did is seen in its output.
    """
    if scene.image is None or event.what in scene.image or not _is_installed(event.what):
        return None
    return scene.missing_wheel(event.what, "it in this workspace alone", at)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _command(scene: Scene, event: Event, at: Place) -> Fault | None:
    what = event.what
    if _CLIENT.search(what):
        return scene.competition_download(what, at)
    if (_INSTALL.search(what) and not _OFFLINE.search(what)) or _FETCH.search(what):
        return _download(scene, what, at)
    return _internet(scene, what, at) if _LOOK.search(what) else None


def _connection(scene: Scene, event: Event, at: Place) -> Fault:
    if any(each.partition(".")[0] in _CLIENTS for each in event.through):
        return scene.competition_download(f"a request to {event.what}", at)
    # The address may stand in another line of the cell.
    told = f"{event.what} {scene.text_of(at)}"
    if _FETCHING.search(" ".join(event.through)) or _FILE_ADDRESS.search(told):
        return _download(scene, event.what, at)
    return _internet(scene, event.what, at)


def _download(scene: Scene, found: str, at: Place) -> Fault:
    return scene.fault(
        "download", "the run must bring all it needs along, since nothing can be downloaded there", found,
        "for packages `requires:` in kernel.yaml and `pilsa kernel pack`; weights and data in a data set that is attached",
        at,
    )  # fmt: skip


def _internet(scene: Scene, found: str, at: Place) -> Fault:
    return scene.fault(
        "internet", "the run must open no connection: the site has no internet", f"an attempt to reach {found}",
        "take it out; nothing may depend on what it answers", at,
    )  # fmt: skip


def _fell_back(scene: Scene) -> Iterator[Fault]:
    """A library that was told to use a GPU and went on without."""
    for number, cell in enumerate(conversion.code_cells(scene.execution.notebook), 1):
        for output in cell.outputs:
            if said := _FELL_BACK.search(str(output.get("text", ""))):
                yield scene.no_gpu(f"a library that went on without ({said[0]})", Place(number))
