"""LB scores beside their run in MLflow, as `lb_public` and `lb_private`; their home is the ledger."""

from pipelines.tracking import ledger, mlflow_store
from pipelines.tracking.ledger import LedgerRow
from pipelines.tracking.store_file import database


def tell(row: LedgerRow) -> bool:
    """Show a submission's scores in the run that predicted it; return whether the store has that run.

    Raises:
        UserError: the store cannot be written.
    """
    scores = {"lb_public": row.lb_public, "lb_private": row.lb_private}
    known = {name: score for name, score in scores.items() if score is not None}
    # Where there is no store yet, `pilsa runs mirror` makes one and tells it.
    if not known or row.run_id is None or not database().exists():
        return False
    with mlflow_store.opened() as client:
        experiment = client.get_experiment_by_name(row.competition)
        wanted = f"tags.`pilsa.run_id` = '{row.run_id}'"
        found = client.search_runs([experiment.experiment_id], wanted) if experiment else []
        for run in found:
            for name, score in known.items():
                if run.data.metrics.get(name) != score:
                    client.log_metric(run.info.run_id, name, score)
    return bool(found)


def tell_all(competitions: list[str]) -> int:
    """Tell the store every score of the ledger; return how many submissions have their run there.

    Raises:
        UserError: the store cannot be written, or the ledger is damaged.
    """
    return sum(tell(row) for name in competitions for row in ledger.submissions(name))
