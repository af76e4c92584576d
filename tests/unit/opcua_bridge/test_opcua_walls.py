"""Lock-out, accounts, thresholds and sentences, without a server."""

import socket

import pytest
import yaml
from asyncua import ua
from asyncua.common.utils import ServiceError

from services.chassis.errors import Invalid
from services.opcua_bridge.adapters.expiry import passed
from services.opcua_bridge.adapters.lockout import Lockout
from services.opcua_bridge.adapters.plain_words import _SAID, explain
from services.opcua_bridge.adapters.users import Accounts, hashed

PEER = "the PLC at opc.tcp://line1:4840"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_fifth_wrong_password_costs_a_second_and_each_further_one_twice_that():
    clock = Clock()
    lockout = Lockout(clock)
    waits = []
    for _ in range(13):
        lockout.failed("anna")
        waits.append(lockout.waits_s("anna"))
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    clock.now = 59.9
    assert lockout.waits_s("anna") == pytest.approx(0.1)
    assert lockout.waits_s("bert") == 0
    lockout.passed("anna")
    lockout.failed("anna")
    assert lockout.waits_s("anna") == 0


def test_the_table_of_those_who_guess_has_an_end():
    lockout = Lockout(Clock())
    for number in range(100_000):
        lockout.failed(number)
    assert len(lockout._failed) == 256


def accounts(tmp_path, **given) -> Accounts:
    file = tmp_path / "users.yaml"
    file.write_text(yaml.safe_dump(given))
    return Accounts(file, {"observer", "operator"})


def test_hashed_and_plain_passwords_open_and_wrong_ones_do_not(tmp_path):
    found = accounts(
        tmp_path,
        anna={"role": "operator", "scrypt": hashed("right", cost=10)},
        machine={"role": "observer", "password": "plain"},
        card={"role": "observer", "certificate": "AB:CD"},
    )
    assert found.with_password("anna", "right").role == "operator"
    assert found.with_password("anna", "right").role == "operator"  # by memory this time
    assert found.with_password("machine", "plain").role == "observer"
    for name, password in (("anna", "wrong"), ("anna", ""), ("machine", ""), ("card", ""), ("nobody", "right")):
        assert found.with_password(name, password) is None


def test_a_changed_password_is_not_remembered(tmp_path):
    found = accounts(tmp_path, anna={"role": "operator", "scrypt": hashed("old", cost=10)})
    assert found.with_password("anna", "old")
    new = {
        "anna": {"role": "operator", "scrypt": hashed("newer", cost=10)},
        "bert": {"role": "observer", "password": "x"},
    }
    (tmp_path / "users.yaml").write_text(yaml.safe_dump(new))
    assert found.with_password("anna", "old") is None
    assert found.with_password("anna", "newer")
    (tmp_path / "users.yaml").write_text("anna: [broken")
    assert found.with_password("anna", "newer"), "what cannot be read changes nothing"


@pytest.mark.parametrize(
    "account",
    [
        {"role": "king", "password": "x"},
        {"role": "observer"},
        {"role": "observer", "password": ""},
        {"role": "observer", "scrypt": "14$short"},
        {"role": "observer", "scrypt": "40$AAAAAAAAAAAAAAAA$AAAA"},
        {"password": "x"},
    ],
)
def test_an_account_without_role_or_proof_is_refused_at_the_start(tmp_path, account):
    with pytest.raises(Invalid, match=r"users\.yaml"):
        accounts(tmp_path, anna=account)


def test_two_hashes_of_one_password_have_nothing_in_common():
    assert hashed("x", cost=10).split("$")[1:] != hashed("x", cost=10).split("$")[1:]


@pytest.mark.parametrize(("days", "threshold"), [(61, None), (60, 60), (30.5, 60), (30, 30), (7, 7), (0.5, 7), (-1, 0)])
def test_thresholds(days, threshold):
    assert passed(days) == threshold


@pytest.mark.parametrize("code", _SAID, ids=lambda code: ua.StatusCode(code).name)
def test_every_known_refusal_is_one_sentence_with_peer_reason_and_advice(code):
    for error in (ua.UaStatusCodeError(code), ServiceError(code)):
        said = explain(error, PEER)
        assert said.startswith(PEER)
        assert ua.StatusCode(code).name in said
        assert ": " in said
        assert "\n" not in said


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (AssertionError(), "does not trust our certificate, trust it there"),
        (ConnectionRefusedError(111, "x"), "is not listening: check address and port"),
        (TimeoutError(), "does not answer in time"),
        (ConnectionError("Connection is closed"), "may not trust our certificate"),
        (socket.gaierror(-2, "x"), "a host name that nobody knows"),
        (OSError(113, "No route to host"), "cannot be reached (No route to host)"),
        (ua.UaError("No matching endpoints: 3, x"), "does not offer this security policy"),
        (KeyError("x"), "does not answer as expected: KeyError 'x'"),
    ],
)
def test_what_comes_without_a_code_is_explained_as_well(error, said):
    assert said in explain(error, PEER)


def test_the_cause_behind_a_bare_error_is_found():
    wrapped = RuntimeError("something")
    wrapped.__cause__ = ua.UaStatusCodeError(ua.StatusCodes.BadTooManySessions)
    assert "has no free session" in explain(wrapped, PEER)
