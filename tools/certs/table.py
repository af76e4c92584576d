"""Certificates for the eye: one line each in a table, or one with all that a peer looks at."""

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from rich.table import Table
from rich.text import Text

from services.opcua_bridge.adapters.expiry import days_left, passed
from services.opcua_bridge.adapters.peer_check import hosts_of, uris_of
from services.opcua_bridge.adapters.trust import name_of, printable, thumbprint
from services.opcua_bridge.adapters.users import fingerprint
from tools.certs.shelf import Kept

_COLOURS = {None: "green", 60: "yellow", 30: "dark_orange", 7: "red", 0: "bold red"}
_KINDS = {"own": "cyan", "trusted": "green", "issuers": "blue", "rejected": "red"}


def table(kept: Sequence[Kept]) -> Table:
    """All certificates, grouped by the application that keeps them."""
    shown = Table(title="OPC UA certificates", title_justify="left")
    for column in ("application", "list", "who", "thumbprint (SHA-1)", "names", "days left"):
        shown.add_column(column, overflow="fold", justify="right" if column == "days left" else "left")
    before = None
    for one in kept:
        if before is not None and before != one.application:
            shown.add_section()
        state = "revoked" if one.revoked else one.kind
        names = Text(" ".join([*uris_of(one.certificate), *hosts_of(one.certificate)]))
        if one.why:
            names.append(f"\n{one.why}", style="red")
        shown.add_row(
            "" if before == one.application else one.application.name,
            Text(state, style=_KINDS.get(state, "bold red")),
            Text(name_of(one.certificate)),
            thumbprint(one.certificate),
            names,
            _days(one.certificate),
        )
        before = one.application
    return shown


def details(certificate: x509.Certificate, keepers: Sequence[Kept]) -> Table:
    """One certificate."""
    key = certificate.public_key()
    size = f"RSA {key.key_size}" if isinstance(key, RSAPublicKey) else type(key).__name__
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    rows: dict[str, str | Text] = {
        "who": printable(certificate.subject.rfc4514_string()),
        "issued by": printable(certificate.issuer.rfc4514_string()),
        "SHA-1": thumbprint(certificate),
        "SHA-256": fingerprint(certificate),
        "application URI": ", ".join(uris_of(certificate)) or "none",
        "hosts": ", ".join(hosts_of(certificate)) or "none",
        "key": size,
        "valid": f"{begins:%Y-%m-%d} to {ends:%Y-%m-%d}",
        "days left": _days(certificate),
        "kept by": "\n".join(f"{one.application.name}: {one.kind} {one.why}".rstrip() for one in keepers) or "nobody",
    }
    shown = Table(show_header=False, box=None)
    for label, value in rows.items():
        shown.add_row(Text(label, style="bold"), value if isinstance(value, Text) else Text(value))
    return shown


def _days(certificate: x509.Certificate) -> Text:
    days = days_left(certificate)
    return Text(f"{days:.0f}", style=_COLOURS[passed(days)])
