"""Tryton's sessions and its ways of saying no, without a socket."""

import json

import httpx
import pytest

from services.contracts.mes import Mes
from services.mes_connector.adapters.tryton import open_tryton
from services.mes_connector.adapters.tryton_progress import stand
from services.mes_connector.domain.answer import Outcome
from services.mes_connector.domain.progress import Filed, Status

OPTIONS = {"database": "plant", "login": "jidoka", "company": 1}


class Server:
    """Answers logins with `login`, and everything else with what comes next."""

    def __init__(self, *answers: httpx.Response, login: httpx.Response | None = None) -> None:
        self.login = login or httpx.Response(200, json={"id": 1, "result": [7, "token", None]})
        self.answers = list(answers)
        self.methods: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        method = json.loads(request.content)["method"]
        self.methods.append(method)
        return self.login if method == "common.db.login" else self.answers.pop(0)

    def adapter(self):
        system = Mes(name="erp", adapter="tryton", url="https://tryton.plant", options=OPTIONS)
        return open_tryton(system, "passw0rd", 5.0, None, httpx.MockTransport(self))


def result(value) -> httpx.Response:
    return httpx.Response(200, json={"id": 1, "result": value})


def error(*told) -> httpx.Response:
    return httpx.Response(200, json={"id": 1, "error": list(told)})


async def test_an_expired_session_is_renewed_and_the_call_repeated_once():
    server = Server(httpx.Response(401, text="<html>"), result([]), result([]))

    answer = await server.adapter().find("k1")

    assert answer.outcome is Outcome.ABSENT
    assert [method.rpartition(".")[2] for method in server.methods] == ["login", "search_read", "login"] + [
        "search_read"
    ] * 2


async def test_a_session_that_is_refused_again_locks_us_out_instead_of_trying_for_ever():
    server = Server(*[httpx.Response(401, text="<html>") for _ in range(9)])

    answer = await server.adapter().find("k1")

    assert answer.outcome is Outcome.LOCKED_OUT
    assert server.methods.count("common.db.login") == 2


@pytest.mark.parametrize("busy", [httpx.Response(429, text="later"), httpx.Response(503, text="busy")])
async def test_a_server_that_no_longer_looks_at_our_wrong_password_has_still_refused_it(busy):
    server = Server(login=httpx.Response(401, text="<html>Unauthorized</html>"))
    adapter = server.adapter()
    assert (await adapter.probe()).outcome is Outcome.LOCKED_OUT
    server.login = busy

    assert (await adapter.find("k1")).outcome is Outcome.LOCKED_OUT
    server.login = result([7, "token", None])
    assert (await adapter.probe()).outcome is Outcome.OPENED


async def test_a_busy_login_without_a_refusal_before_it_is_only_busy():
    assert (await Server(login=httpx.Response(429, text="later")).adapter().probe()).outcome is Outcome.AWAY


@pytest.mark.parametrize(
    ("told", "outcome", "words"),
    [
        (("UserError", ["A value is required for Origin", "", None]), Outcome.REFUSED, "A value is required"),
        (("UserWarning", ["w1", "Are you sure?", ""]), Outcome.REFUSED, "Are you sure?"),
        (("'nam'", ""), Outcome.REFUSED, "'nam'"),
        (("ConcurrencyException", "changed"), Outcome.AWAY, "changed"),
        (("database is locked", ""), Outcome.AWAY, "locked"),
        (("server closed the connection unexpectedly", ""), Outcome.AWAY, "connection"),
    ],
)
async def test_an_error_with_status_200_is_told_apart_by_its_name_or_its_words(told, outcome, words):
    answer = await Server(error(*told)).adapter().find("k1")

    assert answer.outcome is outcome
    assert words in answer.reason


async def test_a_browsers_page_is_not_shown_to_people():
    answer = await Server(login=httpx.Response(404, text="<!doctype html><h1>Not Found</h1>")).adapter().probe()

    assert (answer.outcome, answer.reason) == (
        Outcome.AWAY,
        "POST: 404 no such database, or no Tryton at this address",
    )


async def test_a_name_that_only_looks_like_ours_is_somebody_elses():
    server = Server(result([{"id": 3, "name": "Open tracks [K1]"}]), result([]))

    assert (await server.adapter().find("k1")).outcome is Outcome.ABSENT


@pytest.mark.parametrize(
    ("model", "row", "status"),
    [
        ("quality.alert", {"state": "open"}, Status.OPEN),
        ("quality.alert", {"state": "deferred"}, Status.OPEN),
        ("quality.alert", {"state": "processing"}, Status.IN_PROGRESS),
        ("quality.alert", {"state": "resolved"}, Status.COMPLETED),
        ("project.work", {"status.": {"name": "Open", "progress": None}, "progress": None}, Status.OPEN),
        ("project.work", {"status.": {"name": "Open", "progress": None}, "progress": 0.5}, Status.IN_PROGRESS),
        ("project.work", {"status.": {"name": "Done", "progress": 1.0}, "progress": 1.0}, Status.COMPLETED),
        ("project.work", {"status.": {"name": "Dropped", "progress": 1.0}}, Status.CANCELLED),
        ("project.work", {}, Status.OPEN),
    ],
)
def test_state_or_status_tells_where_an_order_stands(model, row, status):
    assert stand(Filed("k1", f"{model}/5"), model, row, ["Dropped"]).status is status


def test_a_change_is_dated_by_trytons_clock_and_signed():
    date = {"__class__": "datetime", "year": 2026, "month": 11, "day": 21, "hour": 10, "minute": 0, "second": 0}
    row = {"state": "resolved", "write_date": date, "write_uid.": {"rec_name": "Ann"}}

    told = stand(Filed("k1", "quality.alert/5"), "quality.alert", row, [])

    assert (told.changed_at, told.remark) == (1_795_255_200.0, "resolved, by Ann")
