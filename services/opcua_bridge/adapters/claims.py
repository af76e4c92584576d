"""The record of who may command which PLC: each session of the bridge claims its PLC here before it claims it there."""

from dataclasses import replace

from jidoka.line.v1 import line_pb2
from nats.errors import Error as NatsError

from services.chassis.bus import Bus
from services.chassis.errors import Conflict, Unavailable
from services.chassis.reader import born
from services.contracts import headers
from services.contracts.subjects import LINE, PLC_CLAIMED
from services.opcua_bridge.adapters.last_words import last_said
from services.opcua_bridge.adapters.wire import WHO, timestamp_of, whole
from services.opcua_bridge.domain.line import LineName
from services.opcua_bridge.domain.numbering import Claim, next_claim

_DEADLINE_S = 1.0


class Claims:
    """The claims of one bridge while it has the duty, under the token of its lease."""

    def __init__(self, bus: Bus, token: int) -> None:
        self._bus, self._token = bus, token

    async def next(self, line: LineName, plc_id: int) -> Claim:
        """A newer claim than any before, given the PLC's `AckCmdId`. Raises Unavailable: then there is no link, either.

        Of two bridges that believe they have the duty (one slept through the end of it) the broker takes only one, for
        each says on which record it builds. The other one finds out from its lease.
        """
        said, sequence = await last_said(self._bus, PLC_CLAIMED, whole(line))
        recorded = Claim(said.epoch, said.base) if isinstance(said, line_pb2.PlcClaimed) else None
        try:
            stream = await self._bus.jetstream.stream_info(LINE.name)
        except (NatsError, TimeoutError, OSError) as error:
            raise Unavailable(f"the broker does not know the stream {LINE.name}: {error}") from error
        claim = next_claim(recorded, plc_id, max(stream.state.first_seq, 1), stream.state.last_seq)
        message = line_pb2.PlcClaimed(
            site=line.site,
            line=line.line,
            epoch=claim.epoch,
            base=claim.base,
            lease_token=self._token,
            bridge=WHO,
            claimed_at=timestamp_of(self._bus.clock.now_s()),
        )
        msg_id = f"{line}:claim:{sequence}:{WHO}"
        expected = {headers.EXPECTED_LAST: str(sequence)}
        try:
            await self._bus.publish(
                PLC_CLAIMED.at(whole(line)), message, msg_id, extra=expected, deadline_s=_DEADLINE_S
            )
        except Conflict as error:
            raise Unavailable(f"another bridge has claimed the PLC of {line}: {error}") from error
        return replace(claim, born=born(stream))
