from services.opcua_bridge.domain.breaker import Breaker


def breaker() -> Breaker:
    return Breaker(opens_after=3, base_s=0.25, max_s=5.0, stable_s=5.0)


def test_a_plc_that_keeps_failing_is_tried_ever_more_rarely_up_to_a_bound():
    it = breaker()
    assert [it.pause_after(0.0) for _ in range(8)] == [0.25, 0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    assert it.is_open
    assert [it.pause_after(0.0) for _ in range(5_000)][-1] == 5.0


def test_a_link_that_comes_and_goes_opens_it_as_well():
    it = breaker()
    for _ in range(3):
        it.pause_after(4.9)
    assert it.is_open


def test_a_session_that_lived_closes_it():
    it = breaker()
    for _ in range(9):
        it.pause_after(0.0)
    assert it.pause_after(60.0) == 0.25
    assert not it.is_open
