"""The cluster that the tests of status begin with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.status.cluster import ENVIRONMENT, Cluster, make_cluster


@pytest.fixture
def cluster(repository: Callable[..., Any]) -> Cluster:
    """The fleet of ENVIRONMENT, committed, and a cluster in which all of it is as it should be."""
    return make_cluster(repository(ENVIRONMENT))
