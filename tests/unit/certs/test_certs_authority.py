"""What `jidoka certs` makes, renews and revokes."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from asyncua import ua
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from typer.testing import CliRunner

from services.opcua_bridge.adapters.expiry import DAYS_LEFT, Expiry
from services.opcua_bridge.adapters.identity import load_identity
from services.opcua_bridge.adapters.peer_check import hosts_of, uris_of
from services.opcua_bridge.adapters.rejected import Rejected
from services.opcua_bridge.adapters.trust import CertificateRefused, Trust, read_certificate, thumbprint
from services.opcua_bridge.adapters.users import Accounts
from tools.certs import CERTIFICATE, PRIVATE_KEY, Authority, PkiError, anatomy, ensure_pki, shelf
from tools.certs.authority import NEXT, PREVIOUS, swap
from tools.cli import app

YEAR = timedelta(days=365)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    ensure_pki(folder, {"bridge": "urn:test:bridge", "plc": "urn:test:plc"}, ["plc.local", "10.0.3.7"])
    return folder


@pytest.fixture
def pki(made, tmp_path):
    return shutil.copytree(made, tmp_path / "pki")


def run(*arguments: object, entered: str = "") -> str:
    result = CliRunner().invoke(app, ["certs", *map(str, arguments)], input=entered)
    return f"{result.exit_code} {result.output}"


def test_a_certificate_says_all_that_a_peer_looks_at(pki):
    made = read_certificate(pki / "plc" / CERTIFICATE)
    assert uris_of(made) == ["urn:test:plc"]
    assert {"plc.local", "10.0.3.7"} <= set(hosts_of(made))
    usage = made.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    wanted = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment")
    assert all(getattr(usage.value, name) for name in wanted)
    assert not usage.value.key_cert_sign
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert (pki / "plc" / PRIVATE_KEY).stat().st_mode & 0o777 == 0o600
    assert not list(pki.glob("plc/**/*ca*/private*"))
    Trust(pki / "bridge").check(made)


def test_renewal_leaves_the_old_one_in_force_until_it_is_swapped(pki):
    home = pki / "plc"
    before = read_certificate(home / CERTIFICATE)
    assert "next certificate of plc" in run("renew", home, "--days", 900, "--new-key", "--host", "10.0.3.8")
    assert read_certificate(home / CERTIFICATE) == before
    coming = read_certificate(home / NEXT / CERTIFICATE.name)
    assert (uris_of(coming), coming.public_key() == before.public_key()) == (uris_of(before), False)
    assert set(hosts_of(coming)) == {*hosts_of(before), "10.0.3.8"}
    assert coming.not_valid_after_utc > datetime.now(UTC) + 2 * YEAR
    assert swap(home) == coming == read_certificate(home / CERTIFICATE)
    assert read_certificate(home / PREVIOUS / CERTIFICATE.name) == before
    with pytest.raises(PkiError, match="holds no renewed certificate"):
        swap(home)


def test_a_renewal_may_keep_the_key(pki):
    Authority(pki).renew(pki / "plc", new_key=False, bits=2048, valid=YEAR)
    keys = [(pki / "plc" / path).read_bytes() for path in (PRIVATE_KEY, NEXT / PRIVATE_KEY.name)]
    assert keys[0] == keys[1]


def test_revoked_is_revoked_at_every_application_that_trusts_the_ca(pki):
    plc, bridge = (read_certificate(pki / name / CERTIFICATE) for name in ("plc", "bridge"))
    trust = Trust(pki / "bridge")
    trust.check(plc)
    assert "is revoked" in run("revoke", thumbprint(plc)[:10], "--pki", pki)
    for name in ("bridge", "plc"):
        with pytest.raises(CertificateRefused, match="BadCertificateRevoked: plc was revoked"):
            Trust(pki / name).check(plc)
    with pytest.raises(CertificateRefused):
        trust.check(plc)  # the one that was loaded before
    trust.check(bridge)
    Authority(pki).revoke(bridge)
    with pytest.raises(CertificateRefused, match="Revoked"):
        trust.check(plc)


def test_a_forged_revocation_list_revokes_nobody(pki, tmp_path):
    ensure_pki(tmp_path / "forger", {"plc": "urn:test:plc"})
    forger = Authority(tmp_path / "forger")
    forged = x509.RevokedCertificateBuilder(
        read_certificate(pki / "plc" / CERTIFICATE).serial_number, datetime.now(UTC)
    )
    crl = anatomy.revocations(forger._issuer, [forged.build()])
    (pki / "bridge/crl/forged.crl").write_bytes(crl.public_bytes(Encoding.DER))
    Trust(pki / "bridge").check(read_certificate(pki / "plc" / CERTIFICATE))


def test_a_leaf_that_plays_ca_issues_nothing_that_we_believe(pki, tmp_path):
    """Trusting one PLC's certificate must not mean trusting whatever its key signs."""
    leaf, key = read_certificate(pki / "plc" / CERTIFICATE), Authority(pki)._key
    leaf_key = load_pem_private_key((pki / "plc" / PRIVATE_KEY).read_bytes(), None)
    forged = anatomy.application("evil", "urn:test:evil", ["x"], key.public_key(), (leaf, leaf_key), YEAR)
    shelf.trust(pki / "bridge", leaf)
    with pytest.raises(CertificateRefused, match="Untrusted"):
        Trust(pki / "bridge").check(forged)


def test_the_table_shows_who_is_where_with_names_and_days(pki):
    listed = run("list", "--pki", pki, "--width", 200)
    assert listed.startswith("0")
    for shown in ("bridge", "urn:test:plc", "10.0.3.7", "trusted", "Jidoka plant CA", "3650", "730"):
        assert shown in listed
    assert "RSA 2048" in run("show", pki / "plc" / CERTIFICATE, "--pki", pki)


def test_trust_and_reject_move_a_certificate(pki, tmp_path):
    other = ensure_pki(tmp_path / "other", {"press": "urn:test:press"})["press"] / CERTIFICATE
    assert "bridge trusts press" in run("trust", other, "--pki", pki, "--for", "bridge")
    mark = thumbprint(read_certificate(other))
    assert "no longer trusted" in run("reject", mark, "--pki", pki)
    assert [one.kind for one in shelf.named(pki, mark)] == ["rejected"]
    assert "bridge trusts press" in run("trust", mark, "--pki", pki)
    Trust(pki / "bridge").check(read_certificate(other))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "plc"), "is there already: `jidoka certs renew"),
        (("create", "new", "--bits", 1024), "one of 2048, 3072, 4096 bits and not 1024"),
        (("show", "ABCDEF"), "has the thumbprint ABCDEF: `jidoka certs list` shows them"),
        (("trust", "ABCDEF"), "has the thumbprint ABCDEF"),
    ],
)
def test_a_mistake_is_one_sentence_that_says_what_to_do(pki, arguments, said):
    answer = run(*arguments, "--pki", pki)
    assert answer.startswith("1 ")
    assert said in answer
    assert "Traceback" not in answer


def test_the_user_command_keeps_no_password(tmp_path):
    file = tmp_path / "users.yaml"
    assert run("user", "anna", "--role", "engineer", "--file", file, entered="s3cret\ns3cret\n").startswith("0")
    assert "s3cret" not in file.read_text()
    accounts = Accounts(file, {"engineer"})
    assert accounts.with_password("anna", "s3cret").role == "engineer"
    assert accounts.with_password("anna", "s3creT") is None
    assert run("user", "anna", "--file", file, "--remove").startswith("0")
    assert yaml.safe_load(file.read_text()) == {}


def test_the_help_teaches():
    helped = run("--help")
    for word in ("BOTH", "rejected", "thumbprint", "list", "renew"):
        assert word in helped


def strangers(pki, count: int):
    """Many certificates of one key, as a stranger could send."""
    ca = Authority(pki)
    for number in range(count):
        yield anatomy.application(f"s{number}", f"urn:s{number}", ["x"], ca._key.public_key(), ca._issuer, YEAR)


def test_rejected_ones_are_kept_with_the_reason_and_not_without_end(pki):
    folder = pki / "bridge/rejected"
    rejected = Rejected(folder)
    for one in strangers(pki, 70):
        rejected.keep(CertificateRefused(ua.StatusCodes.BadCertificateUntrusted, one, "never seen"))
    assert len(list(folder.glob("*.der"))) == len(list(folder.glob("*.txt"))) == 64
    last = folder / f"{thumbprint(one)}.txt"
    assert last.read_text().endswith("BadCertificateUntrusted: never seen\n")


async def test_each_threshold_of_a_certificate_that_runs_out_is_said_once(pki, monkeypatch, caplog):
    heard = []
    identity = await load_identity(pki / "bridge")
    expiry = Expiry(identity, heard.append)
    for left in (100, 59, 58, 29, 6, 5, -1):
        monkeypatch.setattr("services.opcua_bridge.adapters.expiry.days_left", lambda _one, left=left: left)
        expiry.look()
    own = [one for look in heard for one in look if one.own]
    assert [(one.name, one.limit) for one in own] == [("bridge", limit) for limit in (60, 60, 30, 7, 7, 0)]
    assert heard[0] == []
    said = [one.getMessage() for one in caplog.records if "the certificate of bridge " in one.getMessage()]
    assert [text.partition(" days")[0].rpartition(" ")[2] for text in said[:-1]] == ["60", "30", "7"]
    assert " expired on " in said[-1]
    mark = thumbprint(identity.certificate)
    assert DAYS_LEFT.labels("own", "bridge", mark)._value.get() == -1
