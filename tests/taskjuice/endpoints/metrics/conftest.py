"""Metrics as in development: anyone on this machine reads them."""

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _development(settings: Any) -> None:
    settings.DEVELOPMENT = True
    settings.METRICS_TOKEN = ""
