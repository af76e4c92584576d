"""The embedded issuer against the chassis that all services use: who gets in, who does not, and what survives."""

import asyncio
import base64
import hashlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from services.chassis import auth
from services.chassis.auth import TokenSource, TokenVerifier
from services.chassis.errors import Denied, Unauthenticated, Unavailable
from tools.plant import leash
from tools.plant.idp import KEY_FILE
from tools.plant.registry import ClientEntry, Person, Registry
from tools.ports import free_port

AUDIENCE = "urn:jidoka:mesh"
CALLBACK = "http://127.0.0.1:9/callback"


def client(name: str, *scopes: str, **fields) -> ClientEntry:
    return ClientEntry(client_id=name, secret_file=Path("secrets", f"{name}.client-secret"), scopes=scopes, **fields)


REGISTRY = Registry(
    clients=(
        client("preprocessing", "verdict.judge"),
        client("inference"),
        client("late", "verdict.judge", lifetime_s=-60),
        client("stranger", "verdict.judge", audience="urn:somebody:else"),
        client("brief", "verdict.judge", lifetime_s=31),
    ),
    people=(Person(user_name="alice", password_file=Path("secrets/alice.password"), roles=("quality-engineer",)),),
    redirect_uris=(CALLBACK,),
)


class Issuer:
    def __init__(self, state: Path) -> None:
        self.state = state
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        REGISTRY.write(state)
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "tools.plant.idp", "--port", str(self.port), "--state", str(self.state)]
        self.process = leash.popen(command, stderr=subprocess.DEVNULL)
        ends = time.monotonic() + 60
        while True:
            try:
                return httpx.get(f"{self.url}/.well-known/openid-configuration").raise_for_status()
            except httpx.HTTPError:
                assert time.monotonic() < ends
                assert self.process.poll() is None
                time.sleep(0.05)

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def secret(self, name: str) -> str:
        return (self.state / "secrets" / name).read_text().strip()

    def source(self, name: str, *scopes: str) -> TokenSource:
        return TokenSource(self.url, name, self.secret(f"{name}.client-secret"), scopes)

    async def token(self, name: str, *scopes: str) -> str:
        source = self.source(name, *scopes)
        try:
            return await source.authorization()
        except Unavailable:
            assert "run out already" in str(sys.exception())
            return f"Bearer {source._token}"
        finally:
            await source.close()


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    issuer = Issuer(tmp_path_factory.mktemp("issuer"))
    yield issuer
    issuer.kill()


@pytest.fixture
def verifier(issuer: Issuer) -> TokenVerifier:
    return TokenVerifier(issuer.url, AUDIENCE)


async def test_a_service_gets_in_with_the_scope_that_it_was_granted(issuer: Issuer, verifier: TokenVerifier):
    principal = await verifier.verify(await issuer.token("preprocessing", "verdict.judge"))

    assert (principal.client, principal.subject) == ("preprocessing", "preprocessing")
    assert principal.scopes == {"verdict.judge"}
    principal.require("verdict.judge")


async def test_a_scope_that_was_not_granted_is_not_in_the_token(issuer: Issuer, verifier: TokenVerifier):
    principal = await verifier.verify(await issuer.token("preprocessing", "verdict.judge", "product.write"))

    assert principal.scopes == {"verdict.judge"}
    with pytest.raises(Denied, match=r"preprocessing lacks the scope product\.write"):
        principal.require("product.write")


async def test_a_client_without_any_scope_gets_none_rather_than_all(issuer: Issuer, verifier: TokenVerifier):
    assert (await verifier.verify(await issuer.token("inference", "product.write"))).scopes == frozenset()


@pytest.mark.parametrize(("who", "reason"), [("late", "expired"), ("stranger", "aud")])
async def test_an_expired_token_and_one_for_another_audience_are_refused(issuer, verifier, who: str, reason: str):
    with pytest.raises(Unauthenticated, match=reason):
        await verifier.verify(await issuer.token(who, "verdict.judge"))


async def test_what_is_no_token_of_this_issuer_is_refused(issuer: Issuer, verifier: TokenVerifier):
    good = await issuer.token("preprocessing", "verdict.judge")
    header, payload, signature = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    forged = base64.urlsafe_b64encode(json.dumps(claims | {"scope": "product.write"}).encode()).rstrip(b"=").decode()
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').rstrip(b"=").decode()

    await verifier.verify(good)  # control: only the change below makes the difference
    for bad in (
        "",
        "Bearer",
        "Bearer x",
        "Basic abc",
        f"{header}.{forged}.{signature}",
        f"Bearer {unsigned}.{forged}.",
    ):
        with pytest.raises(Unauthenticated):
            await verifier.verify(bad)


async def test_a_wrong_secret_opens_nothing(issuer: Issuer):
    source = TokenSource(issuer.url, "preprocessing", "guessed", ("verdict.judge",))
    with pytest.raises(Unavailable, match="invalid_client"):
        await source.authorization()
    await source.close()


async def test_a_killed_issuer_is_not_missed_until_tokens_run_out(issuer: Issuer, verifier: TokenVerifier, monkeypatch):
    source, brief = issuer.source("preprocessing", "verdict.judge"), issuer.source("brief", "verdict.judge")
    token = await source.authorization()
    assert await brief.authorization()
    await verifier.verify(token)
    issuer.kill()
    try:
        assert await source.authorization() == token
        await verifier.verify(token)
        with pytest.raises(Unauthenticated):  # asks for new keys in vain, and says no rather than falling over
            await verifier.verify("Bearer " + token.removeprefix("Bearer ")[:-8] + "AAAAAAAA")
        brief._renew_s = 0  # time to ask again, and not yet run out
        assert await brief.authorization()
        brief._ends_s = 0
        with pytest.raises(Unavailable):
            await brief.authorization()
    finally:
        issuer.start()

    await TokenVerifier(issuer.url, AUDIENCE).verify(token)  # the key was kept: a restart throws nobody out
    assert await brief.authorization()
    await asyncio.gather(source.close(), brief.close())


async def test_a_new_signing_key_is_learnt_without_a_restart_and_the_old_one_forgotten(issuer, verifier, monkeypatch):
    monkeypatch.setattr(auth, "_JWKS_MIN_AGE_S", 0)
    old = await issuer.token("preprocessing", "verdict.judge")
    await verifier.verify(old)
    issuer.kill()
    (issuer.state / KEY_FILE).unlink()
    issuer.start()

    new = await issuer.token("preprocessing", "verdict.judge")

    assert (await verifier.verify(new)).client == "preprocessing"
    with pytest.raises(Unauthenticated):
        await verifier.verify(old)


def log_in(issuer: Issuer, password: str, scope: str) -> httpx.Response:
    """Alice at the real login form, with code and PKCE."""
    proof = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(proof.encode()).digest()).rstrip(b"=").decode()
    asked = {"response_type": "code", "client_id": "console", "redirect_uri": CALLBACK, "scope": scope, "state": "s"}
    with httpx.Client(base_url=issuer.url) as browser:
        page = browser.get(
            "/oauth/authorize", params=asked | {"code_challenge": challenge, "code_challenge_method": "S256"}
        )
        for _ in range(8):
            if page.is_redirect and page.headers["location"].startswith(CALLBACK):
                code = parse_qs(urlsplit(page.headers["location"]).query)["code"][0]
                grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
                return browser.post("/oauth/token", data=grant | {"client_id": "console", "code_verifier": proof})
            if page.is_redirect:
                page = browser.get(page.headers["location"])
            else:
                (csrf,) = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
                page = browser.post(page.url, data={"csrf_token": csrf, "login": "alice", "password": password})
    raise PermissionError("no code after eight pages")


async def test_a_person_gets_the_scopes_of_her_role_and_no_other(issuer: Issuer, verifier: TokenVerifier):
    answer = log_in(issuer, issuer.secret("alice.password"), "openid result.read product.write model.read").json()
    principal = await verifier.verify(f"Bearer {answer['access_token']}")

    assert (principal.subject, principal.client) == ("alice", "console")
    assert principal.roles == {"quality-engineer"}
    assert principal.scopes == {"openid", "result.read", "product.write"}
    assert set(answer["scope"].split()) == principal.scopes
    assert answer["expires_in"] == 300


def test_a_person_with_a_wrong_password_gets_no_code(issuer: Issuer):
    with pytest.raises(PermissionError):
        log_in(issuer, "correct-horse-8", "openid")
