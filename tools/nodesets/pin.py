"""Which package, and exactly which bytes of it."""

PACKAGE, VERSION = "node-opcua-nodesets", "2.182.0"
SHA256 = "d79477eb90a8cde67116051e5aba3f73a2b2c4056906f139edaa85b24ee82934"
LICENSE = "package/LICENSE"
FILES = (
    "package/nodesets/Opc.Ua.Di.NodeSet2.xml",
    "package/nodesets/Opc.Ua.IA.NodeSet2.xml",
    "package/nodesets/Opc.Ua.Machinery.NodeSet2.xml",
    "package/nodesets/Opc.Ua.MachineVision.NodeSet2.xml",
    "package/nodesets/opc.ua.isa95-jobcontrol.nodeset2.xml",
)
