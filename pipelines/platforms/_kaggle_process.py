"""One call of the Kaggle client in a process of its own: a question in JSON comes in, an answer in JSON goes out.

Importing the client signs in, prints, and may end the program; so nothing else of pilsa runs here, and nothing of it
is imported. What the client prints goes to standard error.
"""

import contextlib
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

_PER_PAGE = 100
_MOST_PAGES = 10


def main() -> None:
    question = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        answer = _answer(question)
    print(json.dumps(answer))


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    """`found`; or `status` (HTTP, None where nothing came), `operation`, `words` and `retry_after` of an error."""
    import requests

    try:
        return {"found": _ask(_client(), **question)}
    except SystemExit:
        return {"status": 401, "operation": "IntrospectToken", "words": "Unauthenticated"}
    except requests.RequestException as error:
        url = getattr(error.request, "url", None) or getattr(error.response, "url", None) or ""
        status, retry_after = None, None
        if error.response is not None:
            status, retry_after = (
                error.response.status_code,
                error.response.headers.get("Retry-After"),
            )
        operation = url.split("?")[0].rpartition("/")[2]
        return {
            "status": status, "operation": operation, "words": str(error), "retry_after": retry_after,
        }  # fmt: skip
    except json.JSONDecodeError:
        words = "what answered spoke no JSON: a login page, or a proxy in between?"
        return {"status": None, "operation": "", "words": words}
    except (ValueError, OSError) as error:
        return {"status": 0, "operation": "", "words": str(error)}


def _client() -> Any:
    import kaggle

    if not kaggle.api._authenticated:  # the import has swallowed why
        kaggle.api.authenticate()
    return kaggle.api


def _ask(client: Any, operation: str, **given: Any) -> Any:
    return _OPERATIONS[operation](client, **given)


def _competitions(client: Any, search: str) -> list[Any]:
    return _plain(client.competitions_list(search=search).competitions)


def _pages(client: Any, slug: str) -> list[Any]:
    return _plain(client.competition_list_pages(slug))


def _files(client: Any, slug: str) -> list[Any]:
    """Of thousands only the first: each page is one more request."""
    found: list[Any] = []
    token = None
    for _ in range(_MOST_PAGES):
        page = client.competition_list_files(slug, page_token=token, page_size=_PER_PAGE)
        found += _plain(page.files)
        token = page.next_page_token
        if not token:
            break
    return found


def _download(client: Any, slug: str, folder: str) -> None:
    client.competition_download_files(slug, folder, quiet=True)


def _submit(client: Any, slug: str, file: str, message: str) -> dict[str, Any]:
    done = client.competition_submit(file, message, slug, quiet=True)
    # A failed upload is told by this sentence alone; then no submission was made.
    if done.message == client.COMPETITION_SUBMIT_UPLOAD_FAILED_MESSAGE:
        return {"uploaded": False}
    return {"uploaded": True, "ref": done.ref, "message": done.message}


def _submit_notebook(
    client: Any, slug: str, notebook: str, version: int, file: str, message: str
) -> dict[str, Any]:
    done = client.competition_submit_code(file, message, slug, notebook, version, quiet=True)
    return {"ref": done.ref, "message": done.message}


def _submissions(client: Any, slug: str) -> list[Any]:
    found: dict[int, Any] = {}
    for number in range(1, _MOST_PAGES + 1):
        page = client.competition_submissions(slug, page_number=number, page_size=_PER_PAGE)
        new = {one.ref: one.to_dict() for one in page or [] if one.ref not in found}
        found |= new
        if len(page or []) < _PER_PAGE or not new:
            break
    return list(found.values())


def _limits(client: Any, slug: str) -> Any:
    return client.competition_get_submission_limits(slug).to_dict()


def _leaderboard(client: Any, slug: str, folder: str) -> None:
    client.competition_leaderboard_download(slug, folder, quiet=True)


def _quota(client: Any) -> dict[str, Any]:
    """Hours of this week, by accelerator; `resets` as Kaggle writes it, in UTC."""
    answer = client.quota_view()
    found = {}
    for name, quota in (("GPU", answer.gpu_quota), ("TPU", answer.tpu_quota)):
        if quota is not None and quota.total_time_allowed is not None:
            spans = (quota.total_time_allowed, quota.time_used, quota.time_reserved)
            total, *taken = (span.total_seconds() / 3600 if span else 0.0 for span in spans)
            found[name] = {"left": max(0.0, total - sum(taken)), "total": total}
    resets = answer.quota_refresh_time
    return {"hours": found, "resets": resets.isoformat() if resets else ""}


def _kernel_push(client: Any, slug: str, folder: str, seconds: int, accelerator: str) -> Any:
    return client.kernels_push(folder, str(seconds), accelerator or None).to_dict()


def _kernel_source(client: Any, slug: str) -> dict[str, Any]:
    """The newest version's text, and whether it is private."""
    with tempfile.TemporaryDirectory() as folder:
        client.kernels_pull(slug, folder, metadata=True)
        told = json.loads((Path(folder) / "kernel-metadata.json").read_text(encoding="utf-8"))
        text = (Path(folder) / told["code_file"]).read_text(encoding="utf-8")
    return {"text": text, "is_private": told["is_private"]}


def _kernel_state(client: Any, slug: str) -> Any:
    return client.kernels_status(slug).to_dict()


def _kernel_output(client: Any, slug: str, folder: str) -> None:
    client.kernels_output(slug, folder)


def _plain(items: Any) -> list[Any]:
    return [item.to_dict() for item in items or []]


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "competitions": _competitions,
    "pages": _pages,
    "files": _files,
    "download": _download,
    "submit": _submit,
    "submit_notebook": _submit_notebook,
    "submissions": _submissions,
    "limits": _limits,
    "leaderboard": _leaderboard,
    "quota": _quota,
    "kernel_push": _kernel_push,
    "kernel_source": _kernel_source,
    "kernel_state": _kernel_state,
    "kernel_output": _kernel_output,
}

if __name__ == "__main__":
    main()
