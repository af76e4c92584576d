"""The way to a system that is asked everything by POST: what writes is told by what it says."""

import httpx
from counterparts import Faults


class RpcFaults(Faults):
    """Loses and spoils only answers to calls that contain one of `writes`."""

    def __init__(self, inner: httpx.AsyncBaseTransport, *writes: bytes) -> None:
        super().__init__(inner)
        self._writes = writes

    def lose_replies(self) -> None:
        async def act(request: httpx.Request) -> httpx.Response:
            response = await self._inner.handle_async_request(request)
            if not self._is_write(request):
                return response
            await response.aread()  # it has happened when the answer is there
            raise httpx.ReadTimeout("lost", request=request)

        self._act = act

    def fail_after_commit(self) -> None:
        async def act(request: httpx.Request) -> httpx.Response:
            response = await self._inner.handle_async_request(request)
            return httpx.Response(502, text="bad gateway") if self._is_write(request) else response

        self._act = act

    def _is_write(self, request: httpx.Request) -> bool:
        return any(write in str(request.url).encode() + request.content for write in self._writes)
