"""Whether a body comes from who shares a secret with us, and is of now: the scheme of our own webhook."""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping

from services.chassis.errors import Unauthenticated

_TOLERANCE_S = 300.0
_MOST_DIGITS = 20  # int() refuses thousands of them with a ValueError


class Seal:
    """`X-Jidoka-Signature: sha256=` + hex HMAC-SHA256 of X-Jidoka-Timestamp (Unix seconds) + "." + body."""

    def __init__(self, secret: str, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret.encode()
        self._clock = clock

    def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises Unauthenticated for another's, an altered, and one that is more than five minutes old or ahead."""
        timestamp = headers.get("X-Jidoka-Timestamp", "")
        digest = hmac.new(self._secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        given = headers.get("X-Jidoka-Signature", "")
        if not hmac.compare_digest(given.encode(), f"sha256={digest}".encode()):
            fix = "sign timestamp + '.' + body with the shared secret (HMAC-SHA256)"
            raise Unauthenticated("the signature does not fit", field="X-Jidoka-Signature", fix=fix)
        of_now = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _MOST_DIGITS
        if not (of_now and abs(self._clock() - int(timestamp)) <= _TOLERANCE_S):
            fix = "set the clock: Unix seconds within five minutes of ours"
            raise Unauthenticated("the timestamp is not of now", field="X-Jidoka-Timestamp", fix=fix)
