"""The page on which MLflow opens: one competition's runs, with what a member compares as columns.

The form is MLflow 3's own for a view that is shared: a tag of the experiment holds it, and the address names
that tag.
"""

import json

TAG = "mlflow.sharedViewState.pilsa"
# MLflow's words for columns. A kernel that ran on fold 0 alone has no cv_mean.
_COLUMNS = ["metrics.`cv_mean`", "metrics.`fold0`", "tags.`kind`", "tags.`member`", "tags.`week`"]


def state(greater_is_better: bool) -> str:
    """The value of `TAG`: the columns, and the best run first."""
    order = {"orderByKey": _COLUMNS[0], "orderByAsc": not greater_is_better}
    return json.dumps({"selectedColumns": _COLUMNS} | order)


def address(host: str, port: int, experiment: str) -> str:
    """Where a browser finds the runs of an experiment, given by its id, in this view."""
    query = "workflowType=machine_learning&viewStateShareKey=pilsa"
    return f"http://{host}:{port}/#/experiments/{experiment}/runs?{query}"
