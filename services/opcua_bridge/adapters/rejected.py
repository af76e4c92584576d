"""The certificates that we turned away, for a person to look at and perhaps to trust: newest kept, oldest forgotten."""

import logging
import os
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from services.opcua_bridge.adapters.trust import CertificateRefused, thumbprint

_KEPT = 64  # whoever can reach the port can make as many as he likes
_REMEMBERED = 1024
_said: dict[Path, str] = {}  # of all folders: an identity is loaded anew for each connection to a PLC
log = logging.getLogger("jidoka.opcua")


class Rejected:
    """The folder `rejected/`: `<thumbprint>.der`, and why in `<thumbprint>.txt`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, refused: CertificateRefused) -> None:
        """Store the certificate with the reason; said once for each reason. A folder that is read-only is no error."""
        mark = thumbprint(refused.certificate)
        file = self._folder / f"{mark}.der"
        if _said.get(file) == str(refused) and file.exists():
            return
        _said[file] = str(refused)
        if len(_said) > _REMEMBERED:
            _said.pop(next(iter(_said)))
        log.warning("certificate %s refused: %s", mark, refused)
        try:
            self._store(mark, refused.certificate, str(refused))
        except OSError as error:
            log.warning("cannot keep it in %s: %s", self._folder, error.strerror)

    def _store(self, mark: str, certificate: x509.Certificate, why: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f".{mark}.{os.getpid()}"
        draft.write_bytes(certificate.public_bytes(Encoding.DER))
        draft.replace(self._folder / f"{mark}.der")
        (self._folder / f"{mark}.txt").write_text(
            f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC {why}\n", encoding="utf-8"
        )
        kept = sorted(self._folder.glob("*.der"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in kept[_KEPT:]:
            old.unlink(missing_ok=True)
            old.with_suffix(".txt").unlink(missing_ok=True)
