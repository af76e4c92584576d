"""An issuer that hangs or talks nonsense costs nobody whose token is good (B12, S20)."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
from issuer_twin import AUDIENCE, IssuerTwin
from joserfc.jwk import RSAKey

from services.chassis import auth
from services.chassis.auth import TokenSource, TokenVerifier
from services.chassis.errors import Unauthenticated, Unavailable


@pytest.fixture
def later(monkeypatch) -> Callable[[float], None]:
    """Lets seconds pass for keys and tokens that are kept."""
    passed_s = 0.0

    def pass_by(seconds: float) -> None:
        nonlocal passed_s
        passed_s += seconds

    monkeypatch.setattr(auth, "_ticks_s", lambda: time.monotonic() + passed_s)
    return pass_by


@pytest.fixture
async def issuer() -> AsyncIterator[IssuerTwin]:
    twin = IssuerTwin()
    await twin.start()
    yield twin
    await twin.stop()


@pytest.fixture
async def verifier(issuer: IssuerTwin) -> TokenVerifier:
    """Its keys are in memory."""
    verifier = TokenVerifier(issuer.url, AUDIENCE)
    await verifier.verify(issuer.token())
    return verifier


@pytest.fixture
async def source(issuer: IssuerTwin) -> AsyncIterator[TokenSource]:
    source = TokenSource(issuer.url, "preprocessing", "secret", ())
    yield source
    await source.close()


def stranger() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "of nobody", "use": "sig", "alg": "RS256"})


async def test_an_unknown_key_makes_nobody_else_wait(issuer, verifier, later):
    later(3600)
    issuer.mood = "mute"
    issuer.arrived.clear()
    forged = asyncio.create_task(verifier.verify(issuer.token(key=stranger())))
    await issuer.arrived.wait()

    assert (await verifier.verify(issuer.token())).client == "camera"
    assert not forged.done()
    with pytest.raises((Unauthenticated, Unavailable)):
        await forged


async def test_old_keys_are_believed_while_new_ones_are_asked_for(issuer, verifier, later):
    later(3600)
    issuer.mood = "mute"
    issuer.arrived.clear()

    assert (await verifier.verify(issuer.token())).client == "camera"
    await issuer.arrived.wait()  # it was asked, and nobody waited for it
    assert issuer.held == 1


async def test_an_issuer_that_failed_a_moment_ago_is_not_waited_for_again(issuer, verifier, later):
    later(3600)
    issuer.mood = "html"
    with pytest.raises((Unauthenticated, Unavailable)):
        await verifier.verify(issuer.token(key=stranger()))
    asked = issuer.asked
    issuer.mood = "mute"
    for _ in range(20):
        with pytest.raises((Unauthenticated, Unavailable)):
            await verifier.verify(issuer.token(key=stranger()))

    assert issuer.asked == asked


async def test_a_page_instead_of_keys_refuses_no_good_token_and_does_not_stop_a_start(issuer, verifier, later):
    issuer.mood = "html"
    later(3600)
    assert (await verifier.verify(issuer.token())).client == "camera"

    fresh = TokenVerifier(issuer.url, AUDIENCE)
    await fresh.warm()
    with pytest.raises(Unavailable, match="no signing keys"):
        await fresh.verify(issuer.token())


async def test_a_rotated_key_is_learnt_at_its_first_token(issuer, verifier, later):
    later(3600)
    issuer.key = RSAKey.generate_key(2048, {"kid": "second", "use": "sig", "alg": "RS256"})

    assert (await verifier.verify(issuer.token())).client == "camera"


@pytest.mark.parametrize("typ", ["JWT", "id+jwt", ""])
async def test_what_is_no_access_token_is_refused_and_says_what_to_switch_on(issuer, verifier, typ):
    with pytest.raises(Unauthenticated, match=r"at\+jwt") as refused:
        await verifier.verify(issuer.token(typ=typ))
    assert "RFC 9068" in refused.value.fix


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt"])
async def test_each_spelling_of_the_type_that_the_rfc_allows_is_accepted(issuer, verifier, typ):
    assert (await verifier.verify(issuer.token(typ=typ))).client == "camera"


async def test_a_token_that_is_still_good_is_handed_out_while_the_next_one_is_fetched(issuer, source, later):
    token = await source.authorization()
    later(issuer.lifetime_s * 0.9)
    asked, issuer.mood = issuer.asked, "mute"
    issuer.arrived.clear()

    assert set(await asyncio.gather(*(source.authorization() for _ in range(32)))) == {token}
    await issuer.arrived.wait()
    assert issuer.asked == asked + 1  # one of them asks for all, in the background


async def test_a_token_is_renewed_at_half_of_its_life(issuer, source, later):
    first = await source.authorization()
    later(issuer.lifetime_s * 0.4)
    assert await source.authorization() == first
    asked = issuer.asked
    later(issuer.lifetime_s * 0.2)
    while issuer.asked == asked:
        await source.authorization()
        await asyncio.sleep(0)


async def test_when_no_token_is_left_all_who_wait_ask_once_and_the_next_ones_are_told_at_once(issuer, source):
    issuer.mood = "html"
    found = await asyncio.gather(*(source.authorization() for _ in range(32)), return_exceptions=True)
    assert {type(each) for each in found} == {Unavailable}
    asked = issuer.asked

    with pytest.raises(Unavailable):
        await source.authorization()
    assert issuer.asked == asked


async def test_the_issuer_is_back_and_so_is_the_token(issuer, source):
    issuer.mood = "html"
    with pytest.raises(Unavailable):
        await source.authorization()
    issuer.mood = "good"
    async with asyncio.timeout(30):
        while True:
            try:
                assert (await source.authorization()).startswith("Bearer ")
                return
            except Unavailable:
                await asyncio.sleep(0.05)
