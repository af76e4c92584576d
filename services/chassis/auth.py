"""OAuth2: who is calling (RFC 9068 access tokens checked locally through JWKS), and our own token for others."""

import asyncio
import contextlib
import contextvars
import logging
import time
import warnings
from dataclasses import dataclass
from typing import Any

import httpx
from authlib.deprecate import AuthlibDeprecationWarning
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.chassis.errors import Denied, Unauthenticated, Unavailable

with warnings.catch_warnings():  # authlib 1.9 asks at import for a fork of httpx that nobody else here uses
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.base_client.errors import OAuthError
    from authlib.integrations.httpx_client import AsyncOAuth2Client

log = logging.getLogger("jidoka.auth")
_DEADLINE_S = 3.0
_LEEWAY_S = 10
_JWKS_MAX_AGE_S = 600
_JWKS_MIN_AGE_S = 5  # an unknown key id asks the issuer again, but a flood of forged ones must not
_EARLY_S = 30
_ALGORITHMS = ["RS256", "ES256"]


@dataclass(frozen=True)
class Principal:
    """Who is calling: `client` is the OAuth2 client (`azp`), `subject` the person or the client itself."""

    subject: str
    client: str
    scopes: frozenset[str]
    roles: frozenset[str]

    def require(self, scope: str) -> None:
        """Raise Denied unless the token carries the scope."""
        if scope not in self.scopes:
            fix = f"ask an admin to grant {scope} to {self.client}"
            raise Denied(f"{self.client} lacks the scope {scope}", field="scope", fix=fix)


caller: contextvars.ContextVar[Principal] = contextvars.ContextVar("caller")


class TokenVerifier:
    """Checks issuer, audience, algorithm, signature and times; keys come from the issuer's JWKS and are cached."""

    def __init__(self, issuer: str, audience: str, roles_claim: str = "realm_access.roles") -> None:
        self._issuer, self._roles_claim = issuer, roles_claim
        self._keys: KeySet | None = None
        self._fetched_at = 0.0
        self._lock = asyncio.Lock()
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
            await self._jwks(_JWKS_MAX_AGE_S)

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
        )

    async def _decode(self, token: str) -> dict[str, Any]:
        try:
            return jwt.decode(token, await self._jwks(_JWKS_MAX_AGE_S), algorithms=_ALGORITHMS).claims
        except (JoseError, ValueError):  # perhaps the issuer has rotated its keys
            return jwt.decode(token, await self._jwks(_JWKS_MIN_AGE_S), algorithms=_ALGORITHMS).claims

    async def _jwks(self, max_age_s: float) -> KeySet:
        async with self._lock:
            if self._keys is None or time.monotonic() - self._fetched_at > max_age_s:
                try:
                    self._keys = KeySet.import_key_set(await _get_json((await _metadata(self._issuer))["jwks_uri"]))
                except (httpx.HTTPError, KeyError, JoseError) as error:
                    if self._keys is None:
                        raise Unavailable(f"no signing keys from {self._issuer}: {error}") from error
                    log.warning("issuer %s does not answer: its last keys are used", self._issuer)
                self._fetched_at = time.monotonic()
            return self._keys


class TokenSource:
    """Our own access token by client_credentials, fetched again shortly before it expires."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, scopes: tuple[str, ...]) -> None:
        self._issuer = issuer
        self._client = AsyncOAuth2Client(client_id, client_secret, scope=" ".join(scopes), timeout=_DEADLINE_S)
        self._token: dict[str, Any] = {"expires_at": 0}
        self._lock = asyncio.Lock()

    async def authorization(self) -> str:
        """`Bearer <token>`. Raises Unavailable when the issuer is away and the last token has run out."""
        async with self._lock:
            if time.time() > self._token["expires_at"] - _EARLY_S:
                await self._fetch()
            return f"Bearer {self._token['access_token']}"

    async def _fetch(self) -> None:
        try:
            endpoint = (await _metadata(self._issuer))["token_endpoint"]
            self._token = await self._client.fetch_token(endpoint, grant_type="client_credentials")
        except (httpx.HTTPError, OAuthError, KeyError, ValueError) as error:
            if time.time() > self._token["expires_at"]:
                fix = "is the issuer up, and the client secret right?"
                raise Unavailable(f"no token from {self._issuer}: {error}", fix=fix) from error

    async def close(self) -> None:
        """Release the HTTP connection."""
        await self._client.aclose()


async def _metadata(issuer: str) -> Any:
    return await _get_json(f"{issuer.rstrip('/')}/.well-known/openid-configuration")


async def _get_json(url: str) -> Any:
    async with httpx.AsyncClient(timeout=_DEADLINE_S) as http:
        return (await http.get(url)).raise_for_status().json()


def _at_path(claims: Any, path: str) -> list[str]:
    for step in path.split("."):
        claims = claims.get(step, {}) if isinstance(claims, dict) else {}
    return [str(role) for role in claims] if isinstance(claims, list) else []
