from services.opcua_bridge.domain.filling import Fill, Filling


def test_a_full_stream_is_no_news_while_it_keeps_what_was_promised():
    """The oldest verdict goes each second then, and that is as it should be."""
    assert Filling().seen([Fill("STATION", 1.0, oldest_is_due=True), Fill("LINE", 0.79)]) == ""


def test_all_that_fill_are_named_in_one_sentence_that_does_not_change_with_each_byte():
    filling = Filling()
    said = filling.seen([Fill("STATION", 0.8), Fill("AUDIT", 0.9), Fill("LINE", 0.1)])

    assert "AUDIT, STATION" in said
    assert filling.seen([Fill("STATION", 0.85), Fill("AUDIT", 0.91), Fill("LINE", 0.1)]) == said


def test_an_alarm_goes_a_good_deal_below_where_it_came():
    filling = Filling()

    assert [bool(filling.seen([Fill("AUDIT", ratio)])) for ratio in (0.79, 0.8, 0.78, 0.76, 0.74, 0.78)] == [
        False,
        True,
        True,
        True,
        False,
        False,
    ]
