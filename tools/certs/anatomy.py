"""What stands in the certificates that we make: names, usages and validity as OPC 10000-6, 6.2.2 wants them."""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

BITS = (2048, 3072, 4096)
"""What both security policies take (OPC 10000-7)."""


def new_key(bits: int = BITS[0]) -> rsa.RSAPrivateKey:
    """An RSA key. Raises ValueError for a size that no OPC UA peer must take."""
    if bits not in BITS:
        raise ValueError(f"an OPC UA key has one of {', '.join(map(str, BITS))} bits and not {bits}")
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def authority(name: str, key: rsa.RSAPrivateKey, valid: timedelta) -> x509.Certificate:
    """A self-signed CA that issues applications and no further CAs."""
    subject = _name(name)
    builder = _builder(subject, subject, key.public_key(), key.public_key(), valid)
    constrained = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return constrained.add_extension(_usage(ca=True), critical=True).sign(key, hashes.SHA256())


def application(
    name: str,
    uri: str,
    hosts: Sequence[str],
    key: rsa.RSAPublicKey,
    issuer: tuple[x509.Certificate, rsa.RSAPrivateKey],
    valid: timedelta,
) -> x509.Certificate:
    """An application instance certificate, for a client as well as a server; never longer valid than its issuer."""
    ca, ca_key = issuer
    builder = _builder(_name(name), ca.subject, key, ca_key.public_key(), valid, ca.not_valid_after_utc)
    names = [x509.UniformResourceIdentifier(uri), *map(_host, dict.fromkeys(hosts))]
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    constrained = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    used = constrained.add_extension(_usage(ca=False), critical=True).add_extension(both, critical=False)
    return used.sign(ca_key, hashes.SHA256())


def revocations(
    issuer: tuple[x509.Certificate, rsa.RSAPrivateKey], revoked: Sequence[x509.RevokedCertificate]
) -> x509.CertificateRevocationList:
    """The issuer's list, signed; it holds as long as the issuer, for a plant has no service that would renew it."""
    ca, ca_key = issuer
    now = datetime.now(UTC)
    builder = x509.CertificateRevocationListBuilder(ca.subject, now - timedelta(minutes=5), ca.not_valid_after_utc)
    builder = builder.add_extension(x509.CRLNumber(int(now.timestamp() * 1000)), critical=False)
    aki = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    builder = builder.add_extension(aki, critical=False)
    for one in revoked:
        builder = builder.add_revoked_certificate(one)
    return builder.sign(ca_key, hashes.SHA256())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPublicKey,
    issuer_key: rsa.RSAPublicKey,
    valid: timedelta,
    latest: datetime | None = None,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    ends = now + valid
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, ends) - timedelta(minutes=5))  # a PLC's clock may be a little behind
        .not_valid_after(min(ends, latest) if latest else ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    """An application certificate signs, does not repudiate, and enciphers keys and data."""
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
