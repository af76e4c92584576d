"""How much the broker's store holds, and what happens when a part of it is full.

A full stream of facts gives up its oldest, whichever stream it is (B14). One that refused its newest would stop more
than itself: no verdict stored, no part judged; no work request, and the fold that wants it never comes to the pause; no
dead letter, and the consumer hangs at the poison; no audit, and whoever fills it acts unseen from then on. What goes
instead is the past, and the bridge says so at 80 %, long before.

STATION: a verdict takes 1.1 kB, so its bytes are enough for 14 days of 4.8 parts a second, or 7 of 9.6. LINE: old
states of lines make room for the next stop. WORKREQUEST: 300,000 requests; the oldest is long in the MES, and if the
connector has been dead for so many, 80 % said so. AUDIT: who floods it to push out what he did needs two million acts,
and passes the alarm. Pictures of evidence give up their oldest, too. A golden template in use must not vanish: its
bucket alone refuses the newest, and who brings it is told.
"""

from services.contracts.subjects import GOLDENS, MIB, STREAMS

WATCHER = "opcua-bridge"
"""Who looks at how full the broker is, and at nothing in it: the bridge raises the alarms of a line."""
WATCHED = (*(stream.name for stream in STREAMS), f"OBJ_{GOLDENS}")
"""The streams with a limit that means something to people; evidence is meant to be full."""
GOLDENS_BYTES = 512 * MIB
_SPARE_BYTES = 256 * MIB  # for the leases, and for what consumers remember


def store_bytes(evidence_bytes: int) -> int:
    """What the broker's store must have room for (`max_file_store`): every limit, and the pictures of evidence."""
    return sum(stream.max_bytes for stream in STREAMS) + GOLDENS_BYTES + evidence_bytes + _SPARE_BYTES
