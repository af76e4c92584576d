"""The one use case: pass on what is news."""

from collections.abc import Callable

from services.mqtt_mirror.domain import Publication
from services.mqtt_mirror.ports import Namespace

Clock = Callable[[], float]


class Mirror:
    """Passes events on while they are news, and states unless a newer one has been said."""

    def __init__(self, namespace: Namespace, news_s: float, clock: Clock) -> None:
        self._namespace = namespace
        self._news_s = news_s
        self._clock = clock
        self._said: dict[str, Publication] = {}  # one entry for each retained topic of the plant

    async def tell(self, publication: Publication) -> None:
        """Raises Unavailable when MQTT does not take it; the same fact comes again then."""
        if not self._is_news(publication):
            return
        await self._namespace.publish(publication)
        if publication.retained:
            self._said[publication.topic] = publication

    def _is_news(self, publication: Publication) -> bool:
        if not publication.retained:
            return self._clock() - publication.at <= self._news_s
        last = self._said.get(publication.topic)
        # A fact that comes again must not overtake the one after it.
        return last is None or (publication.at >= last.at and publication.said != last.said)
