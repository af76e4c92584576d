"""A bucket that is not there is no missing template: the one wants the provisioning, the other a person."""

import pytest

from services.chassis.bus import Bus
from services.chassis.errors import NotFound, Unavailable
from services.contracts.subjects import GOLDENS
from services.preprocessing.adapters.goldens import StoredGoldens
from tools.plant.provision import provision


async def test_without_the_bucket_nothing_is_known_of_any_template(bus: Bus):
    goldens = StoredGoldens(bus, lambda _: pytest.fail("there is nothing to decode"), 3, 10.0)
    with pytest.raises(NotFound, match="no golden template"):
        await goldens.get("p")
    await bus.jetstream.delete_object_store(GOLDENS)
    with pytest.raises(Unavailable, match="the bucket goldens is not there; the provisioning"):
        await goldens.get("p")
    await provision(bus)
    with pytest.raises(NotFound, match="no golden template"):
        await goldens.get("p")
