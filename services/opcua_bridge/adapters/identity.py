"""Who we are towards OPC UA peers, and whom we trust: a PKI folder with `own/` and the lists that trust.py reads."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.chassis.errors import Invalid
from services.opcua_bridge.adapters.peer_check import PeerCheck, uris_of
from services.opcua_bridge.adapters.rejected import Rejected
from services.opcua_bridge.adapters.trust import Trust, read_certificate, thumbprint

__all__ = ["Identity", "load_identity", "thumbprint"]


@dataclass(frozen=True)
class Identity:
    """An application instance certificate with its key, and the trust lists beside it."""

    certificate_path: Path
    key_path: Path
    certificate: x509.Certificate
    key: RSAPrivateKey
    application_uri: str
    trust: Trust
    rejected: Rejected

    def server_validator(self, host: str = "") -> PeerCheck:
        """Checks the certificate of a server that we connect to; with a host also that this one stands in it."""
        return PeerCheck(self.trust, of_server=True, on_refused=self.rejected.keep, host=host)

    def client_validator(self) -> PeerCheck:
        """Checks the certificate of a client that connects to us."""
        return PeerCheck(self.trust, of_server=False, on_refused=self.rejected.keep)


async def load_identity(pki: Path) -> Identity:
    """Read a PKI folder. Raises Invalid for what is missing or expired.

    Nothing is renewed silently: a new thumbprint is trusted by no PLC.
    """
    certificate_path, key_path = pki / "own/certificate.der", pki / "own/private-key.pem"
    certificate, key = _read_own(certificate_path, key_path)
    if certificate.not_valid_after_utc <= datetime.now(UTC):
        fix = f"jidoka certs renew {pki}"
        raise Invalid(f"{certificate_path} expired on {certificate.not_valid_after_utc:%Y-%m-%d}", field="pki", fix=fix)
    uris = uris_of(certificate)
    if not uris:
        raise Invalid(f"{certificate_path} names no application URI", field="pki", fix="jidoka certs create")
    return Identity(certificate_path, key_path, certificate, key, uris[0], Trust(pki), Rejected(pki / "rejected"))


def _read_own(certificate_path: Path, key_path: Path) -> tuple[x509.Certificate, RSAPrivateKey]:
    fix = "mount the folder that `jidoka certs create` made for this application"
    try:
        certificate = read_certificate(certificate_path)
        key = load_pem_private_key(key_path.read_bytes(), password=None)
    except OSError as error:
        raise Invalid(f"cannot read {error.filename}: {error.strerror}", field="pki", fix=fix) from error
    except (ValueError, TypeError) as error:
        what = f"{certificate_path} or {key_path.name} is no DER certificate or unencrypted PEM key"
        raise Invalid(what, field="pki", fix=fix) from error
    if not isinstance(key, RSAPrivateKey) or key.public_key() != certificate.public_key():
        raise Invalid(f"{key_path} is not the RSA key of {certificate_path.name}", field="pki", fix=fix)
    return certificate, key
