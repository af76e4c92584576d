"""B2MML V7 documents: WorkRequest for maintenance, OperationsEvent for quality and for comments."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime

from services.mes_connector.adapters.b2mml_shape import Content, element
from services.mes_connector.adapters.narrative import narrative
from services.mes_connector.adapters.vocabulary import Vocabulary
from services.mes_connector.domain.progress import Note
from services.mes_connector.domain.work_request import BadRequest, Kind, WorkRequest

_PRIORITIES = {1: "1", 2: "2", 3: "3", 4: "4"}
_SPECIFICATION = "jidoka"  # who defines what our records look like


def work_request(request: WorkRequest, words: Vocabulary, work_master: str) -> ET.Element:
    """One WorkRequest with one JobOrder; both carry our reference as their ID. Raises BadRequest."""
    work_type = "Maintenance" if request.kind is Kind.MAINTENANCE else "Quality"
    priority = _numeric(words.priority(request, _PRIORITIES))
    job: Content = {
        "ID": request.key,
        "Description": request.title,
        "WorkType": work_type,
        "WorkMasterID": work_master,
        "StartTime": _time(request.requested_at),
        "EndTime": _time(request.due_at),
        "Priority": priority,
        "JobOrderParameter": [_parameter(name, value) for name, value in _parameters(request, words) if value],
        "EquipmentRequirement": {"ID": "1", "EquipmentID": words.equipment(request)},
        "MaterialRequirement": _material(request, words),
    }
    whole: Content = {
        "ID": request.key,
        "Description": [request.title, narrative(request)],
        "WorkType": work_type,
        "StartTime": _time(request.requested_at),
        "EndTime": _time(request.due_at),
        "Priority": priority,
        "RequestState": "Released",
        "JobOrder": job,
    }
    return element("WorkRequest", whole)


def quality_event(request: WorkRequest, words: Vocabulary) -> ET.Element:
    """One OperationsEvent of type Alert; its records carry the words and the evidence. Raises BadRequest."""
    entries = [_entry(str(at), f"{name}: {value}", value) for at, (name, value) in enumerate(_facts(request, words), 1)]
    whole: Content = {
        "ID": request.key,
        "Description": [request.title, narrative(request)],
        "EffectiveTimeStamp": _time(request.requested_at),
        "RecordTimeStamp": _time(request.requested_at),
        "Priority": _numeric(words.priority(request, _PRIORITIES)),
        "OperationsEventType": "Alert",
        "OperationsEventLevel": "Level 3",
        "OperationsType": "Quality",
        "Category": [request.kind.value, words.failure(request)],
        "Source": words.equipment(request),
        "OperationsEventRecord": {
            "ID": "1",
            "Action": "Observed",
            "OperationsRecordEntry": entries,
            "OperationsRecordSpecificationID": _SPECIFICATION,
        },
    }
    return element("OperationsEvent", whole)


def comment(key: str, note: Note) -> ET.Element:
    """One OperationsEvent of type Event about the order with our reference `key`."""
    whole: Content = {
        "ID": note.id,
        "Description": note.text,
        "EffectiveTimeStamp": _time(note.at),
        "RecordTimeStamp": _time(note.at),
        "OperationsEventType": "Event",
        "OperationsEventLevel": "Level 3",
        "Category": "comment",
        "OperationsEventRecord": {
            "ID": "1",
            "Action": "Added",
            "OperationsRecordEntry": _entry("1", "the order that this is about", key),
            "OperationsRecordSpecificationID": _SPECIFICATION,
        },
    }
    return element("OperationsEvent", whole)


def _facts(request: WorkRequest, words: Vocabulary) -> list[tuple[str, str]]:
    links = [(str(link.what), link.url_or_command) for link in request.evidence]
    material = [("material", words.material(request)), ("lot", request.lot_id)]
    return [(name, value) for name, value in [*_parameters(request, words), *material, *links] if value]


def _parameters(request: WorkRequest, words: Vocabulary) -> list[tuple[str, str]]:
    return [
        ("failure_code", words.failure(request)),
        ("cause_code", words.cause(request)),
        ("supplier", words.supplier(request)),
        ("rule", request.rule_id),
        ("station", request.place.station),
        ("first_part_sequence", str(request.first_part_sequence)),
        ("last_part_sequence", str(request.last_part_sequence)),
        ("qty_inspected", str(request.qty_inspected or "")),
        ("qty_defective", str(request.qty_defective or "")),
        ("trace_id", request.trace_id),
        ("episode", request.episode_id),
        *request.scope,
    ]


def _parameter(name: str, value: str) -> Content:
    return {"ID": name, "Value": {"ValueString": value}}


def _entry(number: str, description: str, reference: str) -> Content:
    return {"ID": number, "Description": description, "ExternalReferenceID": reference}


def _material(request: WorkRequest, words: Vocabulary) -> Content:
    if not request.material and not request.lot_id:
        return ""
    return {"ID": "1", "MaterialDefinitionID": words.material(request), "MaterialLotID": request.lot_id}


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat() if at else ""


def _numeric(word: str) -> str:
    try:
        float(word)
    except ValueError as error:
        raise BadRequest("priority", word, "B2MML priorities are numbers: mend mes.mapping.priorities") from error
    return word
