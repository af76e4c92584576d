"""Whom we trust: the lists of a PKI folder, read again whenever a file in them changes.

`trusted/` holds certificates that are trusted themselves: a plant's CA, or one peer's own (pinned). `issuers/` holds
CAs that only complete a chain, `crl/` what was revoked, `rejected/` whom we turned away (OPC 10000-12, 7.8.2).
"""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from asyncua import ua
from asyncua.common.utils import ServiceError
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes

SUFFIXES = {".der", ".pem", ".crt", ".cer", ".crl"}
_LISTS = ("trusted", "issuers", "crl")
_LONGEST_CHAIN = 5
_PEM = b"-----BEGIN"
log = logging.getLogger("jidoka.opcua")


class CertificateRefused(ServiceError):  # type: ignore[misc]
    """We do not accept a peer's certificate; asyncua answers with the code, `why` is for a person."""

    def __init__(self, code: int, certificate: x509.Certificate, why: str) -> None:
        super().__init__(code)
        self.certificate, self.why = certificate, why

    def __str__(self) -> str:
        return f"{ua.StatusCode(self.code).name}: {self.why}"


class Trust:
    """The lists of one PKI folder. An unreadable file in them is skipped, and said once; nobody is trusted by it."""

    def __init__(self, pki: Path) -> None:
        self._pki = pki
        self.version = 0
        """Counts the changes of the lists."""
        self._seen: object = None
        self._complained: set[Path] = set()
        self._trusted: list[x509.Certificate] = []
        self._issuers: list[x509.Certificate] = []
        self._crls: list[x509.CertificateRevocationList] = []

    @property
    def trusted(self) -> tuple[x509.Certificate, ...]:
        """What `trusted/` holds now."""
        self.refresh()
        return tuple(self._trusted)

    def refresh(self) -> None:
        """Read the lists if a file came, went or changed."""
        seen = [_state(path) for kind in _LISTS for path in _files(self._pki / kind)]
        if seen == self._seen:
            return
        self._seen = seen
        self.version += 1
        self._trusted = list(self._certificates("trusted"))
        self._issuers = list(self._certificates("issuers"))
        self._crls = list(self._revocations())

    def check(self, certificate: x509.Certificate) -> None:
        """Whether a chain of valid, unrevoked certificates leads to one that we trust. Raises CertificateRefused."""
        self.refresh()
        chain = self._chain(certificate)
        now = datetime.now(UTC)
        for link, issuer in zip(chain, [*chain[1:], None], strict=True):
            if not link.not_valid_before_utc <= now <= link.not_valid_after_utc:
                raise CertificateRefused(_time_code(link, certificate), certificate, _when(link))
            signer = issuer or self._issuer_of(link)
            if signer is not None and self._is_revoked(link, signer):
                raise CertificateRefused(_revoked_code(link, certificate), certificate, f"{name_of(link)} was revoked")

    def is_revoked(self, certificate: x509.Certificate) -> bool:
        """Whether its issuer, if that is known here, has it on a list."""
        self.refresh()
        issuer = self._issuer_of(certificate)
        return issuer is not None and self._is_revoked(certificate, issuer)

    def _chain(self, certificate: x509.Certificate) -> list[x509.Certificate]:
        chain = [certificate]
        while chain[-1] not in self._trusted:
            issuer = self._issuer_of(chain[-1])
            if issuer is None or len(chain) == _LONGEST_CHAIN:
                authority = printable(chain[-1].issuer.rfc4514_string()) or "?"
                why = f"neither it nor its issuer {authority} is in our trusted folder"
                raise CertificateRefused(ua.StatusCodes.BadCertificateUntrusted, certificate, why)
            chain.append(issuer)
        return chain

    def _issuer_of(self, certificate: x509.Certificate) -> x509.Certificate | None:
        if certificate.issuer == certificate.subject:
            return None
        candidates = (*self._trusted, *self._issuers)
        return next((one for one in candidates if _is_authority(one) and _issued(one, certificate)), None)

    def _is_revoked(self, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
        return any(
            crl.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None
            for crl in self._crls
            if crl.issuer == issuer.subject and crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
        )

    def _certificates(self, kind: str) -> Iterator[x509.Certificate]:
        for path in _files(self._pki / kind):
            try:
                yield read_certificate(path)
            except (OSError, ValueError) as error:
                self._complain(path, error)

    def _revocations(self) -> Iterator[x509.CertificateRevocationList]:
        for path in _files(self._pki / "crl"):
            try:
                content = path.read_bytes()
                yield x509.load_pem_x509_crl(content) if content.startswith(_PEM) else x509.load_der_x509_crl(content)
            except (OSError, ValueError) as error:
                self._complain(path, error)

    def _complain(self, path: Path, error: Exception) -> None:
        if path not in self._complained:
            self._complained.add(path)
            log.error("%s is skipped: it cannot be read as DER or PEM (%s)", path, error)


def read_certificate(path: Path) -> x509.Certificate:
    """One certificate, DER or PEM by its content. Raises OSError, ValueError."""
    content = path.read_bytes()
    return (
        x509.load_pem_x509_certificate(content) if content.startswith(_PEM) else x509.load_der_x509_certificate(content)
    )


def thumbprint(certificate: x509.Certificate) -> str:
    """SHA-1 in hex: what the trust lists of PLCs show."""
    return certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303  # OPC 10000-4 names it by SHA-1


def name_of(certificate: x509.Certificate) -> str:
    """The common name, or the whole subject where there is none; a stranger chose it, so only printable signs."""
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return printable(str(names[0].value) if names else certificate.subject.rfc4514_string())


def printable(text: str) -> str:
    """A stranger's text for logs and terminals."""
    return "".join(sign if sign.isprintable() else "?" for sign in text[:200])


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    except OSError:  # not every folder has all the lists
        return []


def _state(path: Path) -> tuple[Path, int, int]:
    try:
        facts = path.stat()
    except OSError:  # gone since it was listed
        return path, 0, 0
    return path, facts.st_mtime_ns, facts.st_size


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except (x509.ExtensionNotFound, ValueError):
        return False


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _when(certificate: x509.Certificate) -> str:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return f"{name_of(certificate)} is valid from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} UTC"


def _time_code(link: x509.Certificate, leaf: x509.Certificate) -> int:
    codes = ua.StatusCodes
    return int(codes.BadCertificateTimeInvalid if link == leaf else codes.BadCertificateIssuerTimeInvalid)


def _revoked_code(link: x509.Certificate, leaf: x509.Certificate) -> int:
    codes = ua.StatusCodes
    return int(codes.BadCertificateRevoked if link == leaf else codes.BadCertificateIssuerRevoked)
