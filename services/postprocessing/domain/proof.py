"""What must be known of a part before anything can be claimed about it."""

from collections.abc import Mapping

REQUIRED = ("image_sha256", "golden_sha256", "model_name", "model_version", "model_digest", "preprocessing_digest")


def gaps(provenance: Mapping[str, str]) -> list[str]:
    """One sentence for everything that is not said: a verdict that nobody could derive again proves nothing."""
    return [f"unproven: no {name.replace('_', ' ')}" for name in REQUIRED if not provenance.get(name)]
