"""Whose models are served: a manifest signed by a key in the trust folder, and files that are the ones it names."""

import base64
import binascii
import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from services.chassis.errors import Denied, Invalid, NotFound
from services.contracts.envelope import ENVELOPE_FILE, MANIFEST_FILE, MODEL_MANIFEST, key_id, pae

_MOST_BYTES = 1 << 20
_EXPORT_AGAIN = "export it again with a key that this plant trusts: `jidoka export --key FILE`"


class TrustedKeys:
    """The Ed25519 public keys (*.pem) of a folder, read anew each time: a key that was taken out counts no more."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def verify(self, model: Path) -> dict[str, Any]:
        """The manifest of a model folder, whose files are the signed ones.

        Raises NotFound, Invalid or Denied saying what is wrong and what to do.
        """
        payload, signatures = _envelope(model / ENVELOPE_FILE)
        keys = self._keys()
        for signature in signatures:
            key = keys.get(signature["keyid"])
            if key is not None and _signed(key, signature["sig"], payload):
                return _matching(model, payload)
        signers = ", ".join(signature["keyid"] for signature in signatures) or "nobody"
        fix = f"{_EXPORT_AGAIN}, or put that key into {self._folder} if you know whose it is"
        raise Denied(f"signed by {signers}, which is no key in {self._folder}", field=f"model {model.name}", fix=fix)

    def files(self) -> list[Path]:
        """The files of the keys."""
        return sorted(self._folder.glob("*.pem"))

    def know(self, keyid: str) -> bool:
        """Whether what this key signs is served. Raises Invalid for a file in the folder that is no key."""
        return keyid in self._keys()

    def _keys(self) -> dict[str, Ed25519PublicKey]:
        keys = {}
        for path in self.files():
            try:
                key = load_pem_public_key(path.read_bytes())
            except (ValueError, OSError) as error:
                fix = "replace it by the public half that `jidoka export` wrote, or take it away"
                raise Invalid(f"no public key: {error}", field=str(path), fix=fix) from error
            if isinstance(key, Ed25519PublicKey):
                keys[key_id(key.public_bytes_raw())] = key
        return keys


def _envelope(path: Path) -> tuple[bytes, list[dict[str, str]]]:
    try:
        raw = path.read_bytes()[: _MOST_BYTES + 1]
    except OSError as error:
        raise NotFound(f"no signature at {path}", field=f"model {path.parent.name}", fix=_EXPORT_AGAIN) from error
    try:
        envelope = json.loads(raw)
        payload = base64.b64decode(envelope["payload"], validate=True)
        signatures = [{"keyid": str(s["keyid"]), "sig": str(s["sig"])} for s in envelope["signatures"]]
        if len(raw) > _MOST_BYTES or envelope["payloadType"] != MODEL_MANIFEST:
            raise ValueError(f"it holds {envelope['payloadType']!r}")
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise Invalid(f"{path} is no signed manifest: {error}", field="manifest", fix=_EXPORT_AGAIN) from error
    return payload, signatures


def _signed(key: Ed25519PublicKey, signature: str, payload: bytes) -> bool:
    try:
        key.verify(base64.b64decode(signature, validate=True), pae(MODEL_MANIFEST, payload))
    except (InvalidSignature, binascii.Error):
        return False
    return True


def _matching(model: Path, payload: bytes) -> dict[str, Any]:
    """Raises Denied when a file is not the one that was signed."""
    manifest: dict[str, Any] = json.loads(payload)
    field = f"model {model.name}"
    readable = model / MANIFEST_FILE
    if readable.is_file() and readable.read_bytes() != payload:
        fix = f"restore {MANIFEST_FILE}, or freeze the model again: `jidoka freeze`"
        raise Denied(f"{readable} was changed after it was signed", field=field, fix=fix)
    if manifest.get("name") != model.name:
        # Else an older or another model of ours could be put into this place, and its figures with it (S2).
        fix = f"put it into a folder of that name, or {_EXPORT_AGAIN}"
        raise Denied(f"{model} holds what was signed as {manifest.get('name')!r}", field=field, fix=fix)
    for name, digest in manifest["files"].items():
        path = model / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise Denied(f"{path} is not the file that was signed", field=field, fix=_EXPORT_AGAIN)
    return manifest
