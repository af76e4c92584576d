"""The newest fact on a subject: what an earlier life said last."""

from google.protobuf.message import Message
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from services.chassis.bus import Bus
from services.chassis.errors import Unavailable
from services.chassis.trouble import is_missing, why
from services.contracts.subjects import At, Subject


async def last_said(bus: Bus, subject: Subject, where: At) -> tuple[Message | None, int]:
    """The newest message at a place with its stream sequence; (None, 0) where there is none. Raises Unavailable."""
    try:
        stored = await bus.jetstream.get_last_msg(subject.stream.name, subject.at(where))
    except NotFoundError as error:
        if is_missing(error):
            raise Unavailable(why(error, subject.stream.name)) from error
        return None, 0
    except (NatsError, TimeoutError, OSError) as error:
        raise Unavailable(f"the broker does not say what was last on {subject.at(where)}: {error}") from error
    return subject.message.FromString(stored.data or b""), stored.seq or 0
