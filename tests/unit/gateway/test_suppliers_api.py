"""Suppliers at a glance: parts once, doubt in no rate, and the surest offender first."""

import httpx
import pytest
from front_door import browser, by, gateway
from scipy.stats import binomtest

from services.gateway.adapters import suppliers_api
from services.gateway.domain import Bounded, View


def seen(number: int, outcome: str, supplier: str = "acme", lot: str = "L1", station: str = "aoi1") -> dict:
    return {
        "inspectionId": f"{station}-{supplier}-{lot}-{number}-{outcome}",
        "station": {"site": "lyon", "line": "smt1", "station": station},
        "part": {"lotId": lot, "partSequence": str(number)},
        "outcome": f"OUTCOME_{outcome}",
        "context": {"supplier": supplier} if supplier else {},
    }


async def ask(verdicts: list[dict], role: str) -> httpx.Response:
    view = View(Bounded(1_000), Bounded(1), Bounded(1))
    for verdict in verdicts:
        view.on_verdict("lyon/smt1", verdict)
    app, door = gateway()
    suppliers_api.install(app, view, door, 1_000)
    async with browser(app) as client:
        return await client.get("/v1/suppliers", headers=by(role))


async def test_the_surest_offender_comes_first_and_a_single_bad_part_is_not_the_surest():
    good = [seen(at, "FAIL" if at < 2 else "PASS", "acme") for at in range(100)]
    bad = [seen(at, "FAIL" if at < 30 else "PASS", "bolt") for at in range(100)]
    tiny = [seen(1, "FAIL", "tiny"), seen(2, "PASS", "tiny")]

    listed = (await ask([*good, *tiny, *bad], "viewer")).json()

    assert [each["supplier"] for each in listed] == ["bolt", "tiny", "acme"]
    low, high = binomtest(30, 100).proportion_ci(0.95, method="wilson")
    assert (listed[0]["lower95"], listed[0]["upper95"]) == pytest.approx((low, high))


async def test_a_part_counts_once_and_one_bad_station_makes_it_bad():
    verdicts = [
        seen(1, "PASS"), seen(1, "FAIL", station="aoi2"),  # bad at the second station
        seen(2, "FAIL"), seen(2, "PASS"),  # looked at again, and good
        seen(3, "INCONCLUSIVE"), seen(4, "PASS"), seen(4, "INCONCLUSIVE", station="aoi2"),  # nobody knows
        seen(5, "PASS", supplier=""),  # nobody's
    ]  # fmt: skip

    (only,) = (await ask(verdicts, "viewer")).json()

    assert (only["inspected"], only["defective"], only["open"]) == (2, 1, 2)


async def test_nobody_without_the_right_to_results_sees_suppliers():
    assert (await ask([], "admin")).status_code == 403
