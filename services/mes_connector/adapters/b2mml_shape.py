"""The part of B2MML V7.0.1 that is written here: which children an element may have, in the order of its schema.

The Business To Manufacturing Markup Language (B2MML) is used courtesy of MESA International. Its schemas are not part
of this project; `mes.options.xsd` names a folder that holds them, and then every document is validated against them.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import TypeAlias

NAMESPACE = "http://www.mesa.org/xml/B2MML"
Content: TypeAlias = "str | Mapping[str, Content] | Sequence[Content]"

_ILLEGAL = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
# WorkSchedule.xsd, OperationsEvent.xsd and Common.xsd, as far as used; an element is known by its name.
_ORDER: Mapping[str, tuple[str, ...]] = {
    "WorkRequest": (
        "ID", "Description", "Version", "HierarchyScope", "WorkType", "StartTime", "EndTime", "Priority",
        "OperationsRequestID", "SegmentRequirementID", "RequestState", "WorkRequestChild", "JobOrder",
    ),
    "JobOrder": (
        "ID", "Description", "Version", "PublishedDate", "StartTime", "EndTime", "HierarchyScope", "WorkType",
        "WorkMasterID", "WorkMasterVersion", "Priority", "Command", "CommandRule", "DispatchStatus",
        "JobOrderParameter", "PersonnelRequirement", "EquipmentRequirement", "PhysicalAssetRequirement",
        "MaterialRequirement", "SegmentRequirementID",
    ),
    "JobOrderParameter": ("ID", "Value", "Description", "HierarchyScope", "ParameterChild"),
    "Value": ("ValueString", "DataType", "UnitOfMeasure", "Key"),
    "EquipmentRequirement": ("ID", "EquipmentClassID", "EquipmentID", "Description", "EquipmentUse", "Quantity"),
    "PhysicalAssetRequirement": ("ID", "PhysicalAssetClassID", "PhysicalAssetID", "Description", "PhysicalAssetUse"),
    "MaterialRequirement": ("ID", "MaterialClassID", "MaterialDefinitionID", "MaterialLotID", "MaterialSubLotID"),
    "OperationsEvent": (
        "ID", "Description", "Version", "HierarchyScope", "EffectiveTimeStamp", "RecordTimeStamp", "Priority",
        "OperationsEventType", "OperationsEventLevel", "OperationsType", "MOMFunction", "EnterpriseFunction",
        "Category", "Acknowledgement", "Source", "OperationsDefinitionID", "OperationsEventChild",
        "OperationsEventRecord",
    ),
    "OperationsEventRecord": (
        "ID", "Description", "Version", "RecordTimestamp", "EffectiveTimestamp", "EffectiveEndDate", "HierarchyScope",
        "Action", "OperationsRecordEntry", "OperationsRecordSpecificationID", "OperationsRecordChild",
    ),
    "OperationsRecordEntry": (
        "ID", "Description", "Version", "RecordTimestamp", "EffectiveTimestamp", "EffectiveEndDate", "HierarchyScope",
        "ExternalReferenceID", "InformationObjectType", "OperationsRecordEntryChild",
    ),
}  # fmt: skip


def element(name: str, content: Content) -> ET.Element:
    """An element with its children in the schema's order; what is empty is left out. KeyError: not in the schema."""
    made = ET.Element(f"{{{NAMESPACE}}}{name}")
    if isinstance(content, str):
        made.text = _legal(content)
    elif isinstance(content, Mapping):
        order = _ORDER[name]
        for child in sorted(content, key=order.index):
            several = content[child]
            for one in [several] if isinstance(several, (str, Mapping)) else several:
                if one:
                    made.append(element(child, one))
    return made


def written(root: ET.Element) -> bytes:
    """The document, UTF-8, with B2MML as its default namespace."""
    ET.register_namespace("", NAMESPACE)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def local(node: ET.Element) -> str:
    """An element's name without its namespace."""
    return node.tag.rpartition("}")[2]


def _legal(text: str) -> str:
    # XML 1.0 has no place for control characters and lone surrogates, escaped or not.
    return _ILLEGAL.sub(" ", text)
