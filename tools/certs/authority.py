"""The plant CA and what it gives to applications: certificates, their renewal, and the list of those revoked."""

import os
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from services.opcua_bridge.adapters.peer_check import hosts_of, uris_of
from services.opcua_bridge.adapters.trust import name_of, read_certificate
from tools.certs import anatomy

VALID, CA_VALID = timedelta(days=730), timedelta(days=3650)
CERTIFICATE = Path("own/certificate.der")  # asyncua tells DER from PEM by the suffix
PRIVATE_KEY = Path("own/private-key.pem")
NEXT, PREVIOUS = Path("own/next"), Path("own/previous")
CA_FILE, CRL_FILE = "plant-ca.der", "plant-ca.crl"
LISTS = ("trusted", "issuers", "crl", "rejected")
_DER = serialization.Encoding.DER


class PkiError(Exception):
    """What was asked cannot be done with the files as they are; nothing was overwritten."""


def ensure_pki(
    folder: Path, applications: Mapping[str, str], hosts: Sequence[str] = ("localhost", "127.0.0.1")
) -> dict[str, Path]:
    """Make what is missing of the CA and of each application's certificate; returns each application's folder.

    `applications` maps a name to its application URI; `hosts` are the DNS names and addresses that clients will use.
    Raises PkiError where a certificate exists that has expired or belongs to another URI.
    """
    authority = Authority.made(folder)
    for name, uri in applications.items():
        home = folder / name
        if (home / CERTIFICATE).exists():
            _check(home / CERTIFICATE, uri)
        else:
            authority.issue(name, uri, [*hosts, socket.gethostname()])
    return {name: folder / name for name in applications}


class Authority:
    """The CA of a PKI folder; its key stays in `ca/` and goes to no application."""

    def __init__(self, folder: Path) -> None:
        """Raises PkiError where there is none."""
        self._folder, self._home = folder, folder / "ca"
        try:
            self.certificate = read_certificate(self._home / CERTIFICATE)
            self._key = _read_key(self._home / PRIVATE_KEY)
        except (OSError, ValueError) as error:
            raise PkiError(f"{self._home} is no CA ({error}): `jidoka certs create` makes one") from error

    @classmethod
    def made(cls, folder: Path, bits: int = 2048) -> "Authority":
        """The CA of the folder, new where there is none. Raises PkiError, ValueError."""
        if not (folder / "ca" / CERTIFICATE).exists():
            key = anatomy.new_key(bits)
            ca = folder / "ca"
            _store(ca / CERTIFICATE, ca / PRIVATE_KEY, anatomy.authority("Jidoka plant CA", key, CA_VALID), key)
        return cls(folder)

    @property
    def _issuer(self) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
        return self.certificate, self._key

    def issue(
        self, name: str, uri: str, hosts: Sequence[str], bits: int = 2048, valid: timedelta = VALID
    ) -> x509.Certificate:
        """A certificate and key in the folder of an application. Raises PkiError where one is, ValueError."""
        home = self._folder / name
        if (home / CERTIFICATE).exists():
            raise PkiError(f"{home / CERTIFICATE} is there already: `jidoka certs renew {home}` makes the next one")
        key = anatomy.new_key(bits)
        certificate = anatomy.application(name, uri, hosts, key.public_key(), self._issuer, valid)
        _store(home / CERTIFICATE, home / PRIVATE_KEY, certificate, key)
        for kind in LISTS:
            (home / kind).mkdir(parents=True, exist_ok=True)
        _replace(home / "trusted" / CA_FILE, self.certificate.public_bytes(_DER))
        _replace(home / "crl" / CRL_FILE, self._revocations().public_bytes(_DER))
        return certificate

    def renew(
        self, home: Path, *, new_key: bool, bits: int, valid: timedelta, hosts: Sequence[str] = ()
    ) -> x509.Certificate:
        """The next certificate of an application, beside the one in force. Raises PkiError, ValueError."""
        old = _own(home)
        key = anatomy.new_key(bits) if new_key else _read_key(home / PRIVATE_KEY)
        names = [*hosts_of(old), *hosts]
        certificate = anatomy.application(name_of(old), uris_of(old)[0], names, key.public_key(), self._issuer, valid)
        _store(home / NEXT / CERTIFICATE.name, home / NEXT / PRIVATE_KEY.name, certificate, key)
        return certificate

    def revoke(self, certificate: x509.Certificate) -> list[Path]:
        """Put a certificate of this CA on its list, and the list where every application reads it. Raises PkiError."""
        if certificate.issuer != self.certificate.subject:
            raise PkiError("another CA issued it: take it out of trusted/ (`jidoka certs reject`)")
        known = self._revoked()
        if certificate.serial_number not in {one.serial_number for one in known}:
            now = datetime.now(UTC)
            known.append(x509.RevokedCertificateBuilder(certificate.serial_number, now).build())
        crl = anatomy.revocations(self._issuer, known).public_bytes(_DER)
        readers = [path for path in (self._folder.glob("*/trusted/*")) if _is(path, self.certificate)]
        files = [self._home / CRL_FILE, *(path.parents[1] / "crl" / CRL_FILE for path in readers)]
        for path in files:
            _replace(path, crl)
        return files

    def _revocations(self) -> x509.CertificateRevocationList:
        return anatomy.revocations(self._issuer, self._revoked())

    def _revoked(self) -> list[x509.RevokedCertificate]:
        path = self._home / CRL_FILE
        return list(x509.load_der_x509_crl(path.read_bytes())) if path.exists() else []


def swap(home: Path) -> x509.Certificate:
    """Put the renewed certificate in force and keep the one before in own/previous. Raises PkiError."""
    if not (home / NEXT / CERTIFICATE.name).exists():
        raise PkiError(f"{home / NEXT} holds no renewed certificate: `jidoka certs renew {home}` first")
    (home / PREVIOUS).mkdir(exist_ok=True)
    for path in (PRIVATE_KEY, CERTIFICATE):
        (home / path).replace(home / PREVIOUS / path.name)
        (home / NEXT / path.name).replace(home / path)
    return _own(home)


def _own(home: Path) -> x509.Certificate:
    try:
        return read_certificate(home / CERTIFICATE)
    except (OSError, ValueError) as error:
        raise PkiError(f"{home} is no application's folder: {home / CERTIFICATE} cannot be read ({error})") from error


def _read_key(path: Path) -> rsa.RSAPrivateKey:
    loaded = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(loaded, rsa.RSAPrivateKey):
        raise PkiError(f"{path} is no RSA key")
    return loaded


def _store(certificate_path: Path, key_path: Path, certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> None:
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _replace(key_path, secret)
    _replace(certificate_path, certificate.public_bytes(_DER))


def _replace(path: Path, content: bytes) -> None:
    """Whole or not at all, and readable by its owner only: applications read these while they run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)


def _is(path: Path, certificate: x509.Certificate) -> bool:
    try:
        return read_certificate(path) == certificate
    except (OSError, ValueError):
        return False


def _check(path: Path, uri: str) -> None:
    certificate = read_certificate(path)
    if uri not in uris_of(certificate):
        raise PkiError(f"{path} belongs to {', '.join(uris_of(certificate))} and not to {uri}: move it away")
    if certificate.not_valid_after_utc <= datetime.now(UTC):
        home = path.parents[1]
        raise PkiError(
            f"{path} expired on {certificate.not_valid_after_utc:%Y-%m-%d}: "
            f"`jidoka certs renew {home}` and then `jidoka certs renew {home} --swap`"
        )
