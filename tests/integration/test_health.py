"""Probes are open and say little; metrics want the scrape token."""

import asyncio
import socket
import threading

import httpx
import pytest

from services.chassis.health import Health


@pytest.fixture
async def probes():
    ready = {"broker": False}
    health = Health("127.0.0.1:0", {"broker": lambda: ready["broker"]}, "t0ken")
    await health.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{health.port}") as http:
        yield http, ready, health
    await health.stop()


async def test_alive_is_not_ready_and_what_is_missing_has_a_name(probes):
    http, ready, _ = probes
    alive, missing = await http.get("/livez"), await http.get("/readyz")
    ready["broker"] = True

    assert alive.status_code == 200
    assert (missing.status_code, missing.text) == (503, "broker\n")
    assert (await http.get("/readyz")).status_code == 200


async def test_metrics_open_with_the_scrape_token_only(probes):
    http, *_ = probes

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


async def test_a_loop_that_is_stuck_is_not_alive():
    """Nothing else tells a dead lock from a quiet hour: a supervisor restarts what fails here."""
    health = Health("127.0.0.1:0", {}, "", stuck_after_s=0.3)
    await health.start()
    url = f"http://127.0.0.1:{health.port}/livez"
    assert httpx.get(url).status_code == 200  # noqa: ASYNC210
    while (stuck := httpx.get(url)).status_code == 200:  # noqa: ASYNC210  # asks without awaiting: the loop stands still
        pass
    assert (stuck.status_code, stuck.text) == (503, "the event loop has been stuck for 0.3 s\n")

    async with httpx.AsyncClient() as http, asyncio.timeout(30):
        while (await http.get(url)).status_code != 200:  # noqa: ASYNC110  # its heart beats again
            await asyncio.sleep(0.01)
    await health.stop()


async def test_whoever_drains_is_not_ready_and_still_alive(probes):
    http, ready, health = probes
    ready["broker"] = True
    assert (await http.get("/readyz")).status_code == 200
    health.drain()

    assert ((answer := await http.get("/readyz")).status_code, answer.text) == (503, "draining\n")
    assert (await http.get("/livez")).status_code == 200


async def test_a_check_that_raises_is_missing_and_does_not_fail_the_other_probes():
    def broken() -> bool:
        raise RuntimeError("a bug in a check")

    health = Health("127.0.0.1:0", {"broken": broken}, "")
    await health.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{health.port}") as http:
        assert (await http.get("/livez")).status_code == 200
        assert ((answer := await http.get("/readyz")).status_code, answer.text) == (503, "broken\n")
    await health.stop()


async def test_an_authorization_that_is_no_ascii_is_refused_like_any_other(probes):
    http, *_ = probes
    assert (await http.get("/metrics", headers={b"Authorization": b"Bearer \xe9"})).status_code == 401


async def test_silent_connections_neither_shut_the_probes_nor_keep_a_thread_each(probes):
    http, *_ = probes
    before = threading.active_count()
    silent = [socket.create_connection((http.base_url.host, http.base_url.port)) for _ in range(200)]
    assert (await http.get("/livez", timeout=60)).status_code == 200

    async with asyncio.timeout(60):  # nobody closes them here
        while threading.active_count() > before + 5:  # noqa: ASYNC110  # threads have no event
            await asyncio.sleep(0.05)
    for each in silent:
        each.close()


def test_a_probe_that_gave_up_leaves_no_traceback(capsys):
    health = Health("127.0.0.1:0", {}, "")
    try:
        raise BrokenPipeError
    except BrokenPipeError:
        health._server.handle_error(None, ("127.0.0.1", 1))
    health._server.server_close()

    assert capsys.readouterr().err == ""
