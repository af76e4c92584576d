"""What every adapter promises, whatever system it speaks to: one suite, all of them."""

import pytest
from b2mml_partners import FilePartner
from counterparts import SECRET, order

from services.chassis.errors import Invalid
from services.mes_connector.domain.answer import Outcome
from services.mes_connector.domain.progress import Filed, Note, Status
from services.mes_connector.domain.work_request import Kind

SHORT_S = 0.4


async def opened(counterpart, key: str = "k1", **changes) -> str:
    answer = await counterpart.mes.create(order(key, **changes))
    assert answer.outcome is Outcome.OPENED, answer.reason
    assert answer.external_id
    return answer.external_id


async def status(counterpart, key: str, external_id: str) -> Status:
    polled = await counterpart.mes.progress([Filed(key, external_id)])
    assert polled.answer.outcome is Outcome.OPENED, polled.answer.reason
    assert [(it.key, it.external_id) for it in polled.orders] == [(key, external_id)]
    return polled.orders[0].status


async def test_an_order_is_found_under_its_reference_once_it_was_created_and_never_before(counterpart):
    assert (await counterpart.mes.find("k1")).outcome is Outcome.ABSENT

    number = await opened(counterpart)

    assert await counterpart.references() == ["k1"]
    found = await counterpart.mes.find("k1")
    assert (found.outcome, found.external_id) == (Outcome.OPENED, number)
    assert (await counterpart.mes.find("k11")).outcome is Outcome.ABSENT
    assert (await counterpart.mes.find("K1")).outcome is Outcome.ABSENT


@pytest.mark.parametrize("kind", Kind)
async def test_every_kind_of_request_becomes_an_order_that_stands_open(counterpart, kind):
    number = await opened(counterpart, kind=kind)

    assert (await counterpart.mes.find("k1")).external_id == number
    assert await status(counterpart, "k1", number) is Status.OPEN


async def test_a_key_with_every_character_that_is_allowed_comes_back_whole(counterpart):
    key = "a.B_9:" + "x" * 116 + "-Z'".replace("'", "")

    number = await opened(counterpart, key)

    assert (await counterpart.mes.find(key)).external_id == number


async def test_a_note_that_is_told_twice_stands_once_and_two_notes_stand_both(counterpart):
    number = await opened(counterpart)
    first = Note("note-1", "signalled again: 4 boards <now>", 1_795_000_100.0)

    for note in (first, first, Note("note-2", "and again: 8 boards", 1_795_000_200.0), first):
        answer = await counterpart.mes.comment(number, note)
        assert (answer.outcome, answer.external_id) == (Outcome.OPENED, number), answer.reason

    told = await counterpart.comments(number)
    assert len(told) == 2
    assert "signalled again" in told[0]
    assert "and again: 8 boards" in told[1]


async def test_a_note_for_an_order_that_is_gone_says_so(counterpart):
    number = await opened(counterpart)
    await counterpart.delete(number)

    answer = await counterpart.mes.comment(number, Note("note-1", "signalled again", 1_795_000_100.0))

    assert answer.outcome is Outcome.ABSENT


async def test_progress_tells_open_then_completed(counterpart):
    number = await opened(counterpart)
    assert await status(counterpart, "k1", number) is Status.OPEN

    await counterpart.complete(number)

    assert await status(counterpart, "k1", number) is Status.COMPLETED


async def test_a_cancelled_order_is_not_a_completed_one(counterpart):
    number = await opened(counterpart)

    await counterpart.cancel(number)

    assert await status(counterpart, "k1", number) is Status.CANCELLED


async def test_progress_of_several_orders_keeps_them_apart_and_tells_which_is_gone(counterpart):
    numbers = [await opened(counterpart, f"k{at}") for at in range(1, 4)]
    await counterpart.complete(numbers[1])
    await counterpart.delete(numbers[2])

    polled = await counterpart.mes.progress([Filed(f"k{at}", number) for at, number in enumerate(numbers, 1)])

    told = {it.key: it.status for it in polled.orders}
    assert told == {"k1": Status.OPEN, "k2": Status.COMPLETED, "k3": Status.GONE}


async def test_progress_of_nothing_asks_nothing(counterpart):
    polled = await counterpart.mes.progress([])

    assert (polled.answer.outcome, polled.orders) == (Outcome.OPENED, ())


async def test_what_the_system_does_not_take_is_refused_in_words_that_help(counterpart):
    answer = await counterpart.mes.create(order(equipment_id="jidoka/lyon/electronics/nowhere"))

    assert answer.outcome is Outcome.REFUSED
    assert counterpart.refusal in answer.reason
    assert await counterpart.references() == []


async def test_a_probe_changes_nothing_and_says_that_all_is_well(counterpart):
    answer = await counterpart.mes.probe()

    assert answer.outcome in (Outcome.OPENED, Outcome.ABSENT)
    assert await counterpart.references() == []


async def test_a_system_that_nobody_reaches_is_away_and_nothing_was_done(counterpart):
    counterpart.faults.unreachable()

    created = await counterpart.mes.create(order())

    assert created.outcome is Outcome.AWAY
    assert created.reason
    assert (await counterpart.mes.find("k1")).outcome is Outcome.AWAY
    assert (await counterpart.mes.probe()).failed or (await counterpart.mes.find("k2")).failed
    counterpart.faults.clear()
    assert await counterpart.references() == []


async def test_the_preview_is_what_would_be_sent_and_holds_no_secret(counterpart):
    shown = counterpart.mes.preview(order())

    assert "Open tracks on 3 boards in a row" in shown.body
    assert shown.method
    assert shown.target
    for secret in (SECRET, SECRET.partition(":")[2]):
        assert secret not in shown.body + shown.target
    assert await counterpart.references() == []


async def test_examine_finds_nothing_wrong_with_the_right_section(counterpart):
    findings = await counterpart.mes.examine()

    assert findings
    assert [finding for finding in findings if not finding.good] == []


async def test_examine_finds_each_mistake_in_the_plant_file_and_says_what_to_do(counterpart):
    for changes in counterpart.wrong_sections():
        wrong = [it for it in await counterpart.reopened(**changes).examine() if not it.good]

        assert wrong, changes
        assert all(finding.fix and finding.detail for finding in wrong), wrong
    assert await counterpart.references() == []


async def test_an_option_that_nobody_knows_is_named_with_those_that_there_are(counterpart):
    with pytest.raises(Invalid) as caught:
        counterpart.reopened(options={"tempalte": {}})

    assert caught.value.field == "mes.options.tempalte"
    assert caught.value.fix


async def test_wrong_credentials_lock_us_out_of_everything_and_nothing_is_lost_by_it(web):
    stranger = web.reopened(secret="jidoka-user:old-s3cret")

    answers = [await stranger.create(order()), await stranger.find("k1"), await stranger.probe()]

    assert {answer.outcome for answer in answers} == {Outcome.LOCKED_OUT}
    assert all("old-s3cret" not in answer.reason for answer in answers)
    wrong = [finding for finding in await stranger.examine() if not finding.good]
    assert len(wrong) == 1
    assert wrong[0].fix
    assert await web.references() == []


@pytest.mark.parametrize("status_code", [500, 503, 429])
async def test_a_system_that_is_busy_is_away_and_its_wish_for_rest_is_heard(web, status_code):
    web.faults.answer(status_code, "busy", {"Retry-After": "7"})

    created = await web.mes.create(order())

    assert created.outcome is Outcome.AWAY
    assert created.retry_after_s == 7


async def test_a_lost_reply_is_unknown_and_the_look_up_finds_the_order(web):
    web.faults.lose_replies()
    assert (await web.mes.create(order())).outcome is Outcome.UNKNOWN

    web.faults.clear()

    assert (await web.mes.find("k1")).outcome is Outcome.OPENED
    assert await web.references() == ["k1"]


async def test_a_gateway_that_fails_after_the_commit_is_unknown_too(web):
    web.faults.fail_after_commit()
    assert (await web.mes.create(order())).outcome is Outcome.UNKNOWN

    web.faults.clear()

    assert (await web.mes.find("k1")).outcome is Outcome.OPENED


async def test_a_system_that_says_nothing_is_given_up_within_the_deadline(web):
    hasty = web.reopened(deadline_s=SHORT_S)
    web.faults.silent()

    assert (await hasty.create(order())).outcome is Outcome.UNKNOWN
    assert (await hasty.find("k1")).failed
    assert (await hasty.comment("x/1", Note("n", "t", 0.0))).outcome is not Outcome.OPENED


async def test_a_welcome_page_is_never_taken_for_an_order(web):
    number = await opened(web)
    web.faults.garble()

    assert (await web.mes.create(order("k2"))).failed
    assert (await web.mes.find("k1")).failed
    polled = await web.mes.progress([Filed("k1", number)])
    assert (polled.answer.failed, polled.orders) == (True, ())


async def test_an_answer_that_does_not_end_is_cut_off(web):
    web.faults.answer(200, "x" * 3_000_000)

    assert (await web.mes.find("k1")).failed


async def test_a_refusal_that_repeats_our_secret_is_told_without_it(web):
    web.faults.answer(400, f"you sent {SECRET} to us")

    answer = await web.mes.create(order())

    assert answer.outcome is Outcome.REFUSED
    assert "you sent *** to us" in answer.reason


async def test_a_share_without_the_rights_locks_us_out_and_one_that_hangs_is_unknown(tmp_path):
    partner = FilePartner(tmp_path)
    partner.faults.lock_out()
    assert (await partner.mes.create(order())).outcome is Outcome.LOCKED_OUT

    hasty = partner.reopened(deadline_s=0.05)
    partner.faults.stalling(0.5)
    assert (await hasty.create(order())).outcome is Outcome.UNKNOWN
