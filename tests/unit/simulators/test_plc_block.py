"""The block that customers load, the simulator and the bridge agree about every tag; the Structured Text parses."""

import re
from pathlib import Path

import pytest
from asyncua import ua
from blark.parse import parse_source_code
from blark.transform import SourceCode

from services.contracts.plc import NODES
from services.opcua_bridge.adapters import plc_visif
from tools.simulators.plc_program import VisIf

PLC = Path(__file__).parents[3] / "deploy/plc"
KINDS = {"INT": "Int16", "DINT": "Int32", "UDINT": "UInt32", "BOOL": "Boolean", "STRING(80)": "String"}


def parsed(file: str) -> SourceCode:
    result = parse_source_code((PLC / file).read_text(encoding="utf-8"))
    assert result.exception is None
    return result.transform()


@pytest.fixture(scope="module")
def declared() -> dict[str, str]:
    """The tags of the structure with their IEC types, in its order."""
    [structure] = parsed("UDT_VisIf.st").items
    fields = structure.declaration.declarations
    return {str(field.variables[0].variable.name): str(field.init) for field in fields}


def test_every_tag_of_the_structure_has_the_type_that_the_simulator_gives_it(declared):
    simulated = {tag: kind.name for tag, kind in (VisIf.written | VisIf.shown).items()}
    assert {tag: KINDS[kind] for tag, kind in declared.items()} == simulated


def test_what_the_bridge_reads_and_writes_is_in_the_structure_with_its_type(declared):
    used = {tag: kind.name for tag, kind in plc_visif.VisIf.kinds.items()}
    assert used.items() <= {tag: KINDS[kind] for tag, kind in declared.items()}.items()
    assert NODES["visif"] == {tag: f"VisIf.{tag}" for tag in used}


def test_the_manual_names_every_tag_with_its_types_and_its_writer(declared):
    manual = (PLC / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| (\w+) \| (Jidoka|PLC) \|", manual, re.MULTILINE)
    writers = {tag: "Jidoka" if tag in VisIf.written else "PLC" for tag in declared}
    assert rows == [(tag, kind, KINDS[kind], writers[tag]) for tag, kind in declared.items()]


def test_the_block_keeps_through_a_power_cut_what_the_simulator_keeps():
    [block] = parsed("FB_VisIf.st").items
    [kept] = [part for part in block.declarations if "RETAIN" in str(part)]
    names = {str(item.variables[0].variable.name) for item in kept.items}
    assert names == {"LastId", "AckCode", "Executed", "WatchdogHolds", "FailPolicy", "LinkDeadMs"}


def test_the_block_acknowledges_with_the_id_behind_the_code_and_writes_no_tag_of_jidokas():
    text = (PLC / "FB_VisIf.st").read_text(encoding="utf-8")
    written = re.findall(r"^\s*Tags\.(\w+) :=", text, re.MULTILINE)
    assert sorted(written) == sorted(VisIf.shown)
    assert written[-2:] == ["AckCode", "AckCmdId"]


def test_the_example_calls_the_block_with_all_that_it_needs():
    [program] = parsed("PRG_Line.st").items
    [block] = parsed("FB_VisIf.st").items
    inputs = [part for part in block.declarations if type(part).__name__.startswith("Input")]
    needed = {str(item).partition(" :")[0].rpartition("\n")[2].strip() for part in inputs for item in part.items}
    assert len(needed) == 4
    assert all(f"{name} :=" in str(program) for name in needed)


def test_types_are_those_of_the_standard():
    assert {ua.VariantType[kind] for kind in KINDS.values()} == set((VisIf.written | VisIf.shown).values())
