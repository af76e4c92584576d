"""Whether a peer may be who it says: trusted, its own URI and host in the certificate, made for this use, strong.

asyncua's own validator knows no pinned certificates, no issuers that are not trusted and no host names.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from asyncua import ua
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID

from services.opcua_bridge.adapters.trust import CertificateRefused, Trust, printable

_WEAKEST_RSA = 2048  # both policies that we offer (OPC 10000-7, MinAsymmetricKeyLength)
_WEAK_HASHES = {"md5", "sha1"}
OnRefused = Callable[[CertificateRefused], None]


@dataclass(frozen=True)
class PeerCheck:
    """A validator as asyncua calls it; `on_refused` hears of every refusal, `host` is the one that we dialled."""

    trust: Trust
    of_server: bool
    on_refused: OnRefused
    host: str = ""

    async def __call__(self, certificate: x509.Certificate, description: ua.ApplicationDescription) -> None:
        """Raises CertificateRefused."""
        self.check(certificate, description.ApplicationUri)

    def check(self, certificate: x509.Certificate, uri: str) -> None:
        """The same, at once. Raises CertificateRefused."""
        try:
            self.trust.check(certificate)
            _check_strength(certificate)
            _check_use(certificate, of_server=self.of_server)
            _check_uri(certificate, uri)
            if self.host:
                _check_host(certificate, self.host)
        except CertificateRefused as error:
            self.on_refused(error)
            raise


def host_of(url: str) -> str:
    """The host name or address in an opc.tcp URL."""
    return urlsplit(url).hostname or ""


def uris_of(certificate: x509.Certificate) -> list[str]:
    """The application URIs in a certificate; a good one has just one."""
    names = _extension(certificate, x509.SubjectAlternativeName)
    return [printable(uri) for uri in names.get_values_for_type(x509.UniformResourceIdentifier)] if names else []


def hosts_of(certificate: x509.Certificate) -> list[str]:
    """The DNS names and IP addresses in a certificate."""
    names = _extension(certificate, x509.SubjectAlternativeName)
    if names is None:
        return []
    return [
        *map(printable, names.get_values_for_type(x509.DNSName)),
        *map(str, names.get_values_for_type(x509.IPAddress)),
    ]


def _check_strength(certificate: x509.Certificate) -> None:
    key, algorithm = certificate.public_key(), certificate.signature_hash_algorithm
    weak_hash = algorithm is not None and algorithm.name in _WEAK_HASHES
    if not isinstance(key, RSAPublicKey) or key.key_size < _WEAKEST_RSA or weak_hash:
        why = f"it is not RSA with {_WEAKEST_RSA} bits and SHA-256 or more"
        raise CertificateRefused(ua.StatusCodes.BadCertificatePolicyCheckFailed, certificate, why)


def _check_use(certificate: x509.Certificate, *, of_server: bool) -> None:
    """OPC 10000-6, 6.2.2; extended usage counts where it is given."""
    usage, extended = _extension(certificate, x509.KeyUsage), _extension(certificate, x509.ExtendedKeyUsage)
    wanted = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment")
    if usage is None or not all(getattr(usage, name) for name in wanted):
        why = "its key usage is not that of an OPC UA application"
        raise CertificateRefused(ua.StatusCodes.BadCertificateUseNotAllowed, certificate, why)
    role = ExtendedKeyUsageOID.SERVER_AUTH if of_server else ExtendedKeyUsageOID.CLIENT_AUTH
    if extended is not None and role not in extended:
        why = f"it is not meant for a {'server' if of_server else 'client'}"
        raise CertificateRefused(ua.StatusCodes.BadCertificateUseNotAllowed, certificate, why)


def _check_uri(certificate: x509.Certificate, uri: str) -> None:
    if uri not in uris_of(certificate):
        why = f"it belongs to {', '.join(uris_of(certificate)) or 'no application URI'} and not to {uri or 'nobody'}"
        raise CertificateRefused(ua.StatusCodes.BadCertificateUriInvalid, certificate, why)


def _check_host(certificate: x509.Certificate, host: str) -> None:
    try:
        host = str(ipaddress.ip_address(host))
    except ValueError:
        host = host.lower()
    if host not in [one.lower() for one in hosts_of(certificate)]:
        why = f"it names {', '.join(hosts_of(certificate)) or 'no host'} and not {host}"
        raise CertificateRefused(ua.StatusCodes.BadCertificateHostNameInvalid, certificate, why)


def _extension(certificate: x509.Certificate, kind: type[Any]) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, ValueError):
        return None
