"""Who vouches for a model: an Ed25519 key signs its manifest, and a plant serves what its trusted keys have signed."""

import base64
import json
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from services.contracts.envelope import ENVELOPE_FILE, MANIFEST_FILE, MODEL_MANIFEST, key_id, pae


def signing_key(path: Path, trust: Path) -> Ed25519PrivateKey:
    """The key in `path`; made when there is none yet, readable by its owner alone, its public half put into `trust`.

    Raises ValueError for a file that holds no Ed25519 key.
    """
    if not path.is_file():
        _make(path, trust)
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: no private key without a passphrase: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path}: not an Ed25519 key; name a file that is not there yet, and one will be made")  # noqa: TRY004
    return key


def _make(path: Path, trust: Path) -> None:
    key = Ed25519PrivateKey.generate()
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    trust.mkdir(parents=True, exist_ok=True)
    public = key.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (trust / f"{key_id(public.public_bytes_raw())[:12]}.pem").write_bytes(pem)


def sign(model: Path, manifest: dict[str, object], key: Ed25519PrivateKey) -> None:
    """Writes manifest.json into the model folder, and the same bytes in a signed DSSE envelope beside it."""
    payload = (json.dumps(manifest, indent=2) + "\n").encode()
    signature = {
        "keyid": key_id(key.public_key().public_bytes_raw()),
        "sig": base64.b64encode(key.sign(pae(MODEL_MANIFEST, payload))).decode(),
    }
    envelope = {"payloadType": MODEL_MANIFEST, "payload": base64.b64encode(payload).decode(), "signatures": [signature]}
    (model / MANIFEST_FILE).write_bytes(payload)
    (model / ENVELOPE_FILE).write_text(json.dumps(envelope, indent=1) + "\n")
