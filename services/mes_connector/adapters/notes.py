"""Comments on their way, in SQL."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from services.mes_connector.adapters.database import Database
from services.mes_connector.adapters.tables import FOLLOWED, HAS_ENDED, NOTES, ORDERS, PROGRESS, STANDS, of_episode
from services.mes_connector.domain.progress import Note, PendingNote


class SqlNotes:
    """Notes in a table beside the orders; each method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, episode_id: str, note: Note, most: int) -> bool:
        """Keep it for each order of the incident that has not ended; an incident without one needs none."""
        goes_on = PROGRESS.c.status.is_(None) | ~HAS_ENDED
        wanted = sa.select(ORDERS.c.key).select_from(FOLLOWED).where(of_episode(episode_id) & goes_on)
        added = False
        async with self._database.transaction() as connection:
            for (key,) in (await connection.execute(wanted)).all():
                ids = set(await connection.scalars(sa.select(NOTES.c.id).where(NOTES.c.key == key)))
                if note.id not in ids and len(ids) < most:
                    await connection.execute(sa.insert(NOTES).values(id=note.id, key=key, text=note.text, at=note.at))
                    added = True
        return added

    async def due(self, now: float, limit: int) -> Sequence[PendingNote]:
        """Only of orders that stand in the MES and have not ended."""
        query = sa.select(NOTES, ORDERS.c.external_id).select_from(FOLLOWED.join(NOTES, NOTES.c.key == ORDERS.c.key))
        is_due = STANDS & NOTES.c.done.is_(sa.false()) & (NOTES.c.next_attempt_at <= now)
        async with self._database.transaction() as connection:
            found = await connection.execute(query.where(is_due).order_by(NOTES.c.at).limit(limit))
            return [
                PendingNote(row.key, row.external_id, Note(row.id, row.text, row.at), row.attempts) for row in found
            ]

    async def settled(self, pending: PendingNote) -> None:
        """It stands there, or never will."""
        await self._write(pending, done=True)

    async def postponed(self, pending: PendingNote, until: float) -> None:
        """It was tried in vain; again at `until`."""
        await self._write(pending, attempts=pending.attempts + 1, next_attempt_at=until)

    async def _write(self, pending: PendingNote, **values: Any) -> None:
        same = (NOTES.c.id == pending.note.id) & (NOTES.c.key == pending.key)
        async with self._database.transaction() as connection:
            await connection.execute(sa.update(NOTES).where(same).values(**values))
