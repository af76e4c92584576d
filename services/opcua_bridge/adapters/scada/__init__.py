"""What SCADA sees of us, behind the `Board` port."""

from services.opcua_bridge.adapters.scada.board import NAMESPACE, ScadaBoard
from services.opcua_bridge.adapters.scada.plain import BROKER

__all__ = ["BROKER", "NAMESPACE", "ScadaBoard"]
