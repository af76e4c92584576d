"""What `jidoka mes probe` looks at in an S/4HANA system. Nothing is changed there."""

from collections.abc import Sequence

from services.mes_connector.adapters.sap_entity import Kind
from services.mes_connector.adapters.sap_options import Options
from services.mes_connector.adapters.sap_wire import Gateway, literal
from services.mes_connector.adapters.vocabulary import Vocabulary
from services.mes_connector.domain.answer import Answer, Outcome
from services.mes_connector.domain.progress import Finding

_LOOK_UPS = {
    "EAMS_EQUI": ("API_EQUIPMENT", "Equipment", "Equipment"),
    "EAMS_FL": ("API_FUNCTIONALLOCATION", "FunctionalLocation", "FunctionalLocation"),
    "materials": ("API_PRODUCT_SRV", "A_Product", "Product"),
    "suppliers": ("API_BUSINESS_PARTNER", "A_Supplier", "Supplier"),
}
_ONE_LETTER = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")


async def examine(
    credentials: Answer,
    gateway: Gateway,
    fields: Sequence[tuple[Kind, Sequence[str]]],
    options: Options,
    vocabulary: Vocabulary,
) -> list[Finding]:
    """Findings in the order in which they are mended: without credentials nothing else can be said."""
    if credentials.outcome is not Outcome.OPENED:
        fix = "user:password in the secret file, mes.options.client, and the services activated for that user"
        return [Finding("credentials", good=False, detail=credentials.reason, fix=fix)]
    found = [Finding("credentials", good=True)]
    for kind, names in fields:
        found += await _properties(gateway, kind, names)
    found += [_priority(it) for it in vocabulary.priorities(_ONE_LETTER)]
    found += [_code(field, theirs) for field, theirs in vocabulary.classes()]
    for field, kind_of_thing, theirs in vocabulary.references():
        look_up = _LOOK_UPS[options.technical_object if kind_of_thing == "equipment" else kind_of_thing]
        found.append(await _reference(gateway, field, look_up, theirs))
    return found


async def _properties(gateway: Gateway, kind: Kind, names: Sequence[str]) -> list[Finding]:
    readable = await gateway.rows(kind.service, kind.entities, {"$top": "1", "$select": kind.key})
    if isinstance(readable, Answer):
        fix = f"activate {kind.service} and give our user display and create"
        return [Finding(f"{kind.service}: read", good=False, detail=readable.reason, fix=fix)]
    found = [Finding(f"{kind.service}: read", good=True)]
    for name in names:
        rows = await gateway.rows(kind.service, kind.entities, {"$top": "1", "$select": name})
        detail = rows.reason if isinstance(rows, Answer) else ""
        fix = "mend mes.options: this release has no such property" if detail else ""
        found.append(Finding(f"{kind.entities}.{name}", good=not detail, detail=detail, fix=fix))
    return found


async def _reference(gateway: Gateway, field: str, look_up: tuple[str, str, str], theirs: str) -> Finding:
    service, entities, name = look_up
    query = {"$filter": f"{name} eq {literal(theirs)}", "$top": "1", "$select": name}
    rows = await gateway.rows(service, entities, query)
    if isinstance(rows, Answer):  # a service that orders do not need: no reason to call the mapping wrong
        return Finding(field, good=True, detail=f"{theirs} (not looked up: {rows.reason})")
    if not rows:
        fix = f"mend the mapping, or create {theirs!r} there"
        return Finding(field, good=False, detail=f"there is no {name} {theirs!r}", fix=fix)
    return Finding(field, good=True, detail=theirs)


def _priority(found: Finding) -> Finding:
    return found if found.good else Finding(found.what, good=False, detail=found.detail, fix="one digit or letter")


def _code(field: str, theirs: str) -> Finding:
    if "/" not in theirs:
        return Finding(field, good=False, detail=f"{theirs!r} is no code", fix="GROUP/CODE of the catalogue")
    return Finding(field, good=True, detail=theirs)
