"""Who may have a frame inspected now: few at once, and no station starves another (faults.md, section 4)."""

from collections import Counter
from typing import ClassVar


class FairSlots:
    """`limit` slots for `stations` stations, known by their names.

    A station may hold its fair share: all slots, divided among the stations that asked of late. While others are quiet
    it may hold more than it could with them, but one slot is kept for each, so that a first frame always finds one (as
    far as half of the slots will do). A slot that comes free goes to whoever holds fewer than its share.
    """

    ACTIVE_S: ClassVar[float] = 10.0
    """So long a station that asks no more still counts."""

    def __init__(self, limit: int, stations: int) -> None:
        self._limit, self._stations = limit, stations
        self._held: Counter[str] = Counter()
        self._asked_at: dict[str, float] = {}

    @property
    def total(self) -> int:
        """How many slots are taken."""
        return self._held.total()

    def held(self, station: str) -> int:
        """How many of them by one station."""
        return self._held[station]

    def take(self, station: str, now_s: float) -> bool:
        """Whether the station gets one more; `now_s` by any clock that only runs."""
        self._asked_at[station] = now_s
        free, held = self._limit - self.total, self._held[station]
        if free <= 0 or (held and (held >= self._share(now_s) or free <= self._kept())):
            return False
        self._held[station] += 1
        return True

    def give_back(self, station: str) -> None:
        """One frame of the station is done, however it ended."""
        self._held[station] -= 1

    def _share(self, now_s: float) -> int:
        active = sum(bool(self._held[each]) or now_s - at <= self.ACTIVE_S for each, at in self._asked_at.items())
        return max(1, self._limit // active)

    def _kept(self) -> int:
        idle = self._stations - sum(count > 0 for count in self._held.values())
        return min(idle, self._limit // 2)
