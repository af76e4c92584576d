"""What explains the defects is asked of the newest parts; whoever reads the stream again answers the same."""

from services.postprocessing.domain.attribution import Search, Spot, Traced, Trail

GUILTY = 7


def traced(number: int, *spots: Spot) -> Traced:
    return Traced(number, "lot", spots, {"cavity": str(number % 8)})


def filled(trail: Trail, last: int, first: int = 1) -> Trail:
    """Cavity 7 has an open now and then, other parts a rare short."""
    for number in range(first, last + 1):
        spots = [Spot("open", (300.0, 40.0))] if number % 8 == GUILTY and number % 3 else []
        spots += [Spot("short", (number / 2, 600.0 - number))] if number % 97 == 0 else []
        trail.add("aoi1", number, traced(number, *spots))
    return trail


def test_the_class_that_is_asked_for_is_explained_and_no_other():
    trail = filled(Trail(), 400)

    assert [(c.kind, c.value) for c in trail.causes("aoi1", "open", 400)][:1] == [("cavity", "7")]
    assert trail.causes("aoi1", "short", 400) == ()
    assert trail.causes("elsewhere", "open", 400) == ()


def test_who_reads_the_stream_again_from_its_reach_on_finds_the_same_causes():
    reach = 250
    always = filled(Trail(reach=reach), 900)
    restarted = filled(Trail(reach=reach), 900, first=900 - reach + 1)

    assert always.causes("aoi1", "open", 900) == restarted.causes("aoi1", "open", 900) != ()


def test_parts_of_after_the_question_do_not_answer_it():
    trail = filled(Trail(), 400)

    assert trail.causes("aoi1", "open", 200) == filled(Trail(), 200).causes("aoi1", "open", 200)


def test_it_remembers_no_more_parts_than_are_searched():
    trail = filled(Trail(Search(window=100)), 1_000)

    assert trail.causes("aoi1", "open", 1_000) == filled(Trail(), 1_000, first=901).causes("aoi1", "open", 1_000)


def test_a_place_is_said_in_pixels_so_that_somebody_can_look_there():
    trail = Trail()
    for number in range(1, 61):
        where = (320.0, 80.0) if number % 2 else (10.0 * number, 7.0 * number)
        trail.add("aoi1", number, Traced(number, "lot", (Spot("open", where),)))
    place = next(cause for cause in trail.causes("aoi1", "", 60) if cause.kind == "place")

    assert place.value == "x 320 y 80 px"
    assert "within 18 px of x 320 y 80 px" in place.evidence
