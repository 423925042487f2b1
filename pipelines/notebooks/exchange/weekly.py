"""Share one kernel, or all of a week: what one of them lacks does not keep the others back."""

from dataclasses import dataclass
from typing import Any

from pipelines.notebooks import catalogue, terminal
from pipelines.notebooks.exchange import sharing
from pipelines.notebooks.exchange.sharing import Push
from pipelines.plumbing.errors import UserError
from pipelines.plumbing.pages import Language
from pipelines.values import kernel

__all__ = ["Push", "SharedKernels", "share"]


@dataclass(frozen=True)
class SharedKernels:
    """What was shared.

    Attributes:
        places: kernel → where it is shown, and what is to be said of it, a sentence each.
        failed: kernel → why it was not shared.
        is_week: whether a whole week was asked for.
    """

    places: dict[str, tuple[str, tuple[str, ...]]]
    failed: dict[str, str]
    is_week: bool = False

    def as_json(self) -> Any:
        shared = {
            name: {"place": place, "remarks": list(said)}
            for name, (place, said) in self.places.items()
        }
        return (
            {"shared": shared, "failed": self.failed}
            if self.is_week
            else next(iter(shared.values()))
        )

    def lines(self) -> list[str]:
        found = []
        for name, (place, said) in self.places.items():
            head = f"{name}: " if self.is_week else ""
            found += [*(f"{head}{remark}" for remark in said), f"{head}{place}"]
        return [*found, *(f"{name} was not shared: {why}" for name, why in self.failed.items())]


def share(
    name: str | None, week: int | None, push: Push | None, language: Language
) -> SharedKernels:
    """Share a kernel, or every kernel of a week.

    Args:
        name: member/kernel, or None.
        week: of kernel.yaml, or None.
        push: how they shall stand on Kaggle; None makes pages.
        language: of the pages.

    Raises:
        UserError: not one of name and week is given, one title is for a whole week, the week has no kernel, or the one
            kernel may not be shared.
    """
    if (name is None) == (week is None) or (week and push and push.title):
        raise UserError(
            "one kernel, as member/kernel, or all of a --week must be shared, and a --title is for one: give one of both"
        )
    if name is not None:
        return SharedKernels({name: _one(name, push, language)}, {})
    places, failed = {}, {}
    for each in kernel.names():
        try:
            if kernel.load(each).file.week == week:
                places[each] = _one(each, push, language)
        except UserError as error:
            failed[each] = str(error)
    if not places and not failed:
        raise UserError(
            f"week {week} must have kernels with `week: {week}`, and none has: see `pilsa kernel list`"
        )
    return SharedKernels(places, failed, is_week=True)


def _one(name: str, push: Push | None, language: Language) -> tuple[str, tuple[str, ...]]:
    chosen = kernel.load(name)
    if push is not None:
        pushed = sharing.push_to_kaggle(chosen, push)
        return pushed.url, pushed.remarks
    page = sharing.share_html(
        chosen, terminal.executed_of(name), catalogue.result_of(chosen), language
    )
    return str(page.path), page.remarks
