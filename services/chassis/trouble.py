"""A loss is said once, and so is its return: what is tried for ever must be neither silent nor fill the log."""

import logging
import time

from nats.js.errors import BucketNotFoundError, NotFoundError

log = logging.getLogger("jidoka.trouble")
_NO_SUCH_STREAM = 10059


class Trouble:
    """One thing that may be lost. Below `grace_s` a loss is no matter: a broker restarts, a lease changes hands."""

    def __init__(self, what: str, grace_s: float = 3.0) -> None:
        """`what` begins the sentence in the log: who does what."""
        self._what, self._grace_s = what, grace_s
        self._since_s: float | None = None
        self._told = False

    @property
    def lasts(self) -> bool:
        """Whether it has lasted longer than the grace."""
        return self._since_s is not None and time.monotonic() - self._since_s >= self._grace_s

    def met(self, why: str) -> None:
        """A try failed. A WARNING when that has gone on for longer than the grace, and only one."""
        self._since_s = self._since_s or time.monotonic()
        if self.lasts and not self._told:
            self._told = True
            log.warning("%s: not possible, tried again for ever: %s", self._what, why)
        else:
            log.debug("%s: %s", self._what, why)

    def over(self) -> None:
        """It worked."""
        if self._told:
            log.warning("%s: goes on", self._what)
        self._since_s, self._told = None, False


def is_missing(error: Exception) -> bool:
    """Whether the stream or the bucket itself is not there, and not only what was looked for in it."""
    missing = isinstance(error, NotFoundError) and error.err_code == _NO_SUCH_STREAM
    return missing or isinstance(error, BucketNotFoundError)


def why(error: Exception, name: str) -> str:
    """What a person can act on when `name` (a stream or a bucket) could not be used."""
    if isinstance(error, BucketNotFoundError):
        return f"the bucket {name} is not there; the provisioning of the broker makes it"
    if is_missing(error):
        return f"the stream {name} is not there; the provisioning of the broker makes it"
    return f"{type(error).__name__}: {error}"
