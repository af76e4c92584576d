"""Certificates that soon expire, as one sentence for whoever minds the line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Expiring:
    """A certificate with `limit` days left at most: the narrowest of the thresholds that it has passed."""

    ends: date
    name: str
    own: bool
    limit: int

    def __str__(self) -> str:
        fix = (
            "jidoka certs renew, trust the new one at every peer, restart the bridge"
            if self.own
            else "its owner renews it, then trust the new one here"
        )
        when = f"expires on {self.ends}, in less than {self.limit} days" if self.limit else f"expired on {self.ends}"
        return f"the certificate of {self.name} {when}: {fix}"


def sentence(expiring: Sequence[Expiring]) -> str:
    """The most urgent one, and how many there are besides; empty for none.

    It says another thing when a threshold is passed, and not each day.
    """
    if not expiring:
        return ""
    more = len(expiring) - 1
    first = min(expiring, key=lambda one: (one.ends, not one.own, one.name))
    return f"{first} (and {more} more: jidoka certs list)" if more else str(first)
