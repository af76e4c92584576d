"""Points in time on the wire; inside the services they are seconds of the epoch."""

import time
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp


def timestamp(at_s: float) -> Timestamp:
    """To the microsecond, which is as fine as a float of today's seconds is."""
    stamp = Timestamp()
    stamp.FromDatetime(datetime.fromtimestamp(at_s, UTC))
    return stamp


def now() -> Timestamp:
    """By the clock of this machine."""
    stamp = Timestamp()
    stamp.FromNanoseconds(time.time_ns())
    return stamp


def seconds(stamp: Timestamp) -> float:
    """Seconds of the epoch; 0 for one that was never set."""
    return stamp.ToNanoseconds() / 1e9
