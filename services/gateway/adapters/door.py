"""Who may come in: a FastAPI dependency for each scope."""

from typing import Annotated, Any

from fastapi import Depends, Header, Request

from services.chassis.auth import Principal, TokenVerifier
from services.contracts.scopes import ROLE_SCOPES

CALLER = "jidoka.caller"
"""In a request's scope: the Principal whose token the entrance has believed."""


class Door:
    """Believes tokens, and asks for scopes."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    async def enter(self, authorization: str) -> Principal:
        """The caller; roles grant scopes, too. Raises Unauthenticated, or Unavailable without the issuer's keys."""
        caller = await self._verifier.verify(authorization)
        granted = {scope for role in caller.roles for scope in ROLE_SCOPES.get(role, ())}
        return Principal(caller.subject, caller.client, caller.scopes | granted, caller.roles)

    def needs(self, scope: str | None) -> Any:
        """A dependency that lets in whoever has the scope (None: any valid token)."""

        async def check(request: Request, authorization: Annotated[str, Header()] = "") -> Principal:
            caller: Principal = request.scope.get(CALLER) or await self.enter(authorization)
            if scope is not None:
                caller.require(scope)
            return caller

        return Depends(check)
