"""The subject table is what the broker enforces: names are regular, and nobody can speak for another."""

import itertools
import re

import pytest

from services.contracts.plant import Place
from services.contracts.rights import permissions
from services.contracts.subjects import SERVICES, STREAMS, SUBJECTS, TIMEKEEPER, dead_letter, subjects_of

PLACE = Place("lyon", "smt1", "aoi1")


def covers(pattern: str, subject: str) -> bool:
    """NATS wildcards."""
    for wanted, token in itertools.zip_longest(pattern.split("."), subject.split(".")):
        if wanted == ">":
            return token is not None
        if wanted is None or token is None or wanted not in {"*", token}:
            return False
    return True


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda s: s.everywhere)
def test_a_subject_has_seven_plain_tokens_and_a_known_publisher_and_listeners(subject):
    assert re.fullmatch(r"jidoka\.v1(\.[a-z0-9-]+){5}", subject.at(PLACE))
    assert {subject.publisher, *subject.listeners} <= set(SERVICES)


def test_noun_and_verb_name_exactly_one_message_and_one_stream():
    assert len({(s.noun, s.verb) for s in SUBJECTS}) == len(SUBJECTS)
    for subject in SUBJECTS:
        keepers = [s for s in STREAMS if any(covers(f, subject.at(PLACE)) for f in subjects_of(s))]
        assert keepers == [subject.stream]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_may_say_only_its_own_facts_and_hear_only_its_own_inbox(service):
    publish, subscribe = permissions(service)

    for subject in SUBJECTS:
        allowed = any(covers(pattern, subject.at(PLACE)) for pattern in publish)
        assert allowed == (subject.publisher == service), subject.everywhere
    assert subscribe == [f"_INBOX.{service}.>"]
    assert any(covers(pattern, dead_letter(service, "verdict")) for pattern in publish)


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_may_create_change_or_delete_a_stream(service):
    publish, _ = permissions(service)

    for verb, stream in itertools.product(("CREATE", "UPDATE", "DELETE"), (*(s.name for s in STREAMS), "OBJ_goldens")):
        assert not any(covers(pattern, f"$JS.API.STREAM.{verb}.{stream}") for pattern in publish)


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_may_ask_the_broker_for_the_time(service):
    """B13: the answer about a stream carries the broker's clock."""
    publish, _ = permissions(service)

    assert any(covers(pattern, f"$JS.API.STREAM.INFO.{TIMEKEEPER.name}") for pattern in publish)


def test_the_bridge_sees_how_full_every_stream_is_and_reads_no_more_for_it():
    publish, _ = permissions("opcua-bridge")

    for stream in (*(s.name for s in STREAMS), "OBJ_goldens"):
        assert any(covers(pattern, f"$JS.API.STREAM.INFO.{stream}") for pattern in publish)
    assert any(covers(pattern, "$JS.API.INFO") for pattern in publish)
    for stream in ("WORKREQUEST", "AUDIT", "DEAD"):
        assert not any(covers(pattern, f"$JS.API.STREAM.MSG.GET.{stream}") for pattern in publish)
