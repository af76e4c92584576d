"""Header names that our messages and calls carry beyond protobuf."""

# The broker drops a second message with the same id inside the stream's duplicate window.
MSG_ID = "Nats-Msg-Id"
# On a dead letter: why it was parked, and where it came from.
DEAD_REASON = "jidoka-dead-reason"
DEAD_SUBJECT = "jidoka-dead-subject"
DEAD_SEQUENCE = "jidoka-dead-sequence"
