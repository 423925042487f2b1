"""What the later stages find."""

import pytest

from pipelines.stages.train import train
from pipelines.stages.tune import tune
from tests.conftest import Workshop


@pytest.fixture
def prepared(preprocessed: Workshop) -> Workshop:
    """Preprocessed and tuned: what `train` finds."""
    tune("tiny", "knn")
    return preprocessed


@pytest.fixture
def trained(prepared: Workshop) -> Workshop:
    """One model has predictions: what `ensemble` finds."""
    train("tiny", "knn")
    return prepared
