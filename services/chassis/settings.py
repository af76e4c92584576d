"""The base of every service's settings: frozen, documented, prefixed, secrets from files, read once in `__main__`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.chassis.errors import Invalid


class ChassisSettings(BaseSettings):
    """What any service is told. Subclasses set `env_prefix` to JIDOKA_<SERVICE>_.

    The prefix is long on purpose: Kubernetes service links inject variables such as GATEWAY_PORT=tcp://... into pods.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    plant_file: Path
    """The plant file; `jidoka check FILE` says whether it is good."""
    health_address: str = "127.0.0.1:0"
    """Where /livez, /readyz and /metrics are served (host:port)."""
    nats_url: str = "nats://127.0.0.1:4222"
    """The broker."""
    nats_password_file: Path | None = None
    """File with this service's broker password."""
    scrape_token_file: Path | None = None
    """File with the token that opens /metrics; none: metrics stay shut."""
    issuer_url: str = ""
    """The OAuth2 issuer, exactly as in the tokens' `iss`."""
    audience: str = "urn:jidoka:mesh"
    """Tokens must be meant for this audience."""
    roles_claim: str = "realm_access.roles"
    """Dotted path of the roles in a token (Keycloak's by default)."""
    client_secret_file: Path | None = None
    """File with this service's own client secret at the issuer."""
    otlp_endpoint: str = ""
    """OTLP/gRPC collector (host:port); empty: traces are not exported."""
    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""
    drain_s: float = Field(default=8.0, gt=0)
    """How long a stop may take before what is still running is cut off."""


def read_secret(path: Path | None, what: str) -> str:
    """The secret in a file, without the trailing newline. Raises Invalid naming what is missing and where."""
    if path is None:
        raise Invalid(f"no file is configured for {what}", field=what, fix="set the *_file setting to a mounted secret")
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        fix = "mount the secret there, readable by this user"
        raise Invalid(f"cannot read {path}: {error.strerror}", field=what, fix=fix) from error
