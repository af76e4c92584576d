"""Command ids: the contract between the bridge and a PLC's `VisIf` program, so that one request has one effect.

A command id is a UInt32: **epoch** in the high 8 bits (1 to 255, never 0), **number** in the low 24. A *number* names
one pause request and stays with it through every repetition, reconnection and change of bridge; an *epoch* names one
session of one bridge, and each new session takes a newer one. Both count in a circle and are compared as serial
numbers (RFC 1982): epochs by `(a - b) mod 256 < 128`, numbers by `(a - b) mod 2**24 < 2**23`. (255 is followed by 1;
as 0 is left out, a step over it counts as two, which the comparison does not mind.)

**What the PLC does** each scan in which `ReqCmdId` differs from `LastId` (retentive, 0 in a new PLC) and is not 0, with
`E = (epoch(ReqCmdId) - epoch(LastId)) mod 256` and `N = (number(ReqCmdId) - number(LastId)) mod 2**24`:

1. `LastId = 0`: go to 4. (A PLC that never heard anything takes any id.)
2. `E >= 128` or `N >= 2**23`: ignore it; no tag changes. (An older session speaks, or an older request.)
3. `N = 0`: the same request in a newer session. `LastId := ReqCmdId; AckCmdId := ReqCmdId`; `AckCode` stays, nothing is
   executed whatever the payload says.
4. Otherwise it is new: answer by the payload (TTL and freshness, permit, mode; `ReqCmd` 4 is Hold, anything else is
   refused with 3), then `AckCode`, then `LastId := ReqCmdId; AckCmdId := ReqCmdId`.

**What the bridge does** at the beginning of each session: it reads `AckCmdId`, takes the next epoch after the newer
of the PLC's and the one on record in the broker (which takes one claim at a time), and claims the PLC: it
writes `ReqCmd = 0`, and `ReqCmdId` = (its epoch, the PLC's own number). By rule 3 that moves nothing but the epoch:
from then on bytes of any older session are ignored, wherever they were held up. Only when `AckCmdId` shows the claim
is the link called up, so each connection also proves that commands get through. (A new PLC answers the first claim
with 3, by rule 4.)

Numbers are `base + stream sequence of the request`; `base` is chosen once in the life of the stream, so that the first
number follows the PLC's. A lost stream therefore needs nobody: numbers go on behind those that the PLC has seen.
"""

from dataclasses import dataclass

_SHIFT, _NUMBERS, _EPOCHS = 24, 1 << 24, 256


def command_id(epoch: int, number: int) -> int:
    """The UInt32 for a number, which may be any integer, in an epoch of 1 to 255."""
    return epoch << _SHIFT | number % _NUMBERS


def number_of(command: int) -> int:
    """Which request a command id is about."""
    return command % _NUMBERS


def epoch_of(command: int) -> int:
    """In which session it was said."""
    return command >> _SHIFT


def is_newer_epoch(epoch: int, other: int) -> bool:
    """Whether one epoch comes after another on the circle."""
    return 0 < (epoch - other) % _EPOCHS < _EPOCHS // 2


def is_newer_number(number: int, other: int) -> bool:
    """Whether one request comes after another on the circle."""
    return 0 < (number - other) % _NUMBERS < _NUMBERS // 2


@dataclass(frozen=True)
class Claim:
    """With what a session signs: its epoch, and the base of the numbers.

    `born` is when the stream was made whose sequences the numbers count: in another one they mean nothing (R3).
    """

    epoch: int = 0
    base: int = 0
    born: float = 0.0

    def command(self, sequence: int) -> int:
        """The id of the request at a sequence of the stream."""
        return command_id(self.epoch, self.base + sequence)


NO_CLAIM = Claim()


def next_claim(recorded: Claim | None, plc_id: int, first_sequence: int, newest_sequence: int) -> Claim:
    """The claim of a new session: from the last one on record, the PLC's `AckCmdId`, and the stream's two ends.

    A PLC with a number that we never gave is another one, or comes from another plant: then numbers start behind its,
    so that every request that the stream still holds is new to it.
    """
    afresh = number_of(plc_id) + 1 - first_sequence
    if recorded is None:
        return Claim(_after(epoch_of(plc_id)), afresh)
    heard, following = epoch_of(plc_id), _after(recorded.epoch)
    known = plc_id == 0 or (is_newer_epoch(recorded.epoch, heard) and is_newer_epoch(following, heard))
    foreign = plc_id != 0 and is_newer_number(number_of(plc_id), recorded.base + newest_sequence)
    return Claim(following if known else _after(heard), afresh if foreign else recorded.base)


def _after(epoch: int) -> int:
    return epoch % (_EPOCHS - 1) + 1
