"""Partners that speak B2MML: one takes files from a folder, one takes documents over HTTP.

Both look at what they are given as the schemas would: which children an element has, and in which order.
"""

import contextlib
import errno
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
from counterparts import DEADLINE_S, SECRET, Faults, section

from services.mes_connector import ports
from services.mes_connector.adapters.b2mml_file import FileDrop, open_b2mml_file
from services.mes_connector.adapters.b2mml_http import open_b2mml_http
from services.mes_connector.adapters.b2mml_shape import _ORDER, NAMESPACE, local

NAMES = {"": NAMESPACE}


def out_of_order(root: ET.Element) -> list[str]:
    """Elements that stand where the schema does not allow them, as paths; empty: the document is in order."""
    name, order = local(root), _ORDER.get(local(root), ())
    places = [order.index(local(child)) if local(child) in order else -1 for child in root]
    wrong = [f"{name}/{local(child)}" for child, place in zip(root, places, strict=True) if place < 0]
    if places != sorted(places):
        wrong.append(f"{name}: the order of its children")
    return wrong + [f"{name}/{path}" for child in root for path in out_of_order(child)]


def work_response(key: str, state: str, described: str = "") -> str:
    """What a partner says about an order."""
    return (
        f'<WorkResponse xmlns="{NAMESPACE}"><ID>R-{key}</ID><Description>{described}</Description>'
        f"<EndTime>2026-11-21T10:00:00Z</EndTime><WorkRequestID>{key}</WorkRequestID>"
        f"<ResponseState>{state}</ResponseState><JobResponse><ID>J-{key}</ID></JobResponse></WorkResponse>"
    )


def commented(root: ET.Element) -> tuple[str, str]:
    """The order that a comment is about, and its text."""
    return root.findtext(".//ExternalReferenceID", "", NAMES), root.findtext("Description", "", NAMES)


class FileFaults:
    """A share that goes away: the file drop's counterpart of a broken network."""

    def __init__(self, drops: list[FileDrop]) -> None:
        self._drops = drops

    def clear(self) -> None:
        for drop in self._drops:
            drop._folder.__dict__.pop("find", None)

    def raising(self, error: OSError) -> None:
        def find(_: str) -> str:
            raise error

        self._replace(find)

    def stalling(self, seconds: float) -> None:
        def find(_: str) -> str:
            time.sleep(seconds)
            return ""

        self._replace(find)

    def _replace(self, find: Any) -> None:
        for drop in self._drops:
            drop._folder.__dict__["find"] = find

    def unreachable(self) -> None:
        self.raising(OSError(errno.EHOSTDOWN, "Host is down", "/mnt/mes"))

    def lock_out(self) -> None:
        self.raising(PermissionError(errno.EACCES, "Permission denied", "/mnt/mes"))


class FilePartner:
    """A partner that takes every file away at once, and lays responses down."""

    refusal = "mes.mapping.equipment"

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("requests", "sent", "responses", "taken"):
            (root / name).mkdir()
        self.drops: list[FileDrop] = []
        self.faults = FileFaults(self.drops)
        self.mes = self.reopened()

    def reopened(self, *, secret: str = SECRET, deadline_s: float = DEADLINE_S, **changes: Any) -> ports.Mes:
        options = {"unmapped": "refuse"} | changes.pop("options", {})
        system = section("b2mml-file", self.root.as_uri(), options=options, **changes)
        self.drops.append(open_b2mml_file(system, secret, deadline_s, None))
        return self.drops[-1]

    def wrong_sections(self) -> list[dict[str, Any]]:
        return [{"options": {"responses": "answers"}}, {"mapping": {"priorities": {"1": "high"}}}]

    def documents(self) -> Iterator[ET.Element]:
        """Everything that was taken so far."""
        for file in (self.root / "requests").glob("*.xml"):
            assert not (self.root / "taken" / file.name).exists(), f"{file.name} came twice"
            file.rename(self.root / "taken" / file.name)
        for file in sorted((self.root / "taken").iterdir()):
            root = ET.parse(file).getroot()
            assert not out_of_order(root)
            yield root

    async def references(self) -> list[str]:
        orders = (root for root in self.documents() if root.findtext("Category", "", NAMES) != "comment")
        return [root.findtext("ID", "", NAMES) for root in orders]

    async def comments(self, external_id: str) -> list[str]:
        key = unquote(external_id.partition("_")[2].removesuffix(".xml"))
        told = [commented(root) for root in self.documents() if root.findtext("Category", "", NAMES) == "comment"]
        return [text for about, text in told if about == key]

    async def complete(self, external_id: str) -> None:
        self._respond(external_id, "Completed")

    async def cancel(self, external_id: str) -> None:
        self._respond(external_id, "Aborted")

    async def delete(self, external_id: str) -> None:
        for name in ("requests", "sent", "taken"):
            with contextlib.suppress(FileNotFoundError):
                (self.root / name / external_id).unlink()

    async def close(self) -> None:
        pass

    def _respond(self, external_id: str, state: str) -> None:
        key = unquote(external_id.partition("_")[2].removesuffix(".xml"))
        (self.root / "responses" / f"{external_id}-{state}.xml").write_text(work_response(key, state))


class HttpPartner:
    """A partner that keeps documents by their ID and refuses what is not B2MML."""

    refusal = "unknown equipment"

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}
        self.responses: dict[str, str] = {}
        self.faults = Faults(httpx.MockTransport(self.handle))
        self.mes = self.reopened()

    def reopened(self, *, secret: str = SECRET, deadline_s: float = DEADLINE_S, **changes: Any) -> ports.Mes:
        system = section("b2mml-http", "https://mes.plant/b2mml", **changes)
        return open_b2mml_http(system, secret, deadline_s, None, self.faults)

    def wrong_sections(self) -> list[dict[str, Any]]:
        return [{"options": {"header": "X-Wrong"}}, {"mapping": {"priorities": {"1": "high"}}}]

    async def references(self) -> list[str]:
        return [key for key, raw in self.documents.items() if b">comment<" not in raw]

    async def comments(self, external_id: str) -> list[str]:
        told = [commented(ET.fromstring(raw)) for raw in self.documents.values() if b">comment<" in raw]
        return [text for about, text in told if about == external_id]

    async def complete(self, external_id: str) -> None:
        self.responses[external_id] = work_response(external_id, "Completed")

    async def cancel(self, external_id: str) -> None:
        self.responses[external_id] = work_response(external_id, "Aborted")

    async def delete(self, external_id: str) -> None:
        del self.documents[external_id]
        self.responses.pop(external_id, None)

    async def close(self) -> None:
        pass

    def handle(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("Authorization") != f"Bearer {SECRET}":
            return httpx.Response(401, text="who are you?")
        identity, _, what = unquote(request.url.path).removeprefix("/b2mml").strip("/").partition("/")
        if request.method == "POST":
            return self._take(request.content)
        found = self.responses.get(identity) if what == "response" else self.documents.get(identity)
        return httpx.Response(404, text="nothing") if found is None else httpx.Response(200, content=found)

    def _take(self, raw: bytes) -> httpx.Response:
        root = ET.fromstring(raw)
        if wrong := out_of_order(root):
            return httpx.Response(422, text=f"not valid: {wrong}")
        equipment = root.findtext(".//EquipmentID", None, NAMES) or root.findtext("Source", "SMT1", NAMES)
        if equipment != "SMT1":
            return httpx.Response(422, text=f"unknown equipment {equipment}")
        if (identity := root.findtext("ID", "", NAMES)) in self.documents:
            return httpx.Response(409, text="that ID stands already")
        self.documents[identity] = raw
        return httpx.Response(202)
