"""What is signed, and how: DSSE (secure-systems-lab, v1.0), so that other tools can check it, too."""

import hashlib
import hmac

MODEL_MANIFEST = "application/vnd.jidoka.model-manifest+json"
ENVELOPE_FILE, MANIFEST_FILE = "manifest.dsse.json", "manifest.json"
"""In a model's folder: the signed manifest, and the same bytes to be read by people."""
PLAN_STATEMENT = ".json"
"""Behind the name of a TensorRT plan: what it was built from (`source`), its own SHA-256, and the node's `seal`."""


def pae(kind: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: the bytes that an Ed25519 signature covers."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def key_id(public_key: bytes) -> str:
    """Of a raw Ed25519 public key (32 bytes): the first half of its SHA-256, hex."""
    return hashlib.sha256(public_key).hexdigest()[:32]


def plan_seal(node_key: str, source: str, sha256: str) -> str:
    """Who built the plan vouches for it with a secret that it shares with the inference service of the node (S2).

    Anybody could write a statement for any bytes otherwise. HMAC-SHA256, hex.
    """
    stated = f"jidoka TensorRT plan {source} {sha256}".encode()
    return hmac.new(node_key.encode(), stated, hashlib.sha256).hexdigest()
