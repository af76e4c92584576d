"""Which systems the contract suite is run against."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from b2mml_partners import FilePartner, HttpPartner
from counterparts import Counterpart
from erpnext_standin import ErpNextStandIn
from sandbox_counterpart import Sandbox, SandboxCounterpart
from sap_standin import SapStandIn
from tryton_counterpart import TrytonCounterpart

COUNTERPARTS: dict[str, Callable[[pytest.FixtureRequest], Counterpart]] = {
    "webhook": lambda request: SandboxCounterpart(request.getfixturevalue("mes_sandbox")),
    "b2mml-http": lambda _: HttpPartner(),
    "b2mml-file": lambda request: FilePartner(request.getfixturevalue("tmp_path")),
    "erpnext": lambda _: ErpNextStandIn(),
    "sap": lambda _: SapStandIn(),
    "tryton": lambda request: TrytonCounterpart(request.getfixturevalue("live_tryton")),
}
OVER_HTTP = [name for name in COUNTERPARTS if name != "b2mml-file"]


@pytest.fixture(scope="session")
def mes_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"))
    yield sandbox
    sandbox.close()


@pytest.fixture(params=COUNTERPARTS)
async def counterpart(request: pytest.FixtureRequest) -> AsyncIterator[Counterpart]:
    """Any of them, fresh."""
    made = COUNTERPARTS[request.param](request)
    yield made
    await made.close()


@pytest.fixture(params=OVER_HTTP)
async def web(request: pytest.FixtureRequest) -> AsyncIterator[Counterpart]:
    """Any of those that are reached over HTTP, fresh."""
    made = COUNTERPARTS[request.param](request)
    yield made
    await made.close()
