import shutil
from pathlib import Path

from mlflow import MlflowClient

from pipelines.plumbing import paths
from pipelines.tracking import lb_metrics, ledger
from pipelines.tracking.store_file import database, uri
from tests.conftest import Workshop
from tests.tracking.test_ledger import ROW, row


def test_scores_stand_beside_the_run_that_predicted_it(
    workshop: Workshop, empty_store: Path
) -> None:
    assert not lb_metrics.tell(ROW)  # no store yet: none is made for this
    assert not database().exists()
    paths.mlruns().mkdir()
    shutil.copyfile(empty_store, database())
    client = MlflowClient(uri(database()))
    experiment = client.create_experiment("tiny")
    run = client.create_run(experiment, tags={"pilsa.run_id": "abc-1"})
    ledger.append(row(lb_private=None))
    ledger.append(row(sha256="b" * 64, run_id="another-1"))
    assert lb_metrics.tell_all(["tiny", "other"]) == 1
    assert client.get_run(run.info.run_id).data.metrics == {"lb_public": 0.98}
    assert lb_metrics.tell(ROW)
    assert lb_metrics.tell(ROW)
    found = client.get_run(run.info.run_id).data.metrics
    assert found == {"lb_public": 0.98, "lb_private": 0.975}
    assert len(client.get_metric_history(run.info.run_id, "lb_private")) == 1
