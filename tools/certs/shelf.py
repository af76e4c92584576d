"""Every certificate in a PKI folder, who keeps it and in which list; moving one from list to list."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from services.opcua_bridge.adapters.trust import SUFFIXES, Trust, name_of, read_certificate, thumbprint
from tools.certs.authority import PkiError

KINDS = ("own", "trusted", "issuers", "rejected")


@dataclass(frozen=True)
class Kept:
    """One certificate in one application's list."""

    application: Path
    kind: str
    path: Path
    certificate: x509.Certificate

    @property
    def why(self) -> str:
        """Why a rejected one was turned away."""
        reason = self.path.with_suffix(".txt")
        return reason.read_text(encoding="utf-8").strip() if self.kind == "rejected" and reason.is_file() else ""

    @property
    def revoked(self) -> bool:
        """Whether its application's list says so."""
        return Trust(self.application).is_revoked(self.certificate)


def applications(folder: Path) -> list[Path]:
    """The applications' folders in a PKI folder; the folder itself, if it is one. Raises PkiError for none."""
    found = [one for one in (folder, *sorted(folder.glob("*"))) if any((one / kind).is_dir() for kind in KINDS)]
    if not found:
        raise PkiError(f"{folder} holds no certificates: `jidoka certs create NAME --pki {folder}` makes some")
    return found


def kept(folder: Path) -> Iterator[Kept]:
    """Everything that can be read. Raises PkiError where there is no PKI."""
    for application in applications(folder):
        for kind in KINDS:
            for path in sorted((application / kind).glob("*")):
                if path.suffix.lower() in SUFFIXES and (certificate := _readable(path)):
                    yield Kept(application, kind, path, certificate)


def named(folder: Path, mark: str) -> list[Kept]:
    """All with a thumbprint (SHA-1 or SHA-256, colons or not) that begins so. Raises PkiError for none or several."""
    wanted = mark.replace(":", "").upper()
    found = [one for one in kept(folder) if any(own.startswith(wanted) for own in _marks(one.certificate))]
    if not wanted or not found:
        raise PkiError(f"no certificate in {folder} has the thumbprint {mark}: `jidoka certs list` shows them")
    if len({one.certificate for one in found}) > 1:
        names = ", ".join(sorted({name_of(one.certificate) for one in found}))
        raise PkiError(f"{mark} fits several certificates ({names}): give more of the thumbprint")
    return found


def found(folder: Path, what: str) -> x509.Certificate:
    """A certificate by its file or thumbprint. Raises PkiError."""
    path = Path(what)
    if not path.is_file():
        return named(folder, what)[0].certificate
    try:
        return read_certificate(path)
    except ValueError as error:
        raise PkiError(f"{path} is no certificate in DER or PEM") from error


def trust(application: Path, certificate: x509.Certificate) -> Path:
    """Let an application trust a certificate from now on; takes it out of its rejected ones."""
    target = application / "trusted" / f"{thumbprint(certificate)}.der"
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".draft")
    draft.write_bytes(certificate.public_bytes(Encoding.DER))
    draft.replace(target)
    _drop(application, "rejected", certificate)
    return target


def reject(application: Path, certificate: x509.Certificate) -> list[Path]:
    """Trust a certificate no longer; it goes to the rejected ones. Returns what was taken away."""
    gone = _drop(application, "trusted", certificate)
    if gone:
        target = application / "rejected" / f"{thumbprint(certificate)}.der"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(certificate.public_bytes(Encoding.DER))
        target.with_suffix(".txt").write_text("taken from trusted with `jidoka certs reject`\n", encoding="utf-8")
    return gone


def _drop(application: Path, kind: str, certificate: x509.Certificate) -> list[Path]:
    gone = [one for one in sorted((application / kind).glob("*")) if _readable(one) == certificate]
    for path in gone:
        path.unlink()
        path.with_suffix(".txt").unlink(missing_ok=True)
    return gone


def _readable(path: Path) -> x509.Certificate | None:
    try:
        return read_certificate(path) if path.is_file() and path.suffix.lower() in SUFFIXES else None
    except (OSError, ValueError):
        return None


def _marks(certificate: x509.Certificate) -> tuple[str, str]:
    return thumbprint(certificate), hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest().upper()
