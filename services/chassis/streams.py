"""Reading streams: `Consumer` shares work and acknowledges, `Follower` reads everything in order from a position.

`Story` is a follower that keeps its position itself and knows whether it has caught up. All three read for ever, wait
for a stream that is not there yet, say so once, and know by `healthy()` whether they read.
"""

from services.chassis.consumer import Consumer
from services.chassis.follower import Follower, Story
from services.chassis.route import Delivery, Handler, Route

__all__ = ["Consumer", "Delivery", "Follower", "Handler", "Route", "Story"]
