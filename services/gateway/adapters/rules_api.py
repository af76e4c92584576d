"""Changing the rules takes two people: a quality engineer proposes, another one approves; both stand in the stream."""

import asyncio
import time
from typing import Annotated, Any

from fastapi import Body, FastAPI, Query
from jidoka.rules.v1 import rules_pb2
from pydantic import ValidationError

from services.chassis.auth import Principal
from services.chassis.bus import Bus
from services.chassis.errors import Denied, Invalid, NotFound
from services.contracts.instant import now
from services.contracts.mistake import lines_of
from services.contracts.plant import Place, Plant
from services.contracts.rule_set import digest, text_of
from services.contracts.scopes import RESULT_READ, RULES_APPROVE, RULES_PROPOSE
from services.contracts.subjects import RULES_APPROVED, RULES_PROPOSED
from services.gateway.adapters import bounded_yaml
from services.gateway.adapters.door import Door
from services.gateway.adapters.entrance import MOST_BYTES
from services.gateway.domain import Entry, View

_MOST_BYTES = 1 << 18
_SENTENCES = 10
_DEADLINE_S = 5.0
_HIGHEST_VERSION = (1 << 32) - 1  # on the wire


class BusRules:
    """Says proposals and approvals into the stream that the rules fold."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def propose(self, site: str, text: str, version: int, person: str, reason: str) -> str:
        """Returns the digest under which it is approved. The same proposal again is the same. Raises Unavailable."""
        sha256 = digest(text)
        message = rules_pb2.RulesProposed(
            site=site,
            version=version,
            sha256=sha256,
            rules_json=text,
            proposed_by=person,
            reason=reason,
            proposed_at=now(),
        )
        await self._bus.publish(RULES_PROPOSED.at(_of(site)), message, f"{site}:{sha256}:{person}")
        return sha256

    async def approve(self, proposal: Entry, person: str) -> None:
        """From here on they hold. Raises Unavailable."""
        site, sha256 = proposal["site"], proposal["sha256"]
        message = rules_pb2.RulesApproved(
            site=site,
            version=proposal["version"],
            sha256=sha256,
            rules_json=proposal["rulesJson"],
            proposed_by=proposal["proposedBy"],
            approved_by=person,
            reason=proposal.get("reason", ""),
            approved_at=now(),
        )
        # Rules may come back a week later: each approval is a fact of its own.
        await self._bus.publish(RULES_APPROVED.at(_of(site)), message, f"{site}:{sha256}:{time.time_ns()}")


def install(app: FastAPI, plant: Plant, view: View, door: Door, rules: BusRules) -> None:
    """The endpoints."""
    sites = {site.name for site in plant.sites}

    def known(site: str) -> str:
        if site not in sites:
            raise NotFound(f"no site {site!r}", field="site", fix=f"known: {', '.join(sorted(sites))}")
        return site

    @app.get("/v1/sites/{site}/rules", dependencies=[door.needs(RESULT_READ)], summary="Rules in force, and proposed")
    async def in_force(site: str) -> Entry:
        return {"inForce": view.rules.get(known(site)), "proposals": view.proposals_at(site)}

    @app.post(
        "/v1/sites/{site}/rules/proposals",
        status_code=201,
        summary="Propose rules (a plant file's `rule_set`)",
        openapi_extra={MOST_BYTES: _MOST_BYTES},
    )
    async def propose(
        site: str,
        caller: Annotated[Principal, door.needs(RULES_PROPOSE)],
        text: Annotated[str, Body(media_type="application/yaml", max_length=_MOST_BYTES)],
        reason: Annotated[str, Query(min_length=3, max_length=500, description="why, for whoever approves")],
    ) -> dict[str, Any]:
        wanted = await _checked_beside(plant, text)
        rules_text = text_of(wanted.rule_set, wanted.labels())
        sha256 = await rules.propose(known(site), rules_text, wanted.rule_set.version, caller.subject, reason)
        return {"site": site, "sha256": sha256, "version": wanted.rule_set.version, "proposedBy": caller.subject}

    @app.post("/v1/sites/{site}/rules/proposals/{sha256}/approval", summary="Let proposed rules take effect")
    async def approve(
        site: str, sha256: str, caller: Annotated[Principal, door.needs(RULES_APPROVE)]
    ) -> dict[str, Any]:
        proposal = view.proposals.get(f"{known(site)}/{sha256}")
        if proposal is None:
            raise NotFound(f"no proposal {sha256[:12]} at {site}", field="sha256", fix="propose the rules again")
        if proposal["proposedBy"] == caller.subject:
            fix = "ask another quality engineer: a change of rules takes two people"
            raise Denied(f"{caller.subject} has proposed these rules", field="sha256", fix=fix)
        await rules.approve(proposal, caller.subject)
        return {"site": site, "sha256": sha256, "approvedBy": caller.subject}


def checked(plant: Plant, text: str) -> Plant:
    """The plant with the rules of `text`, a plant file or its `rule_set` alone. Raises Invalid: line, field, fix."""
    try:
        document = bounded_yaml.load(text)
        proposed = document.get("rule_set") if isinstance(document, dict) else None
        wanted = Plant.model_validate({**plant.model_dump(mode="json"), "rule_set": proposed})
    except ValidationError as error:
        found = list(lines_of(text, error))[:_SENTENCES]
        said = "; ".join(f"line {line}: {field}: {what}; fix: {fix}" for line, field, what, fix in found)
        raise Invalid(said, field=found[0][1], fix=found[0][3]) from error
    if wanted.rule_set.version > _HIGHEST_VERSION:
        raise Invalid("is too high", field="rule_set.version", fix=f"at most {_HIGHEST_VERSION}")
    return wanted


async def _checked_beside(plant: Plant, text: str) -> Plant:
    """As `checked`, in a thread: whatever the text is, other callers do not wait for it (S13)."""
    try:
        async with asyncio.timeout(_DEADLINE_S):
            return await asyncio.to_thread(checked, plant, text)
    except TimeoutError:
        fix = "send the rule_set alone, in fewer entries"
        raise Invalid(f"could not be read within {_DEADLINE_S:g} s", field="body", fix=fix) from None


def _of(site: str) -> Place:
    return Place(site, "all", "all")
