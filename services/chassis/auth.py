"""OAuth2: who is calling (RFC 9068 access tokens checked locally through JWKS), and our own token for calling others."""

import asyncio
import contextvars
import logging
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.chassis.errors import Denied, Unauthenticated, Unavailable

log = logging.getLogger("jidoka.auth")
_LEEWAY_S = 10
_JWKS_MAX_AGE_S = 600
_JWKS_MIN_AGE_S = 5  # an unknown key id asks the issuer again, but a flood of forged ones must not
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


@dataclass
class TokenVerifier:
    """Checks issuer, audience, algorithm, signature and times; keys come from the issuer's JWKS and are cached."""

    issuer: str
    audience: str
    roles_claim: str = "realm_access.roles"
    _keys: KeySet | None = None
    _fetched_at: float = 0.0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def verify(self, authorization: str) -> Principal:
        """The caller named by an `Authorization: Bearer` value. Raises Unauthenticated, or Unavailable without keys."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            fix = "send `authorization: Bearer <access token>`"
            raise Unauthenticated("no access token", field="authorization", fix=fix)
        try:
            claims = await self._claims(token)
        except (JoseError, ValueError) as error:
            fix = f"get a fresh token from {self.issuer} for audience {self.audience}"
            raise Unauthenticated(f"token refused: {error}", field="authorization", fix=fix) from None
        return Principal(
            subject=str(claims.get("sub", "")),
            client=str(claims.get("azp") or claims.get("client_id") or ""),
            scopes=frozenset(str(claims.get("scope", "")).split()),
            roles=frozenset(_at_path(claims, self.roles_claim)),
        )

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            decoded = jwt.decode(token, await self._jwks(_JWKS_MAX_AGE_S), algorithms=_ALGORITHMS)
        except (JoseError, ValueError):  # perhaps the issuer has rotated its keys
            decoded = jwt.decode(token, await self._jwks(_JWKS_MIN_AGE_S), algorithms=_ALGORITHMS)
        jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.audience},
            exp={"essential": True},
        ).validate(decoded.claims)
        return decoded.claims

    async def _jwks(self, max_age_s: float) -> KeySet:
        async with self._lock:
            if self._keys is None or time.monotonic() - self._fetched_at > max_age_s:
                try:
                    self._keys = KeySet.import_key_set(await _get_json(await self._jwks_url()))
                except (httpx.HTTPError, KeyError, JoseError) as error:
                    if self._keys is None:
                        raise Unavailable(f"no signing keys from {self.issuer}: {error}") from error
                    log.warning("issuer %s does not answer: its last keys are used", self.issuer)
                self._fetched_at = time.monotonic()
            return self._keys

    async def _jwks_url(self) -> str:
        return str((await _get_json(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"))["jwks_uri"])


async def _get_json(url: str) -> Any:
    async with httpx.AsyncClient(timeout=3.0) as http:
        response = await http.get(url)
        response.raise_for_status()
        return response.json()


def _at_path(claims: Any, path: str) -> list[str]:
    for step in path.split("."):
        claims = claims.get(step, {}) if isinstance(claims, dict) else {}
    return [str(role) for role in claims] if isinstance(claims, list) else []


class TokenSource:
    """Our own access token by client_credentials, fetched again shortly before it expires."""

    _EARLY_S = 30

    def __init__(self, issuer: str, client_id: str, client_secret: str, scopes: tuple[str, ...]) -> None:
        self._issuer = issuer.rstrip("/")
        self._client = AsyncOAuth2Client(client_id, client_secret, scope=" ".join(scopes), timeout=3.0)
        self._token = ""
        self._expires_at = 0.0
        self._lock = asyncio.Lock()

    async def authorization(self) -> str:
        """`Bearer <token>`. Raises Unavailable when the issuer is away and the last token has run out."""
        async with self._lock:
            if time.time() > self._expires_at - self._EARLY_S:
                await self._fetch()
            return f"Bearer {self._token}"

    async def _fetch(self) -> None:
        try:
            metadata = await _get_json(f"{self._issuer}/.well-known/openid-configuration")
            token = await self._client.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
        except Exception as error:  # authlib raises its own, httpx's and KeyError for one and the same absence
            if time.time() < self._expires_at:
                return
            raise Unavailable(
                f"no token from {self._issuer}: {error}", fix="is the issuer up, the secret right?"
            ) from error
        self._token = token["access_token"]
        self._expires_at = float(token["expires_at"])

    async def close(self) -> None:
        """Release the HTTP connection."""
        await self._client.aclose()
