"""What is done to each frame of a camera, and what happens to the plant meanwhile: drawn from a seed. Pure."""

import random
from dataclasses import dataclass
from enum import Enum


class Treatment(Enum):
    """How a camera, or somebody who uses its ids, treats one frame."""

    ONCE = "once"
    TWICE = "twice at once"
    LATER = "once more, much later"
    OTHER_PICTURE = "another picture under its id"
    OTHER_PART = "another part under its id"


class Event(Enum):
    """What befalls the plant."""

    KILL = "kill"
    SWAP = "swap of the model"
    GOLDEN = "change of a golden template"


VICTIMS = ("postprocessing", "preprocessing", "nats", "redis", "triton")
_SHARES = {
    Treatment.ONCE: 60,
    Treatment.TWICE: 12,
    Treatment.LATER: 12,
    Treatment.OTHER_PICTURE: 8,
    Treatment.OTHER_PART: 8,
}
_DEFECTIVE = 0.4
AHEAD = 10
"""So many frames are made at most while something happens; then the camera waits until it is over."""
_LATER = (5, 120)
_FRAMES_PER_KILL, _FRAMES_PER_SWAP, _FRAMES_PER_GOLDEN = 150, 1000, 200


@dataclass(frozen=True)
class Shot:
    """One frame; `later` frames after it, it comes again."""

    number: int
    defective: bool
    treatment: Treatment
    later: int = 0


@dataclass(frozen=True)
class Happening:
    """Something that happens when so many frames have been made."""

    after: int
    event: Event
    victim: str = ""


def shots(frames: int, seed: int) -> list[Shot]:
    """All frames, numbered from 1; each treatment at least once as far as there are frames for it."""
    draw = random.Random(f"{seed} shots")
    known = list(_SHARES)
    treated = known[:frames] + draw.choices(known, list(_SHARES.values()), k=max(0, frames - len(known)))
    draw.shuffle(treated)
    return [
        Shot(number, draw.random() < _DEFECTIVE, each, draw.randint(*_LATER) if each is Treatment.LATER else 0)
        for number, each in enumerate(treated, 1)
    ]


def happenings(frames: int, seed: int) -> list[Happening]:
    """All events in their order; each kind, and each victim in its turn, as often as the frames are many.

    The last of them leave frames for what comes after.
    """
    draw = random.Random(f"{seed} happenings")
    victims = draw.sample(VICTIMS, len(VICTIMS))
    kills = max(2, frames // _FRAMES_PER_KILL)
    events = [(Event.KILL, victims[at % len(victims)]) for at in range(kills)]
    events += [(Event.SWAP, "")] * max(1, frames // _FRAMES_PER_SWAP)
    events += [(Event.GOLDEN, "")] * max(2, frames // _FRAMES_PER_GOLDEN)
    draw.shuffle(events)
    places = sorted(draw.randrange(max(1, frames - 2 * AHEAD)) for _ in events)
    return [Happening(after, *event) for after, event in zip(places, events, strict=True)]
