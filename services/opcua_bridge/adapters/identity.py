"""Who we are towards OPC UA peers, and whom we trust: a PKI folder with `own/`, `trusted/` and `crl/`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from asyncua.crypto.truststore import TrustStore
from asyncua.crypto.uacrypto import load_certificate, load_private_key
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from services.chassis.errors import Invalid


@dataclass(frozen=True)
class Identity:
    """An application instance certificate with its key, and the trust folder beside it."""

    certificate_path: Path
    key_path: Path
    certificate: x509.Certificate
    key: RSAPrivateKey
    application_uri: str
    trust: TrustStore

    def server_validator(self) -> CertificateValidator:
        """Checks the certificate of a server that we connect to."""
        wanted = CertificateValidatorOptions.TRUSTED_VALIDATION | CertificateValidatorOptions.PEER_SERVER
        return CertificateValidator(wanted, self.trust)

    def client_validator(self) -> CertificateValidator:
        """Checks the certificate of a client that connects to us."""
        wanted = CertificateValidatorOptions.TRUSTED_VALIDATION | CertificateValidatorOptions.PEER_CLIENT
        return CertificateValidator(wanted, self.trust)


async def load_identity(pki: Path) -> Identity:
    """Read a PKI folder. Raises Invalid for what is missing or expired.

    Nothing is renewed silently: a new thumbprint is trusted by no PLC.
    """
    certificate_path, key_path = pki / "own/certificate.der", pki / "own/private-key.pem"
    try:
        certificate = await load_certificate(certificate_path)
        key = await load_private_key(key_path)
    except OSError as error:
        fix = "mount the folder that tools/certs.py made for this application"
        raise Invalid(f"cannot read {error.filename}: {error.strerror}", field="pki", fix=fix) from error
    if certificate.not_valid_after_utc <= datetime.now(UTC):
        raise Invalid(f"{certificate_path} has expired", field="pki", fix="issue a new certificate")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    trust = TrustStore([pki / "trusted"], [pki / "crl"])
    try:
        await trust.load()
    except ValueError as error:
        fix = "put the plant's CA there, .der or .pem"
        raise Invalid(f"{pki / 'trusted'} has no usable certificate: {error}", field="pki", fix=fix) from error
    return Identity(certificate_path, key_path, certificate, key, uris[0], trust)


def thumbprint(certificate: x509.Certificate) -> str:
    """SHA-1 in hex: what the trust lists of PLCs show."""
    return certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303  # OPC 10000-4 names it by SHA-1
