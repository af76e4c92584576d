"""The suite that every adapter passes, against a live Odoo over JSON-2 and over XML-RPC."""

from counterparts import order
from test_mes_contract import *  # noqa: F403

from services.mes_connector.domain.answer import Outcome


async def test_a_refusal_that_repeats_our_secret_is_told_without_it(web):
    """Odoo makes its keys itself: the suite's own test does not know it."""
    web.faults.answer(400, f"you sent {web.secret()} to us")

    answer = await web.mes.create(order())

    assert answer.outcome is Outcome.REFUSED
    assert "you sent *** to us" in answer.reason
