"""How long the certificates of a PKI folder still hold: a metric always, a word at 60, 30 and 7 days."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from cryptography import x509
from prometheus_client import Gauge

from services.opcua_bridge.adapters.identity import Identity
from services.opcua_bridge.adapters.trust import name_of, thumbprint

THRESHOLDS_DAYS = (60, 30, 7, 0)
DAYS_LEFT = Gauge("jidoka_opcua_cert_days_left", "Days until a certificate expires", ["list", "name", "thumbprint"])
OnExpiry = Callable[[str, float], None]
_DAY_S = 86_400
log = logging.getLogger("jidoka.opcua")


def days_left(certificate: x509.Certificate, now: datetime | None = None) -> float:
    """Days until it expires; negative since it did."""
    return (certificate.not_valid_after_utc - (now or datetime.now(UTC))).total_seconds() / _DAY_S


def passed(days: float) -> int | None:
    """The narrowest threshold that so few days have passed: 60, 30, 7, 0, or None."""
    return min((limit for limit in THRESHOLDS_DAYS if days <= limit), default=None)


class Expiry:
    """Looks at our own certificate and those that we trust; `on_expiry(name, days)` hears of each threshold once."""

    def __init__(self, identity: Identity, on_expiry: OnExpiry | None = None) -> None:
        self._identity, self._on_expiry = identity, on_expiry
        self._shown: set[tuple[str, str, str]] = set()
        self._said: dict[str, int] = {}

    def look(self) -> None:
        """Set the metric, and say what passed a threshold since the last look."""
        labelled = {(kind, name_of(one), thumbprint(one)): days_left(one) for kind, one in self._all()}
        for gone in self._shown - labelled.keys():
            DAYS_LEFT.remove(*gone)
        self._shown = set(labelled)
        for labels, days in labelled.items():
            DAYS_LEFT.labels(*labels).set(days)
            self._say(labels, days)

    def _all(self) -> Iterator[tuple[str, x509.Certificate]]:
        yield "own", self._identity.certificate
        for one in self._identity.trust.trusted:
            yield "trusted", one

    def _say(self, labels: tuple[str, str, str], days: float) -> None:
        kind, name, mark = labels
        limit = passed(days)
        if limit is None or limit >= self._said.get(mark, THRESHOLDS_DAYS[0] + 1):
            return
        self._said[mark] = limit
        fix = "jidoka certs renew, then trust the new one at every peer" if kind == "own" else "its owner renews it"
        log.warning("the certificate of %s (%s, %s) expires in %.0f days: %s", name, kind, mark, days, fix)
        if self._on_expiry:
            self._on_expiry(name, days)
