"""What a job order says, without a server: the structures have the fields of OPC 10031-4 and no more is read."""

from types import SimpleNamespace as Structure

import pytest

from services.chassis.errors import Invalid
from services.opcua_bridge.adapters.scada.orders import read_order
from services.opcua_bridge.domain.context import ContextChange
from services.opcua_bridge.domain.line import LineName

LINE = LineName("lyon", "smt1")
EMPTY = {
    "MaterialRequirements": None,
    "PhysicalAssetRequirements": None,
    "WorkMasterID": None,
    "EquipmentRequirements": None,
    "JobOrderParameters": None,
}


def named(id_: str, value: object) -> Structure:
    return Structure(ID=id_, Value=Structure(Value=value))


def read(**fields: object) -> ContextChange:
    return read_order(Structure(**{"JobOrderID": "J1", **EMPTY, **fields}), LINE, ["aoi1"], ["pcb", "thin"]).context


def test_lot_material_supplier_recipe_tool_and_station_come_from_where_the_standard_puts_them():
    material = Structure(MaterialLotID="L7", MaterialDefinitionID="FR4", Properties=[named("Supplier", "ACME")])
    said = read(
        MaterialRequirements=[material],
        PhysicalAssetRequirements=[Structure(ID="stencil-4")],
        WorkMasterID=[Structure(ID="thin")],
        EquipmentRequirements=[Structure(ID="printer"), Structure(ID="aoi1")],
    )
    assert said == ContextChange(LINE, "aoi1", "L7", "FR4", "ACME", "thin", "stencil-4", "J1", "scada:job-order")


def test_a_parameter_wins_and_an_empty_order_changes_nothing_but_the_order():
    material = Structure(MaterialLotID="L7", MaterialDefinitionID=None, Properties=None)
    parameters = [named("Lot", "L8"), named("colour", "red"), named("supplier", 7)]
    assert read(MaterialRequirements=[material], JobOrderParameters=parameters).lot == "L8"
    assert read() == ContextChange(LINE, job_order="J1", source="scada:job-order")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"JobOrderParameters": [named("station", "aoi9")]}, "station"),
        ({"WorkMasterID": [Structure(ID="unheard-of")]}, "recipe"),
        ({"JobOrderParameters": [named("tool", "x" * 129)]}, "tool"),
        ({"JobOrderID": "x" * 129}, "JobOrderID"),
    ],
)
def test_what_the_line_does_not_have_is_refused_by_its_name(fields, field):
    with pytest.raises(Invalid) as error:
        read(**fields)
    assert error.value.field == field
