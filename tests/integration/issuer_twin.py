"""An issuer that can be mute, or talk nonsense: what a real one does when its database is away."""

import asyncio
import json
import time
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

AUDIENCE = "urn:jidoka:mesh"


class IssuerTwin:
    """Speaks OIDC discovery, JWKS and client_credentials; `mood`: good, mute (never answers) or html (a page)."""

    def __init__(self) -> None:
        self.mood, self.asked, self.held = "good", 0, 0
        self.lifetime_s = 300
        self.key = RSAKey.generate_key(2048, {"kid": "first", "use": "sig", "alg": "RS256"})
        self.arrived = asyncio.Event()
        """Somebody has asked since it was cleared."""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        self._server.close()

    def token(self, *, key: RSAKey | None = None, typ: str = "at+jwt", lives_s: float = 300, **claims: Any) -> str:
        key, now = key or self.key, int(time.time())
        said = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "camera",
            "azp": "camera",
            "exp": now + int(lives_s),
            "iat": now,
        }
        return "Bearer " + jwt.encode({"alg": "RS256", "typ": typ, "kid": key.kid}, said | claims, key)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            path = (await reader.readline()).decode().split()[1]
            while (await reader.readline()).strip():
                pass
            self.asked += 1
            self.arrived.set()
            if self.mood == "mute":
                self.held += 1
                await reader.read()  # until whoever asks gives up
                return
            body = b"<html>maintenance</html>" if self.mood == "html" else json.dumps(self._document(path)).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n")
            writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()
        except (ConnectionError, IndexError):
            pass
        finally:
            writer.close()

    def _document(self, path: str) -> Any:
        if path == "/jwks":
            return KeySet([self.key]).as_dict(private=False)
        if path == "/token":
            token = self.token(lives_s=self.lifetime_s).removeprefix("Bearer ")
            return {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime_s}
        return {"issuer": self.url, "jwks_uri": f"{self.url}/jwks", "token_endpoint": f"{self.url}/token"}
