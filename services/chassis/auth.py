"""OAuth2: who is calling (RFC 9068 access tokens checked locally through JWKS), and our own token for others."""

import asyncio
import contextlib
import contextvars
import logging
import math
import time
import warnings
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import httpx
from authlib.deprecate import AuthlibDeprecationWarning
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.chassis.errors import Denied, Unauthenticated, Unavailable
from services.chassis.run import cancel, spawn

with warnings.catch_warnings():  # authlib 1.9 asks at import for a fork of httpx that nobody else here uses
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.base_client.errors import OAuthError
    from authlib.integrations.httpx_client import AsyncOAuth2Client

log = logging.getLogger("jidoka.auth")
_DEADLINE_S = 3.0
_LEEWAY_S = 10
_JWKS_MAX_AGE_S = 600
_JWKS_MIN_AGE_S = 5  # an unknown key id asks the issuer again, but a flood of forged ones must not
_AGAIN_S = 1.0  # after a failure: those who come meanwhile get the same answer without asking
_ASSUMED_S = 60.0  # where the issuer does not say how long a token lives
_ALGORITHMS = ["RS256", "ES256"]
_now_s, _ticks_s = time.time, time.monotonic


@dataclass(frozen=True)
class Principal:
    """Who is calling: `client` is the OAuth2 client (`azp`), `subject` the person or the client itself."""

    subject: str
    client: str
    scopes: frozenset[str]
    roles: frozenset[str]
    expires_at_s: float = math.inf
    """Unix seconds: a stream that outlives it asks again for nothing."""

    def require_unexpired(self) -> None:
        """Raise Unauthenticated when the token has run out since it was verified: a stream may live for days."""
        if _now_s() > self.expires_at_s + _LEEWAY_S:
            fix = "open a new stream with a fresh token"
            raise Unauthenticated("the token has expired", field="authorization", fix=fix)

    def require(self, scope: str) -> None:
        """Raise Denied unless the token carries the scope."""
        if scope not in self.scopes:
            fix = f"ask an admin to grant {scope} to {self.client}"
            raise Denied(f"{self.client} lacks the scope {scope}", field="scope", fix=fix)


caller: contextvars.ContextVar[Principal] = contextvars.ContextVar("caller")


class TokenVerifier:
    """Checks type, issuer, audience, algorithm, signature and times; keys come from the issuer's JWKS and are kept."""

    def __init__(self, issuer: str, audience: str, roles_claim: str = "realm_access.roles") -> None:
        self._roles_claim = roles_claim
        self._keys = _Keys(issuer)
        self._claims = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
        )
        self._fix = f"get a fresh token from {issuer} for audience {audience}"

    async def warm(self) -> None:
        """Fetch the keys before the first caller has to wait for them; an issuer that is away is asked again then."""
        with contextlib.suppress(Unavailable):
            await self._keys.any()

    async def verify(self, authorization: str) -> Principal:
        """The caller named by an `Authorization: Bearer` value. Raises Unauthenticated, or Unavailable without keys."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("no access token", field="authorization", fix=self._fix)
        try:
            claims = await self._decode(token)
            self._claims.validate(claims)
        except (JoseError, ValueError) as error:
            raise Unauthenticated(f"token refused: {error}", field="authorization", fix=self._fix) from None
        return Principal(
            subject=str(claims.get("sub", "")),
            client=str(claims.get("azp") or claims.get("client_id") or ""),
            scopes=frozenset(str(claims.get("scope", "")).split()),
            roles=frozenset(_at_path(claims, self._roles_claim)),
            expires_at_s=float(claims["exp"]),
        )

    async def _decode(self, token: str) -> dict[str, Any]:
        header = jws.extract_compact(token.encode()).headers()
        typ = str(header.get("typ", ""))
        if typ.lower().removeprefix("application/") != "at+jwt":
            fix = 'let the issuer write them as RFC 9068 says (Keycloak: Use "at+jwt" as access token header type)'
            raise Unauthenticated(f"the token's type is {typ!r}, not 'at+jwt'", field="authorization", fix=fix)
        keys = await self._keys.that_know(str(header.get("kid", "")))
        return jwt.decode(token, keys, algorithms=_ALGORITHMS).claims


class _Keys:
    """The issuer's keys. Whose key is in memory never waits for the issuer: one task asks for all, beside them."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._keys: KeySet | None = None
        self._asked_s = -math.inf
        self._fetch = _Shared(self._fetched, f"keys of {issuer}")

    async def any(self) -> KeySet:
        """Keys, however old: behind them, newer ones are asked for. Raises Unavailable while there never were any."""
        if self._keys is None or _ticks_s() - self._asked_s > _JWKS_MAX_AGE_S:
            self._fetch.begin()
        if self._keys is None:
            await self._fetch.done()
        if self._keys is None:
            raise Unavailable(f"no signing keys from {self._issuer}", fix="send again; is the issuer up?")
        return self._keys

    async def that_know(self, kid: str) -> KeySet:
        """The keys, asked for anew when none has this id: whoever brings an unknown one waits, and nobody else."""
        keys = await self.any()
        if any(key.kid == kid for key in keys.keys):
            return keys
        if _ticks_s() - self._asked_s > _JWKS_MIN_AGE_S:
            self._fetch.begin()
            await self._fetch.done()
        return self._keys or keys

    async def _fetched(self) -> None:
        self._asked_s = _ticks_s()
        try:
            self._keys = KeySet.import_key_set(await _get_json((await _metadata(self._issuer))["jwks_uri"]))
        except (httpx.HTTPError, KeyError, TypeError, ValueError, JoseError) as error:
            log.warning("no keys from issuer %s, its last ones are used: %s", self._issuer, error)
        self._asked_s = _ticks_s()


class TokenSource:
    """Our own access token by client_credentials, fetched again from half of its life on.

    As long as a token is good, nobody waits for the next one, and many who wait ask once (B12).
    """

    def __init__(self, issuer: str, client_id: str, client_secret: str, scopes: tuple[str, ...]) -> None:
        self._issuer = issuer
        self._client = AsyncOAuth2Client(client_id, client_secret, scope=" ".join(scopes), timeout=_DEADLINE_S)
        self._token, self._renew_s, self._ends_s = "", 0.0, 0.0
        self._failed, self._failed_s = "", -math.inf
        self._fetch = _Shared(self._fetched, f"token of {client_id}")

    async def authorization(self) -> str:
        """`Bearer <token>`. Raises Unavailable when the issuer is away and the last token has run out."""
        now_s = _ticks_s()
        asked_lately = now_s - self._failed_s < _AGAIN_S
        if now_s > self._renew_s and not asked_lately:
            self._fetch.begin()
        if now_s > self._ends_s:
            await self._fetch.done()
        if _ticks_s() > self._ends_s:
            fix = "is the issuer up, and the client secret right?"
            why = self._failed or "what came had run out already (do the clocks agree?)"
            raise Unavailable(f"no token from {self._issuer}: {why}", fix=fix)
        return f"Bearer {self._token}"

    async def _fetched(self) -> None:
        asked_s = _ticks_s()
        try:
            endpoint = (await _metadata(self._issuer))["token_endpoint"]
            said = await self._client.fetch_token(endpoint, grant_type="client_credentials")
            self._token, lives_s = str(said["access_token"]), float(said.get("expires_in", _ASSUMED_S))
        except (httpx.HTTPError, OAuthError, KeyError, TypeError, ValueError) as error:
            self._failed, self._failed_s = str(error) or type(error).__name__, _ticks_s()
            log.warning("no new token from issuer %s: %s", self._issuer, self._failed)
        else:
            self._failed = ""
            self._renew_s, self._ends_s = asked_s + lives_s / 2, asked_s + lives_s

    async def close(self) -> None:
        """Release the HTTP connection."""
        await self._fetch.cancel()
        await self._client.aclose()


class _Shared:
    """One piece of work that many may want at the same time, done once for all of them. It must not raise."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        self._work, self._name = work, name
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Unless it is under way."""
        if self._task is None or self._task.done():
            self._task = spawn(self._work(), self._name)

    async def done(self) -> None:
        """Wait for it; whoever gives up waiting does not stop it for the others."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def cancel(self) -> None:
        await cancel(self._task)


async def _metadata(issuer: str) -> Any:
    return await _get_json(f"{issuer.rstrip('/')}/.well-known/openid-configuration")


async def _get_json(url: str) -> Any:
    async with httpx.AsyncClient(timeout=_DEADLINE_S) as http:
        return (await http.get(url)).raise_for_status().json()


def _at_path(claims: Any, path: str) -> list[str]:
    for step in path.split("."):
        claims = claims.get(step, {}) if isinstance(claims, dict) else {}
    return [str(role) for role in claims] if isinstance(claims, list) else []
