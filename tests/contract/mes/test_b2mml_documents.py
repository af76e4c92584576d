"""B2MML beyond the common suite: what stands in the documents, hostile responses, and the file drop's crashes."""

import xml.etree.ElementTree as ET

import pytest
from b2mml_partners import NAMES, FilePartner, HttpPartner, out_of_order, work_response
from counterparts import ASKED_AT, order, request

from services.chassis.errors import Invalid
from services.mes_connector.adapters.b2mml_answer import Garbled, parsed, states
from services.mes_connector.adapters.b2mml_shape import element
from services.mes_connector.domain.answer import Outcome
from services.mes_connector.domain.progress import Filed, Note, Status
from services.mes_connector.domain.work_request import Kind

# A schema of our own that knows one thing: the title may have at most 10 characters.
SCHEMA = """<?xml version="1.0"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.mesa.org/xml/B2MML"
           elementFormDefault="qualified">
  <xs:element name="{name}"><xs:complexType><xs:sequence>
    <xs:element name="ID" type="xs:string"/>
    <xs:element name="Description" minOccurs="{titles}" maxOccurs="{titles}"><xs:simpleType>
      <xs:restriction base="xs:string"><xs:maxLength value="{longest}"/></xs:restriction></xs:simpleType></xs:element>
    <xs:any processContents="skip" minOccurs="0" maxOccurs="unbounded"/>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>"""


@pytest.fixture
def partner(tmp_path) -> FilePartner:
    return FilePartner(tmp_path)


def shown(partner: FilePartner, **changes) -> ET.Element:
    return ET.fromstring(partner.mes.preview(order(**changes)).body)


def test_maintenance_becomes_a_work_request_with_one_job_order(partner):
    root = shown(partner)

    assert root.tag == "{http://www.mesa.org/xml/B2MML}WorkRequest"
    told = {name: root.findtext(name, None, NAMES) for name in ("ID", "WorkType", "Priority", "RequestState")}
    assert told == {"ID": "k1", "WorkType": "Maintenance", "Priority": "2", "RequestState": "Released"}
    assert root.findtext("JobOrder/EquipmentRequirement/EquipmentID", None, NAMES) == "SMT1"
    assert root.findtext("JobOrder/MaterialRequirement/MaterialLotID", None, NAMES) == "L-7"
    parameters = root.findall("JobOrder/JobOrderParameter", NAMES)
    words = {it.findtext("ID", "", NAMES): it.findtext("Value/ValueString", "", NAMES) for it in parameters}
    assert (words["failure_code"], words["nozzle"], words["qty_defective"]) == ("open", "4", "3")
    assert not out_of_order(root)


@pytest.mark.parametrize("kind", [Kind.INTERNAL_QUALITY, Kind.SUPPLIER_QUALITY])
def test_quality_becomes_an_operations_event_with_the_evidence_as_records(partner, kind):
    root = shown(partner, kind=kind)

    assert root.tag == "{http://www.mesa.org/xml/B2MML}OperationsEvent"
    assert root.findtext("OperationsType", None, NAMES) == "Quality"
    assert [it.text for it in root.findall("Category", NAMES)] == [kind.value, "open"]
    records = [it.text for it in root.findall(".//ExternalReferenceID", NAMES)]
    assert "jidoka replay i13" in records
    assert "https://plant/images/i13.png" in records
    assert not out_of_order(root)


def test_a_plant_may_want_work_requests_for_quality_too(partner):
    adapter = partner.reopened(options={"supplier_quality": "work_request"})

    body = adapter.preview(order(kind=Kind.SUPPLIER_QUALITY)).body

    assert ET.fromstring(body).findtext("WorkType", None, NAMES) == "Quality"


def test_an_element_that_the_schema_does_not_know_cannot_be_written():
    with pytest.raises(ValueError, match="not in tuple"):
        element("JobOrder", {"ID": "1", "Colour": "red"})


def test_control_characters_do_not_break_the_document(partner):
    assert (
        shown(partner, title="open\x00 \x1b[31m tracks\ud800").findtext("Description", "", NAMES)
        == "open   [31m tracks "
    )


async def test_a_priority_that_is_no_number_is_refused_before_anything_is_written(partner):
    adapter = partner.reopened(mapping={"priorities": {"2": "high"}})

    answer = await adapter.create(order())

    assert answer.outcome is Outcome.REFUSED
    assert "mes.mapping.priorities" in answer.reason
    assert await partner.references() == []


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("Waiting", Status.OPEN),
        ("Running", Status.IN_PROGRESS),
        ("Held", Status.IN_PROGRESS),
        ("Closed", Status.COMPLETED),
        ("Aborted", Status.CANCELLED),
    ],
)
def test_the_standards_states_are_read(state, status):
    (told,) = states(parsed(work_response("k1", state, "nozzle cleaned").encode()), {})

    assert (told.key, told.status, told.remark) == ("k1", status, "nozzle cleaned")
    assert told.changed_at == 1_795_255_200.0


def test_a_plants_own_state_is_translated_and_an_unknown_one_closes_nothing():
    raw = work_response("k1", "Other").replace("<ResponseState>", '<ResponseState OtherValue="erledigt">').encode()

    assert [it.status for it in states(parsed(raw), {"erledigt": Status.COMPLETED})] == [Status.COMPLETED]
    (unknown,) = states(parsed(raw), {})
    assert (unknown.status, "erledigt" in unknown.remark) == (Status.OPEN, True)


def test_responses_inside_a_larger_message_are_found():
    inner = work_response("k1", "Running") + work_response("k2", "Completed")
    raw = (
        f'<SyncWorkPerformance xmlns="http://www.mesa.org/xml/B2MML"><DataArea>{inner}</DataArea></SyncWorkPerformance>'
    )

    assert [(it.key, it.status) for it in states(parsed(raw.encode()), {})] == [
        ("k1", Status.IN_PROGRESS),
        ("k2", Status.COMPLETED),
    ]


@pytest.mark.parametrize(
    "raw",
    [
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b"<a>",
        b"",
        b"\xff\xfe<",
        b'<?xml version="1.0" encoding="no-such"?><a/>',
    ],
)
def test_a_hostile_or_broken_response_is_garbled(raw):
    with pytest.raises(Garbled):
        parsed(raw)


async def test_a_broken_response_closes_nothing_and_a_probe_counts_it(partner):
    number = (await partner.mes.create(order())).external_id
    (partner.root / "responses" / "half.xml").write_text("<WorkResponse><WorkRequ")

    polled = await partner.mes.progress([Filed("k1", number)])

    assert [it.status for it in polled.orders] == [Status.OPEN]
    (wrong,) = [it for it in await partner.mes.examine() if not it.good]
    assert wrong.detail == "1 cannot be read"


async def test_an_order_is_not_laid_down_again_after_the_partner_took_it_away(partner):
    first = await partner.mes.create(order())
    assert await partner.references() == ["k1"]

    assert await partner.mes.create(order()) == first
    assert await partner.references() == ["k1"]


async def test_a_crash_before_the_file_is_visible_leaves_nothing_that_a_reader_takes(partner):
    (partner.root / "requests" / ".WorkRequest_k1.xml.part").write_bytes(b"<half")

    assert (await partner.mes.find("k1")).outcome is Outcome.ABSENT
    assert (await partner.mes.create(order())).outcome is Outcome.OPENED
    assert [file.name for file in (partner.root / "requests").iterdir()] == ["WorkRequest_k1.xml"]


async def test_a_folder_that_is_away_never_means_that_the_order_is_absent(partner):
    (partner.root / "sent").rename(partner.root / "gone")

    assert (await partner.mes.find("k1")).outcome is Outcome.AWAY


async def test_a_partner_over_http_that_has_the_id_already_is_believed():
    partner = HttpPartner()
    assert (await partner.mes.create(order())).outcome is Outcome.OPENED

    again = await partner.mes.create(order())

    assert (again.outcome, again.external_id) == (Outcome.OPENED, "k1")
    assert await partner.references() == ["k1"]


async def test_with_schemas_at_hand_no_document_leaves_that_they_refuse(partner, tmp_path):
    folder = tmp_path / "xsd"
    folder.mkdir()
    (folder / "B2MML-WorkSchedule.xsd").write_text(SCHEMA.format(name="WorkRequest", titles=2, longest=5_000))
    (folder / "B2MML-OperationsEvent.xsd").write_text(SCHEMA.format(name="OperationsEvent", titles=1, longest=5_000))
    adapter = partner.reopened(options={"xsd": str(folder)})
    assert (await adapter.create(order("k1"))).outcome is Outcome.OPENED
    assert (await adapter.comment("WorkRequest_k1.xml", Note("n", "t", ASKED_AT))).outcome is Outcome.OPENED

    (folder / "B2MML-WorkSchedule.xsd").write_text(SCHEMA.format(name="WorkRequest", titles=2, longest=10))
    answer = await partner.reopened(options={"xsd": str(folder)}).create(order("k2"))

    assert answer.outcome is Outcome.REFUSED
    assert "Description" in answer.reason
    assert await partner.references() == ["k1"]


def test_a_folder_without_schemas_is_named_at_start(partner, tmp_path):
    with pytest.raises(Invalid) as caught:
        partner.reopened(options={"xsd": str(tmp_path)})

    assert caught.value.field == "mes.options.xsd"


def test_the_request_of_the_suite_fills_every_field():
    assert [name for name, value in vars(request()).items() if value in ("", (), None) and "code" not in name] == []
