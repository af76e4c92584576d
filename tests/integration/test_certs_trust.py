"""Trust is given and taken while the server runs, and every refusal says in one sentence what to do."""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from asyncua import Client, ua
from asyncua.ua import uaerrors
from opcua_fortress import Fortress, tag, write_speed

from services.chassis.errors import Invalid
from services.opcua_bridge.adapters.expiry import DAYS_LEFT
from services.opcua_bridge.adapters.identity import load_identity
from services.opcua_bridge.adapters.peer_check import host_of
from services.opcua_bridge.adapters.plain_words import explain
from services.opcua_bridge.adapters.trust import thumbprint
from tools.certs import CERTIFICATE, PRIVATE_KEY, Authority, PkiError, ensure_pki, shelf

pytestmark = pytest.mark.asyncio(loop_scope="module")
PEER = "the PLC at opc.tcp://line1:4840"
NOTICED_S = 2.0
BUSY_S = 18.0  # what this machine may be late by, with all its other work


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing(tmp_path_factory):
    fortress = Fortress(tmp_path_factory.mktemp("trust"))
    async with fortress.open():
        yield fortress


@pytest_asyncio.fixture(loop_scope="module")
async def fortress(standing):
    """Each test finds the lists as they were."""
    lists = standing.folder / "lists"
    for kind in ("trusted", "crl", "rejected"):
        shutil.copytree(standing.pki["server"] / kind, lists / kind, dirs_exist_ok=True)
    yield standing
    for kind in ("trusted", "crl", "rejected"):
        shutil.rmtree(standing.pki["server"] / kind)
        (lists / kind).replace(standing.pki["server"] / kind)


async def refused(fortress: Fortress, name: str, **more) -> str:
    """The sentence that a client gets."""
    with pytest.raises((ua.UaError, OSError, AssertionError)) as caught:
        async with fortress.client(name, **({"user": "operator"} | more)):
            pass
    return explain(caught.value, PEER)


async def thrown_out(client: Client) -> None:
    """Returns when the server has ended the session."""
    async with asyncio.timeout(NOTICED_S + BUSY_S):
        while True:
            try:
                await client.get_node(tag("Speed")).read_value()
            except uaerrors.BadSessionClosed:
                return
            await asyncio.sleep(0.05)


async def test_a_stranger_is_rejected_then_trusted_then_rejected_while_the_server_runs(fortress):
    server, stranger = fortress.pki["server"], fortress.certificate("stranger")
    assert "does not trust our certificate" in await refused(fortress, "stranger")
    [kept] = shelf.named(server, thumbprint(stranger)[:12])
    assert (kept.kind, "BadCertificateUntrusted: neither it nor its issuer" in kept.why) == ("rejected", True)
    shelf.trust(server, kept.certificate)
    assert not list((server / "rejected").glob(f"{thumbprint(stranger)}*"))
    async with fortress.client("stranger", user="operator") as client:
        await write_speed(client)
        shelf.reject(server, stranger)
        await thrown_out(client)
    assert "does not trust our certificate" in await refused(fortress, "stranger")


async def test_a_revoked_certificate_loses_its_session_and_gets_no_other(fortress, tmp_path):
    pki = tmp_path / "pki"
    shutil.copytree(fortress.folder / "pki", pki)
    async with fortress.client("other", user="operator") as client:
        Authority(pki).revoke(fortress.certificate("other"))
        shutil.copy(pki / "server/crl/plant-ca.crl", fortress.pki["server"] / "crl/plant-ca.crl")
        await thrown_out(client)
    assert "revocation list: issue a new one" in await refused(fortress, "other")
    async with fortress.client("client", user="operator"):
        pass


async def test_an_unreadable_file_trusts_nobody_and_stops_nothing(fortress):
    (fortress.pki["server"] / "trusted/half.der").write_bytes(b"\x30\x82")
    async with fortress.client("client", user="operator"):
        pass
    assert "does not trust" in await refused(fortress, "stranger")


async def test_a_pinned_certificate_needs_no_ca_and_a_missing_issuer_is_named(fortress):
    trusted = fortress.pki["server"] / "trusted"
    (trusted / "plant-ca.der").rename(fortress.pki["server"] / "issuers/plant-ca.der")
    assert "does not trust" in await refused(fortress, "client")
    shelf.trust(fortress.pki["server"], fortress.certificate("client"))
    async with fortress.client("client", user="operator"):
        pass
    (fortress.pki["server"] / "issuers/plant-ca.der").unlink()


def issued(folder: Path, name: str, uri: str, hosts: list[str], days: float) -> Path:
    """One more certificate of the same CA."""
    Authority(folder).issue(name, uri, hosts, valid=timedelta(days=days))
    return folder / name


@pytest.mark.parametrize(
    ("days", "uri", "said"),
    [
        (-1, "urn:test:late", "finds our certificate expired or not yet valid: renew it (`jidoka certs renew`)"),
        (9, "urn:test:someone-else", "finds another application URI in our certificate than we name: renew it"),
    ],
)
async def test_a_client_is_told_what_is_wrong_with_its_certificate(fortress, days, uri, said):
    name = "late" if days < 0 else "mixed"
    fortress.pki[name] = issued(fortress.folder / "pki", name, uri, ["localhost"], days)
    assert said in await refused(fortress, name)


async def test_we_check_the_server_we_dial_as_it_checks_us(fortress, tmp_path):
    """An untrusted one, or one for another host, is refused before a password is sent."""
    strangers = ensure_pki(tmp_path / "strange", {"client": "urn:test:client"})["client"]
    url = fortress.url
    fortress.heard.clear()
    for home, dialled, said in (
        (strangers, host_of(url), "we do not accept the certificate"),
        (
            fortress.pki["client"],
            "plc.example",
            "and not plc.example (BadCertificateHostNameInvalid): use a name that it has",
        ),
    ):
        identity = await load_identity(home)
        sentence = await refused(fortress, "client", validator=identity.server_validator(dialled))
        assert said in sentence
    ours = await load_identity(fortress.pki["client"])
    async with fortress.client("client", user="operator", validator=ours.server_validator(host_of(url))):
        pass
    async with asyncio.timeout(NOTICED_S + BUSY_S):
        while "log out" not in [entry.act for entry in fortress.heard]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert [entry.act for entry in fortress.heard].count("log in") == 1


async def test_wrong_user_wrong_type_and_missing_node_are_one_sentence_each(fortress):
    assert "check name, password and rights there (BadUserAccessDenied)" in await refused(
        fortress, "client", user="nobody"
    )
    async with fortress.client("client", user="operator") as client:
        with pytest.raises(uaerrors.BadTypeMismatch) as wrong:
            await write_speed(client, 1, ua.VariantType.Int64)
        assert "another data type: declare it as deploy/plc/README.md says" in explain(wrong.value, PEER)
        with pytest.raises(uaerrors.BadNodeIdUnknown) as missing:
            await client.get_node(tag("Nowhere")).read_value()
        assert "misses a tag: load the present block" in explain(missing.value, PEER)


async def test_the_days_left_are_measured_and_an_expired_own_certificate_stops_the_start(fortress):
    marks = {labels: sample.value for labels, sample in (
        (tuple(sample.labels[key] for key in ("list", "name")), sample)
        for metric in DAYS_LEFT.collect() for sample in metric.samples
    )}  # fmt: skip
    assert 728 < marks["own", "server"] <= 730
    assert 3648 < marks["trusted", "Jidoka plant CA"] <= 3650
    home = issued(fortress.folder / "pki", "old", "urn:test:old", ["localhost"], -2)
    before = (home / CERTIFICATE).read_bytes(), (home / PRIVATE_KEY).read_bytes()
    with pytest.raises(Invalid, match=r"expired on .*jidoka certs renew"):
        await load_identity(home)
    with pytest.raises(PkiError, match=r"expired on .*renew"):
        ensure_pki(fortress.folder / "pki", {"old": "urn:test:old"})
    assert ((home / CERTIFICATE).read_bytes(), (home / PRIVATE_KEY).read_bytes()) == before
