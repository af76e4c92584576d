"""Which plain variables there are, for SCADA systems that read no structures; their ids are a promise."""

from asyncua import ua

from services.opcua_bridge.domain.line import LineName

BROKER, BRIDGE = "broker", "bridge"
"""Sources beside the lines' PLCs, which go by the line's name; the bridge itself is there as long as it answers."""

Table = dict[str, tuple[ua.VariantType, str]]
STATION: Table = {
    "LastVerdict": (ua.VariantType.String, BROKER),
    "LastDefectLabel": (ua.VariantType.String, BROKER),
    "LastScore": (ua.VariantType.Double, BROKER),
    "LastPartId": (ua.VariantType.String, BROKER),
    "LastInspectionId": (ua.VariantType.String, BROKER),
    "PassCount": (ua.VariantType.UInt32, BROKER),
    "FailCount": (ua.VariantType.UInt32, BROKER),
    "InconclusiveCount": (ua.VariantType.UInt32, BROKER),
}
LINE_PAUSE: Table = {
    "Requested": (ua.VariantType.Boolean, BROKER),
    "Reason": (ua.VariantType.String, BROKER),
    "CmdId": (ua.VariantType.UInt32, BROKER),
    "State": (ua.VariantType.String, BROKER),
    "Since": (ua.VariantType.DateTime, BROKER),
    "SuspectFrom": (ua.VariantType.UInt64, BROKER),
    "SuspectTo": (ua.VariantType.UInt64, BROKER),
}
_PAUSE: Table = {
    "PauseState": (ua.VariantType.String, BROKER),
    "PauseReason": (ua.VariantType.String, BROKER),
    "PauseRequestId": (ua.VariantType.String, BROKER),
    "PauseSince": (ua.VariantType.DateTime, BROKER),
    "SuspectFrom": (ua.VariantType.UInt64, BROKER),
    "SuspectTo": (ua.VariantType.UInt64, BROKER),
}


def line_table(line: LineName) -> Table:
    """The variables of a line; some come from its PLC."""
    plc = str(line)
    return {
        "PackMLState": (ua.VariantType.Int32, plc),
        "RemotePauseEnabled": (ua.VariantType.Boolean, plc),
        "LinkUp": (ua.VariantType.Boolean, BRIDGE),
        "LinkDetail": (ua.VariantType.String, BRIDGE),
        **_PAUSE,
    }
