"""Probes are open and say little; metrics want the scrape token."""

import httpx
import pytest

from services.chassis.health import Health


@pytest.fixture
async def probes():
    ready = {"broker": False}
    health = Health("127.0.0.1:0", {"broker": lambda: ready["broker"]}, "t0ken")
    await health.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{health.port}") as http:
        yield http, ready
    await health.stop()


async def test_alive_is_not_ready_and_what_is_missing_has_a_name(probes):
    http, ready = probes
    alive, missing = await http.get("/livez"), await http.get("/readyz")
    ready["broker"] = True

    assert alive.status_code == 200
    assert (missing.status_code, missing.text) == (503, "broker\n")
    assert (await http.get("/readyz")).status_code == 200


async def test_metrics_open_with_the_scrape_token_only(probes):
    http, _ = probes

    assert (await http.get("/metrics")).status_code == 401
    assert (await http.get("/metrics", headers={"Authorization": "Bearer wrong"})).status_code == 401
    opened = await http.get("/metrics", headers={"Authorization": "Bearer t0ken"})
    assert opened.status_code == 200
    assert "jidoka_stage_seconds" in opened.text or "python_info" in opened.text
    assert (await http.get("/anything")).status_code == 404


async def test_without_a_configured_token_metrics_stay_shut():
    health = Health("127.0.0.1:0", {}, "")
    await health.start()
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"http://127.0.0.1:{health.port}/metrics", headers={"Authorization": "Bearer x"})
    await health.stop()

    assert answer.status_code == 401
