"""Header names that our messages and calls carry beyond protobuf."""

# The broker drops a second message with the same id inside the stream's duplicate window.
MSG_ID = "Nats-Msg-Id"
# The broker refuses a message unless this is the sequence of the last one on its subject; 0: there is none yet.
EXPECTED_LAST = "Nats-Expected-Last-Subject-Sequence"
# On a dead letter: why it was parked, and where it came from.
DEAD_REASON = "jidoka-dead-reason"
DEAD_SUBJECT = "jidoka-dead-subject"
DEAD_SEQUENCE = "jidoka-dead-sequence"


def msg_id(subject: str, fact_id: str) -> str:
    """The Nats-Msg-Id of a fact. The broker compares it across a whole stream, so it names noun, verb and place.

    With the bare id, a camera could silence another station's verdicts, or the closure of an incident (R1, S8).
    """
    return f"{subject.removeprefix('jidoka.v1.')}:{fact_id}"


def fact_id(subject: str, sent: str) -> str:
    """The fact's own id in the Nats-Msg-Id that it was `sent` with (once, that was all of it)."""
    return sent.removeprefix(msg_id(subject, ""))
