from pipelines.tracking import failures
from tests.conftest import Workshop


def test_a_failure_is_remembered_until_it_is_forgotten(workshop: Workshop) -> None:
    failures.remember("no memory left", "train", "tiny", "knn")
    kept = failures.find("train", "tiny", "knn")
    assert kept == failures.Failure("train@tiny-knn", "no memory left")
    failures.forget("train", "tiny", "knn")
    assert failures.find("train", "tiny", "knn") is None


def test_what_is_remembered_holds_no_secret_and_is_short(workshop: Workshop) -> None:
    failures.remember("401: Authorization: Bearer abc.def-9, " + "x" * 900, "download", "tiny")
    kept = failures.find("download", "tiny")
    assert kept is not None
    assert kept.reason.startswith("401: ***, xxx")
    assert len(kept.reason) == 500
