"""The node sets: fetched bytes are the pinned ones, and what asyncua cannot read is mended in memory."""

import hashlib
import io
import tarfile
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from services.chassis.errors import Invalid, Unavailable
from services.opcua_bridge.adapters.scada.nodesets import FILES, mended
from tools.nodesets import fetch, pin

UA = "{http://opcfoundation.org/UA/2011/03/UANodeSet.xsd}"
NODESET = """<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd">
<UAObject NodeId="ns=1;i=1" DesignToolOnly="true"/>
<UAObject NodeId="ns=1;i=2" ParentNodeId="ns=1;i=1"/>
<UAObject NodeId="ns=1;i=3" ParentNodeId="ns=1;i=2"/>
<UADataType NodeId="ns=1;i=10"><Definition Name="Base"><Field Name="Id"/><Field Name="Version"/></Definition>
</UADataType>
<UADataType NodeId="ns=1;i=11"><Definition Name="Derived"/>
<References><Reference ReferenceType="HasSubtype" IsForward="false">ns=1;i=10</Reference></References></UADataType>
<UAVariable NodeId="ns=1;i=20"><Value><ListOfExtensionObject xmlns="http://opcfoundation.org/UA/2008/02/Types.xsd">
<ExtensionObject><Body><ResultDataType/></Body></ExtensionObject></ListOfExtensionObject></Value></UAVariable>
<UAVariable NodeId="ns=1;i=21"><References><Reference ReferenceType="HasProperty">ns=1;i=2</Reference></References>
<Value><ListOfExtensionObject xmlns="http://opcfoundation.org/UA/2008/02/Types.xsd">
<ExtensionObject><Body><Argument/></Body></ExtensionObject></ListOfExtensionObject></Value></UAVariable>
</UANodeSet>"""


def test_mending_drops_design_nodes_spells_fields_out_and_strips_structured_defaults(tmp_path: Path):
    path = tmp_path / "nodeset.xml"
    path.write_text(NODESET)
    root = ET.fromstring(mended(path))
    nodes = {node.get("NodeId"): node for node in root}
    assert {"ns=1;i=1", "ns=1;i=2", "ns=1;i=3"}.isdisjoint(nodes)
    assert [field.get("Name") for field in nodes["ns=1;i=11"].iter(f"{UA}Field")] == ["Id", "Version"]
    assert nodes["ns=1;i=20"].find(f"{UA}Value") is None
    assert nodes["ns=1;i=21"].find(f"{UA}Value") is not None  # the arguments of a method stay
    assert not list(nodes["ns=1;i=21"].iter(f"{UA}Reference"))
    assert path.read_text() == NODESET


def packed(path: Path) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name in (pin.LICENSE, *pin.FILES, "package/nodesets/Unwanted.xml"):
            entry = tarfile.TarInfo(name)
            entry.size = 2
            archive.addfile(entry, io.BytesIO(b"<>"))
    return path


def test_only_the_pinned_bytes_are_unpacked_and_only_what_is_loaded(tmp_path: Path):
    archive = packed(tmp_path / "package.tgz")
    with pytest.raises(Invalid, match=pin.SHA256):
        fetch.unpack(archive, tmp_path / "refused")
    assert not (tmp_path / "refused").exists()
    fetch.unpack(archive, tmp_path / "unpacked", hashlib.sha256(archive.read_bytes()).hexdigest())
    assert {path.name for path in (tmp_path / "unpacked").iterdir()} == {"LICENSE", *FILES}


def test_without_npm_it_says_what_to_do(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(fetch.shutil, "which", lambda _: None)
    monkeypatch.setattr(fetch.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(Unavailable, match=r"no npm.*install Node"):
        fetch.fetch(tmp_path)
