"""Who may call what: everybody asks, operators report and hand over job orders, engineers change recipes."""

from collections.abc import Mapping, Sequence

from services.opcua_bridge.adapters.scada import configurations, jobs, recipes, results, vision_system
from services.opcua_bridge.adapters.secure_server import Rights
from services.opcua_bridge.domain.line import LineName


def roles(stations: Mapping[LineName, Sequence[str]]) -> dict[str, Rights]:
    """The rights of each role. `mes` is for the account of an MES: job orders, and nothing else beyond reading."""
    systems = [f"Vision/{line}/{station}" for line, names in stations.items() for station in names]
    asking = {
        f"{system}.{method}"
        for system in systems
        for method in (
            *(f"ResultManagement.{name}" for name in results.METHODS),
            *(f"RecipeManagement.{name}" for name in recipes.READS),
            *(f"ConfigurationManagement.{name}" for name in configurations.READS),
        )
    }
    reporting = {f"{system}.SafetyStateManagement.ReportSafetyState" for system in systems}
    ordering = {f"Jobs/{line}.{name}" for line in stations for name in jobs.METHODS}
    changing = {
        f"{system}.{method}"
        for system in systems
        for method in (
            *(f"RecipeManagement.{name}" for name in recipes.CHANGES),
            *(f"ConfigurationManagement.{name}" for name in configurations.CHANGES),
            *vision_system.CLOSED,  # to be told that they are not executable
        )
    }
    return {
        "observer": Rights(call=frozenset(asking)),
        "operator": Rights(call=frozenset(asking | reporting | ordering)),
        "mes": Rights(call=frozenset(ordering)),
        "engineer": Rights(call=frozenset(asking | reporting | ordering | changing)),
    }
