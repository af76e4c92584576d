"""The simulated PLC obeys the interface description; the integration tests lean on it."""

import pytest

from services.opcua_bridge.domain.handshake import command_id
from tools.simulators.plc_program import (
    ACCEPTED,
    CMD_HOLD,
    DONE,
    EXECUTE,
    EXPIRED,
    HELD,
    HOLDING,
    REJECTED,
    Memory,
    Program,
    Request,
    Retain,
)


def program(memory: Memory | None = None) -> Program:
    return Program(memory or Memory(), holding_s=0.4, now=0.0)


def hold(number: int = 1, epoch: int = 1, cmd: int = CMD_HOLD, ttl_ms: int = 5000, fresh: int = 0) -> Request:
    return Request(command_id(epoch, number), cmd, ttl_ms, fresh)


def test_hold_is_accepted_executed_once_and_done_when_held():
    plc = program()
    for now in (0.0, 0.02, 0.04):
        plc.scan(now, hold(), 0)
    assert (plc.memory.ack_code, plc.memory.executed, plc.memory.state) == (ACCEPTED, 1, HOLDING)
    plc.scan(0.41, hold(), 0)
    assert (plc.memory.state, plc.memory.ack_code) == (HELD, DONE)  # in one scan: an operator may be quick
    assert (plc.memory.ack_id, plc.memory.executed) == (hold().id, 1)


def test_a_second_command_while_held_is_accepted_without_effect():
    plc = program(Memory(state=HELD))
    plc.scan(0.0, hold(), 0)
    assert (plc.memory.ack_code, plc.memory.executed) == (ACCEPTED, 0)


@pytest.mark.parametrize("cmd", [0, 1, 2, 3, 5, 6, 7, 8, 9])
def test_nothing_but_hold_is_obeyed_least_of_all_unhold(cmd):
    plc = program(Memory(state=HELD))
    plc.scan(0.0, hold(cmd=cmd), 0)
    assert (plc.memory.ack_code, plc.memory.state) == (REJECTED, HELD)


def test_a_command_older_than_its_ttl_by_the_plcs_own_heartbeat_is_expired():
    plc = program()
    for beat in range(1, 7):
        plc.scan(beat * 0.5, Request(), 0)
    plc.scan(3.01, hold(ttl_ms=2000, fresh=0), 0)
    assert (plc.memory.ack_code, plc.memory.executed, plc.memory.state) == (EXPIRED, 0, EXECUTE)
    plc.scan(3.02, hold(number=2, ttl_ms=2000, fresh=plc.heartbeat), 0)
    assert plc.memory.ack_code == ACCEPTED


def test_older_ids_and_lower_epochs_are_ignored():
    plc = program()
    plc.scan(0.0, hold(number=9, epoch=2, cmd=5), 0)
    for stale in (hold(number=8, epoch=2), hold(number=10, epoch=1)):
        plc.scan(0.02, stale, 0)
        assert (plc.memory.ack_id, plc.memory.executed) == (hold(number=9, epoch=2).id, 0)
    plc.scan(0.04, hold(number=1, epoch=3), 0)
    assert plc.memory.executed == 1


def test_a_silent_bridge_raises_the_link_alarm_and_a_beat_clears_it():
    plc = program()
    plc.scan(2.9, Request(), 0)
    assert not plc.link_alarm
    plc.scan(3.1, Request(), 0)
    assert plc.link_alarm
    plc.scan(3.2, Request(), 1)
    assert not plc.link_alarm


def test_what_was_executed_survives_a_power_cut(tmp_path):
    plc = program()
    plc.scan(0.0, hold(), 0)
    Retain(tmp_path / "retain.json").store(plc.memory)
    again = program(Retain(tmp_path / "retain.json").load())
    again.scan(0.0, hold(), 0)
    again.scan(0.5, hold(), 0)
    assert (again.memory.executed, again.memory.state) == (1, HELD)


def test_only_a_held_line_can_be_resumed():
    plc = program()
    assert not plc.resume(0.0)
    plc.memory.state = HELD
    assert plc.resume(0.0)
    plc.scan(0.3, Request(), 0)
    assert plc.memory.state == EXECUTE
