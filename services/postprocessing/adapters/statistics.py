"""The statistics library takes seconds to load on a busy machine: loaded before the first incident, not by it."""

import asyncio
import importlib


class Statistics:
    """What the search for causes, the lots' bounds and the trends need. Judging needs nothing of it."""

    async def start(self) -> None:
        """Load it, beside whatever runs already."""
        await asyncio.to_thread(importlib.import_module, "scipy.stats")

    async def stop(self) -> None:
        """Nothing to give back."""
