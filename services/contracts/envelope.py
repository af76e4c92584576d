"""What is signed, and how: DSSE (secure-systems-lab, v1.0), so that other tools can check it, too."""

import hashlib

MODEL_MANIFEST = "application/vnd.jidoka.model-manifest+json"
ENVELOPE_FILE, MANIFEST_FILE = "manifest.dsse.json", "manifest.json"
"""In a model's folder: the signed manifest, and the same bytes to be read by people."""
PLAN_STATEMENT = ".json"
"""Behind the name of a TensorRT plan: what it was built from (`source`), and its own SHA-256."""


def pae(kind: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: the bytes that an Ed25519 signature covers."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def key_id(public_key: bytes) -> str:
    """Of a raw Ed25519 public key (32 bytes): the first half of its SHA-256, hex."""
    return hashlib.sha256(public_key).hexdigest()[:32]
