"""How long the certificates of a PKI folder still hold: a metric always, a word at 60, 30 and 7 days."""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from cryptography import x509
from prometheus_client import Gauge

from services.opcua_bridge.adapters.identity import Identity
from services.opcua_bridge.adapters.trust import name_of, thumbprint
from services.opcua_bridge.domain.certificates import Expiring

THRESHOLDS_DAYS = (60, 30, 7, 0)
DAYS_LEFT = Gauge("jidoka_opcua_cert_days_left", "Days until a certificate expires", ["list", "name", "thumbprint"])
OnExpiry = Callable[[Sequence[Expiring]], None]
_DAY_S = 86_400
log = logging.getLogger("jidoka.opcua")


def days_left(certificate: x509.Certificate, now: datetime | None = None) -> float:
    """Days until it expires; negative since it did."""
    return (certificate.not_valid_after_utc - (now or datetime.now(UTC))).total_seconds() / _DAY_S


def passed(days: float) -> int | None:
    """The narrowest threshold that so few days have passed: 60, 30, 7, 0, or None."""
    return min((limit for limit in THRESHOLDS_DAYS if days <= limit), default=None)


class Expiry:
    """Looks at our own certificate and those that we trust; `on_expiry` hears at each look which expire soon."""

    def __init__(self, identity: Identity, on_expiry: OnExpiry | None = None) -> None:
        self._identity, self._on_expiry = identity, on_expiry
        self._shown: set[tuple[str, str, str]] = set()
        self._said: dict[str, int] = {}

    def look(self) -> None:
        """Set the metric, and say what passed a threshold since the last look."""
        labelled = {(kind, name_of(one), thumbprint(one)): one for kind, one in self._all()}
        for gone in self._shown - labelled.keys():
            DAYS_LEFT.remove(*gone)
        self._shown = set(labelled)
        expiring = []
        for labels, certificate in labelled.items():
            days = days_left(certificate)
            DAYS_LEFT.labels(*labels).set(days)
            if (limit := passed(days)) is not None:
                kind, name, mark = labels
                one = Expiring(certificate.not_valid_after_utc.date(), name, kind == "own", limit)
                expiring.append(one)
                self._say(mark, one)
        if self._on_expiry:
            self._on_expiry(expiring)

    def _all(self) -> Iterator[tuple[str, x509.Certificate]]:
        yield "own", self._identity.certificate
        for one in self._identity.trust.trusted:
            yield "trusted", one

    def _say(self, mark: str, one: Expiring) -> None:
        if one.limit < self._said.get(mark, THRESHOLDS_DAYS[0] + 1):
            self._said[mark] = one.limit
            log.warning("%s (%s)", one, mark)
