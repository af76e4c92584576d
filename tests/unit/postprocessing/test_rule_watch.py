"""The watch over the written rules: whatever is wrong with them, the old ones stay and the process lives."""

import asyncio

import pytest

from services.chassis.errors import Invalid
from services.contracts.plant import PlantError
from services.postprocessing.adapters.rule_books import book_of
from services.postprocessing.handlers import REFUSED, RuleWatch
from services.postprocessing.ports import InForce


class Source:
    """A rule file that cannot be used."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def changed(self) -> str | None:
        raise self.error


class Nobody:
    """A stream in which no rules were told."""

    async def rules_in_force(self, site: str) -> InForce:
        return InForce()


@pytest.mark.parametrize("error", [PlantError("plant.yaml:3: no"), Invalid("no rules"), ValueError("no JSON")])
async def test_rules_that_cannot_be_used_end_no_process_whichever_error_says_so(error, caplog):
    """B20: `book_of` raises Invalid, which is no ValueError; it ended the judge instead of being told."""
    watch = RuleWatch(Source(error), Nobody(), ["lyon"], book_of, lambda: True)
    await watch.start()
    await asyncio.sleep(0)
    await watch.stop()

    assert "the rules are refused, the old ones stay in force" in caplog.text
    assert REFUSED._value.get() == 1
