"""How long to wait before the next try."""

import asyncio
import random


class Backoff:
    """Twice as long each time, up to a bound, and never in step with others who wait for the same."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s, self._longest_s = first_s, longest_s
        self.next_s = first_s
        """What `wait` will take, give or take half of it."""

    async def wait(self) -> None:
        """Wait, longer than the last time."""
        await asyncio.sleep(self.next_s * random.uniform(0.5, 1.5))
        self.next_s = min(self.next_s * 2, self._longest_s)

    def reset(self) -> None:
        """It went well: the next wait is a short one."""
        self.next_s = self._first_s
