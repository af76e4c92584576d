"""A live Odoo for these tests alone (`make test-odoo` installs it), in both of its languages."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

# The contract suite and the connector's floor are shared with those who need no Odoo.
sys.path[:0] = [str(Path(__file__).parents[1] / folder) for folder in ("contract/mes", "integration")]

from odoo_counterpart import ADAPTERS, OdooCounterpart  # noqa: E402

from tools.odoo.live import Odoo, odoo  # noqa: E402

pytest.register_assert_rewrite("test_mes_contract")


@pytest.fixture(scope="session")
def live_odoo() -> Iterator[Odoo]:
    with odoo() as running:
        yield running


@pytest.fixture(params=ADAPTERS)
async def counterpart(request: pytest.FixtureRequest, live_odoo: Odoo) -> AsyncIterator[OdooCounterpart]:
    """Without requests."""
    made = OdooCounterpart(live_odoo, request.param)
    yield made
    await made.close()


@pytest.fixture
def web(counterpart: OdooCounterpart) -> OdooCounterpart:
    """Under the name by which the suite calls what is reached over HTTP."""
    return counterpart
