"""The plant's certificates: one CA, and one application certificate for each OPC UA application.

Every application gets its own folder, ready to be mounted: `own/` (certificate and key), `trusted/` (the CA), `crl/`.
"""

import ipaddress
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID = timedelta(days=730)
CERTIFICATE = Path("own/certificate.der")  # asyncua tells DER from PEM by the suffix
PRIVATE_KEY = Path("own/private-key.pem")


class PkiError(Exception):
    """A certificate is there already and does not serve; nothing was overwritten."""


def ensure_pki(
    folder: Path, applications: Mapping[str, str], hosts: Sequence[str] = ("localhost", "127.0.0.1")
) -> dict[str, Path]:
    """Make what is missing of the CA and of each application's certificate; returns each application's folder.

    `applications` maps a name to its application URI; `hosts` are the DNS names and addresses that clients will use.
    Raises PkiError where a certificate exists that has expired or belongs to another URI.
    """
    authority = _Authority(folder / "ca")
    for name, uri in applications.items():
        home = folder / name
        if (home / CERTIFICATE).exists():
            _check(home / CERTIFICATE, uri)
        else:
            authority.issue(home, name, uri, [*hosts, socket.gethostname()])
    return {name: folder / name for name in applications}


class _Authority:
    """The plant CA; its key stays in its own folder and goes to no application."""

    def __init__(self, home: Path) -> None:
        if not (home / CERTIFICATE).exists():
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            subject = _name("Jidoka plant CA")
            builder = _builder(subject, subject, key, key.public_key())
            _store(home, _signed(_with_ca_rights(builder), key), key)
        self._home = home
        self._certificate = x509.load_der_x509_certificate((home / CERTIFICATE).read_bytes())
        loaded = serialization.load_pem_private_key((home / PRIVATE_KEY).read_bytes(), password=None)
        assert isinstance(loaded, rsa.RSAPrivateKey)
        self._key = loaded

    def issue(self, home: Path, name: str, uri: str, hosts: Sequence[str]) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        builder = _builder(_name(name), self._certificate.subject, self._key, key.public_key())
        names = [x509.UniformResourceIdentifier(uri), *map(_host, dict.fromkeys(hosts))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        _store(home, _signed(_with_application_rights(builder), self._key), key)
        for kind in ("trusted", "crl"):
            (home / kind).mkdir(parents=True, exist_ok=True)
        (home / "trusted/plant-ca.der").write_bytes(self._certificate.public_bytes(serialization.Encoding.DER))


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    subject: x509.Name, issuer: x509.Name, issuer_key: rsa.RSAPrivateKey, public_key: rsa.RSAPublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))  # a PLC's clock may be a little behind
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    """OPC 10000-6 6.2.2: an application certificate signs, does not repudiate, and enciphers keys and data."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=not ca,
        key_encipherment=not ca,
        data_encipherment=not ca,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _with_ca_rights(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    constrained = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return constrained.add_extension(_usage(ca=True), critical=True)


def _with_application_rights(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    constrained = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    return constrained.add_extension(_usage(ca=False), critical=True).add_extension(both, critical=False)


def _signed(builder: x509.CertificateBuilder, key: rsa.RSAPrivateKey) -> x509.Certificate:
    return builder.sign(key, hashes.SHA256())


def _store(home: Path, certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> None:
    (home / PRIVATE_KEY).parent.mkdir(parents=True, exist_ok=True)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (home / PRIVATE_KEY).touch(mode=0o600)
    (home / PRIVATE_KEY).write_bytes(secret)
    (home / CERTIFICATE).write_bytes(certificate.public_bytes(serialization.Encoding.DER))


def _check(path: Path, uri: str) -> None:
    certificate = x509.load_der_x509_certificate(path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if uri not in uris:
        raise PkiError(f"{path} belongs to {', '.join(uris)} and not to {uri}: move it away to get a new one")
    if certificate.not_valid_after_utc <= datetime.now(UTC):
        raise PkiError(f"{path} expired on {certificate.not_valid_after_utc:%Y-%m-%d}: move it away to get a new one")
