"""The embedded OAuth2 issuer: Canaille in one process, in memory, issuing RFC 9068 tokens with Keycloak-shaped claims.

Clients and people come from `issuer.json` at each start and the signing key stays in the state folder, so a token
outlives a kill -9 of the issuer. Logins and refresh tokens do not: people log in again.
"""

import argparse
import json
import secrets
import time
from pathlib import Path
from typing import Any

import canaille.oidc.provider as canaille_provider
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeyParameters, RSAKey
from waitress import serve

from services.contracts.scopes import ROLE_SCOPES
from tools.plant import registry
from tools.plant.keep import secret
from tools.plant.registry import ClientEntry, Registry

KEY_FILE = "secrets/issuer-key.json"
_GRANTS_OF_PEOPLE = ["authorization_code", "refresh_token"]
_OIDC_SCOPES = frozenset({"openid", "profile", "email", "groups"})


class MeshTokens(BearerTokenGenerator):  # type: ignore[misc]  # authlib has no types
    """Makes `at+jwt` access tokens; Canaille's own are opaque for clients and carry no scope for people."""

    def __init__(self, issuer: str, known: Registry, key: RSAKey) -> None:
        super().__init__(None, lambda **_: secrets.token_urlsafe(36))
        self._issuer = issuer
        self._clients = {client.client_id: client for client in known.clients}
        self._key = key

    def generate(
        self,
        grant_type: str,  # noqa: ARG002  # authlib's signature
        client: Any,
        user: Any = None,
        scope: str | None = None,
        expires_in: int | None = None,
        include_refresh_token: bool = True,
    ) -> dict[str, Any]:
        """The token response. Scopes that are not granted are left out, and the response says which ones stayed."""
        entry = self._clients.get(client.client_id)
        roles = [group.display_name for group in user.groups] if user else []
        granted = _scopes_of(entry, roles)
        # An empty scope of a Canaille client means any scope: our own table decides instead.
        scope = " ".join(s for s in (scope or " ".join(sorted(granted))).split() if s in granted)
        lifetime_s = expires_in or (entry.lifetime_s if entry else ClientEntry.model_fields["lifetime_s"].default)
        token = {
            "token_type": "Bearer",
            "access_token": self._access_token(client.client_id, entry, user, roles, scope, lifetime_s),
            "expires_in": lifetime_s,
            "scope": scope,
        }
        if include_refresh_token:
            token["refresh_token"] = self.refresh_token_generator()
        return token

    def _access_token(
        self, client_id: str, entry: ClientEntry | None, user: Any, roles: list[str], scope: str, lifetime_s: int
    ) -> str:
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "aud": entry.audience if entry else ClientEntry.model_fields["audience"].default,
            "azp": client_id,
            "client_id": client_id,
            "sub": user.user_name if user else client_id,
            "iat": now,
            "exp": now + lifetime_s,
            "jti": secrets.token_urlsafe(16),
            "scope": scope,
            "realm_access": {"roles": roles},
        }
        if user:
            claims["preferred_username"] = user.user_name
        return jwt.encode({"alg": "RS256", "typ": "at+jwt", "kid": self._key.kid}, claims, self._key)


def _scopes_of(entry: ClientEntry | None, roles: list[str]) -> frozenset[str]:
    if entry:
        return frozenset(entry.scopes)
    return _OIDC_SCOPES.union(*(ROLE_SCOPES.get(role, ()) for role in roles))


def _signing_key(state: Path) -> RSAKey:
    def make() -> str:
        parameters: KeyParameters = {"alg": "RS256", "use": "sig"}
        return json.dumps(RSAKey.generate_key(2048, parameters, auto_kid=True).as_dict(private=True))

    return RSAKey.import_key(json.loads(secret(state / KEY_FILE, make)))


def build(state: Path, port: int) -> Flask:
    """The issuer at http://127.0.0.1:`port`, provisioned from the state folder."""
    known = registry.read(state)
    key = _signing_key(state)
    app: Flask = create_app(
        {
            "SECRET_KEY": secret(state / "secrets" / "issuer-session.key"),
            "SERVER_NAME": f"127.0.0.1:{port}",  # must equal host:port, or no route matches
            "PREFERRED_URL_SCHEME": "http",
            "CANAILLE": {"DATABASE": "memory", "JAVASCRIPT": False, "HTMX": False},
            "CANAILLE_OIDC": {"REQUIRE_NONCE": False, "ACTIVE_JWKS": [key.as_dict(private=True)]},
        }
    )
    tokens = MeshTokens(f"http://127.0.0.1:{port}", known, key)
    canaille_provider.authorization.register_token_generator("default", tokens)
    with app.app_context():
        _provision(state, known)
    return app


def _provision(state: Path, known: Registry) -> None:
    for entry in known.clients:
        _client(
            client_id=entry.client_id,
            client_secret=secret(state / entry.secret_file),
            grant_types=["client_credentials"],
            scope=list(entry.scopes),
            token_endpoint_auth_method="client_secret_basic",  # noqa: S106  # the name of a method
        )
    _client(
        client_id=known.console,
        client_uri="http://127.0.0.1",
        grant_types=_GRANTS_OF_PEOPLE,
        response_types=["code"],
        scope=sorted(_OIDC_SCOPES.union(*ROLE_SCOPES.values())),
        redirect_uris=list(known.redirect_uris),
        token_endpoint_auth_method="none",  # noqa: S106  # a public client has no secret
        id_token_signed_response_alg="RS256",  # noqa: S106  # the name of an algorithm
    )
    people = [_user(person.user_name, secret(state / person.password_file)) for person in known.people]
    for role in sorted({role for person in known.people for role in person.roles}):
        members = [user for user, person in zip(people, known.people, strict=True) if role in person.roles]
        Backend.instance.save(models.Group(display_name=role, members=members))


def _client(**fields: Any) -> None:
    client = models.Client(client_name=fields["client_id"], **fields)
    Backend.instance.save(client)
    client.audience = [client]
    Backend.instance.save(client)


def _user(name: str, password: str) -> Any:
    full = name.capitalize()
    user = models.User(
        user_name=name, formatted_name=full, family_name=full, emails=[f"{name}@plant.example"], password=password
    )
    Backend.instance.save(user)
    return user


def main() -> None:
    """Serve until killed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--state", type=Path, required=True)
    given = options.parse_args()
    serve(build(given.state, given.port), listen=f"127.0.0.1:{given.port}", threads=4)


if __name__ == "__main__":
    main()
