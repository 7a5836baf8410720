from __future__ import annotations

import pytest

from engine.ports import Store
from tests.engine.stores.conftest import redis_opener, sqlite_opener  # noqa: F401
from tests.engine.stores.redis_server import redis_server, redis_url  # noqa: F401


@pytest.fixture(params=["sqlite", "redis"])
def desk_store(request: pytest.FixtureRequest) -> Store:
    """An empty one of each kind."""
    store: Store = request.getfixturevalue(f"{request.param}_opener")()
    return store
