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
from services.inference.adapters.trust import TrustedKeys


def signing_key(path: Path, trust: Path) -> Ed25519PrivateKey:
    """The key in `path`; made when there is none yet, and then its public half is put into `trust`.

    Raises ValueError for a file that holds no Ed25519 key, and for a key whose public half is not in `trust`: an hour
    later the plant would refuse the model. MeshError for a file in `trust` that is no key.
    """
    if not path.is_file():
        publish(key_in(path), trust)
    key = key_in(path)
    if not TrustedKeys(trust).know(_id(key)):
        fix = f"`jidoka model key --key {path} --trust {trust}` puts it there"
        raise ValueError(f"{path}: its public half is not in {trust}, and no plant would serve what it signs: {fix}")
    return key


def key_in(path: Path) -> Ed25519PrivateKey:
    """The key in `path`; made when there is none, readable by its owner alone. Raises ValueError."""
    if not path.is_file():
        _make(path)
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: no private key without a passphrase: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path}: not an Ed25519 key; name a file that is not there yet, and one will be made")  # noqa: TRY004
    return key


def publish(key: Ed25519PrivateKey, trust: Path) -> Path:
    """Puts the public half into `trust`: from now on what `key` signs is served by all who look there."""
    trust.mkdir(parents=True, exist_ok=True)
    path = trust / f"{_id(key)[:12]}.pem"
    path.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _id(key: Ed25519PrivateKey) -> str:
    return key_id(key.public_key().public_bytes_raw())


def sign(model: Path, manifest: dict[str, object], key: Ed25519PrivateKey) -> None:
    """Writes manifest.json into the model folder, and the same bytes in a signed DSSE envelope beside it."""
    payload = (json.dumps(manifest, indent=2) + "\n").encode()
    signature = {"keyid": _id(key), "sig": base64.b64encode(key.sign(pae(MODEL_MANIFEST, payload))).decode()}
    envelope = {"payloadType": MODEL_MANIFEST, "payload": base64.b64encode(payload).decode(), "signatures": [signature]}
    (model / MANIFEST_FILE).write_bytes(payload)
    (model / ENVELOPE_FILE).write_text(json.dumps(envelope, indent=1) + "\n")
