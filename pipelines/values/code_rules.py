"""The rules of a code competition: what is handed in is a notebook, which runs there again with rows nobody has seen."""

from typing import Literal

from pydantic import Field

from pipelines.plumbing.schema import Strict


class Code(Strict):
    """What the site allows a notebook that runs again with the hidden test.

    Attributes:
        hours: wall clock of the whole rerun.
        memory_gb: GiB of memory.
        accelerator: none, gpu or tpu.
        internet: whether the rerun may open connections; hardly any site lets it.
        output: the name of the file that is graded, in the working folder.
        python: the site's Python, such as "3.11"; this workspace's by default.
    """

    hours: float = Field(default=9, gt=0, le=48)
    memory_gb: float = Field(default=30, ge=0.1, le=1024)
    accelerator: Literal["none", "gpu", "tpu"] = "none"
    internet: bool = False
    output: str = Field(default="submission.csv", pattern=r"^[^./\\][^/\\]{0,99}$")
    python: str | None = Field(default=None, pattern=r"^3\.\d{1,2}$")
