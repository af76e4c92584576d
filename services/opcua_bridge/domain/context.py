"""What a line works on, as the MES or an engineer says it over SCADA."""

from dataclasses import dataclass

from services.opcua_bridge.domain.line import LineName


@dataclass(frozen=True)
class ContextChange:
    """Holds from `at` on for a line, or for one station of it. An empty field leaves what was said before."""

    line: LineName
    station: str = ""
    lot: str = ""
    material: str = ""
    supplier: str = ""
    recipe: str = ""
    tool: str = ""
    job_order: str = ""
    source: str = ""
    at: float = 0.0
    """Since when, in seconds of the epoch; 0: since it is told. The same change of the same time is told once."""
