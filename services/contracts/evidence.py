"""The plant file's section about the pictures that an incident leaves behind."""

from pydantic import Field

from services.contracts.strict import Strict

_DAY_S = 86_400


def picture_name(station: str, inspection_id: str) -> str:
    """What the picture of an inspection is called in the bucket; `station` is site/line/station: ids are its own."""
    return f"{station}/{inspection_id}"


class Evidence(Strict):
    """Pictures of parts that did not pass: how long they are kept, and where people look at them."""

    gateway_url: str = Field(default="", pattern=r"^(https?://[A-Za-z0-9._:/\[\]-]+)?$")
    """The gateway as people at the MES reach it: https://jidoka.example; none: orders name a command to type."""
    keep_days: int = Field(default=14, ge=1, le=3650)
    """Then a picture is deleted. Verdicts are kept for 14 days too."""
    most_mib: int = Field(default=1024, ge=1, le=1 << 20)
    """All pictures together; when there is no room, the oldest goes first."""

    @property
    def keep_s(self) -> int:
        """Seconds."""
        return self.keep_days * _DAY_S

    @property
    def most_bytes(self) -> int:
        """Bytes."""
        return self.most_mib << 20
