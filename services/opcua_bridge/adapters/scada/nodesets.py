"""OPC Foundation node sets, mended while they are loaded so that asyncua 2.1 reads them right; no file is changed.

Three things it cannot read: nodes for design tools only, which have no parent in a server; default values that are
structures, whose class it looks up by its bare name (two node sets use the same one); and derived structures that list
only the fields they add, which it would put on the wire as their parent.
"""

import asyncio
import copy
import logging
import re
import xml.etree.ElementTree as ET  # the files are ours: checked by their hash when they were fetched
from pathlib import Path

from asyncua import Server

VISION = "http://opcfoundation.org/UA/MachineVision"
MACHINERY = "http://opcfoundation.org/UA/Machinery/"
DI = "http://opcfoundation.org/UA/DI/"
JOBS = "http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/"
FILES = (  # in this order: each needs those before it
    "Opc.Ua.Di.NodeSet2.xml",
    "Opc.Ua.IA.NodeSet2.xml",
    "Opc.Ua.Machinery.NodeSet2.xml",
    "Opc.Ua.MachineVision.NodeSet2.xml",
    "opc.ua.isa95-jobcontrol.nodeset2.xml",
)
_UA, _TYPES = "{http://opcfoundation.org/UA/2011/03/UANodeSet.xsd}", "{http://opcfoundation.org/UA/2008/02/Types.xsd}"
_READABLE = {"Argument", "EnumValueType", "EUInformation", "Range", "EnumDefinition"}
log = logging.getLogger("jidoka.opcua_bridge")


async def load(server: Server, folder: Path | None) -> bool:
    """Load the node sets of a folder; False, with one line in the log, when they are not there."""
    missing = FILES if folder is None else [name for name in FILES if not (folder / name).is_file()]
    if folder is None or missing:
        where = f"{folder} lacks {missing[0]}" if folder else "no folder is set"
        log.warning("SCADA sees plain variables only, no Machine Vision objects: %s", where)
        return False
    for name in FILES:
        await server.import_xml(xmlstring=await asyncio.to_thread(mended, folder / name))
    await server.load_data_type_definitions()
    return True


def mended(path: Path) -> str:
    """The text of a node set as asyncua can read it."""
    for _, (prefix, uri) in ET.iterparse(path, events=["start-ns"]):  # noqa: S314
        if not re.fullmatch(r"ns\d+", prefix):
            ET.register_namespace(prefix, uri)
    root = ET.parse(path).getroot()  # noqa: S314
    _drop_design_nodes(root)
    _spell_out_fields(root)
    _strip_structured_defaults(root)
    return ET.tostring(root, encoding="unicode")


def _drop_design_nodes(root: ET.Element) -> None:
    dropped = {node.get("NodeId") for node in root if node.get("DesignToolOnly") == "true"}
    before = -1
    while before != len(dropped):  # children stand after their parents or before them
        before = len(dropped)
        dropped |= {node.get("NodeId") for node in root if dropped and node.get("ParentNodeId") in dropped}
    for node in [n for n in root if n.get("NodeId") in dropped and n.get("NodeId")]:
        root.remove(node)
    for references in root.iter(f"{_UA}References"):
        for reference in [r for r in references if (r.text or "").strip() in dropped]:
            references.remove(reference)


def _spell_out_fields(root: ET.Element) -> None:
    types = {str(node.get("NodeId")): node for node in root.findall(f"{_UA}UADataType")}
    done: set[str] = set()

    def spell_out(identifier: str) -> None:
        parent = _parent_type(types[identifier])
        if identifier in done or parent not in types:
            return
        done.add(identifier)
        spell_out(parent)
        inherited, own = types[parent].find(f"{_UA}Definition"), types[identifier].find(f"{_UA}Definition")
        if inherited is None or own is None or _is_no_structure(inherited, own):
            return
        known = {field.get("Name") for field in own}
        for at, field in enumerate(f for f in inherited if f.get("Name") not in known):
            own.insert(at, copy.deepcopy(field))

    for identifier in types:
        spell_out(identifier)


def _is_no_structure(inherited: ET.Element, own: ET.Element) -> bool:
    special = own.get("IsOptionSet") == "true" or own.get("IsUnion") == "true"
    return special or any(field.get("Value") is not None for field in inherited)


def _parent_type(node: ET.Element) -> str:
    for reference in node.iter(f"{_UA}Reference"):
        if reference.get("ReferenceType") in ("HasSubtype", "i=45") and reference.get("IsForward") == "false":
            return (reference.text or "").strip()
    return ""


def _strip_structured_defaults(root: ET.Element) -> None:
    for node in root:
        value = node.find(f"{_UA}Value") if node.tag in (f"{_UA}UAVariable", f"{_UA}UAVariableType") else None
        if value is None:
            continue
        structures = {child.tag.rpartition("}")[2] for body in value.iter(f"{_TYPES}Body") for child in body}
        if structures - _READABLE:
            node.remove(value)
