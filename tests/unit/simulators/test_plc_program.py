"""The simulated PLC obeys the contract (domain/numbering.py); integration tests and chaos lean on it."""

import pytest

from services.opcua_bridge.domain.numbering import command_id
from tools.simulators.plc_machine import HELD, HOLDING, UNHOLDING, Machine
from tools.simulators.plc_memory import EFFECTS_KEPT, EXECUTE, Effect, Memory, Retain
from tools.simulators.plc_program import ACCEPTED, CMD_HOLD, DONE, EXPIRED, REJECTED, PackMl, PauseTag, VisIf

NOTHING = dict.fromkeys(VisIf.written, 0) | {"ReqText": ""}


def plc(memory: Memory | None = None) -> VisIf:
    return VisIf(Machine(memory or Memory(), holding_s=0.4, now=0.0, wall=lambda: 1000.0))


def hold(number: int = 1, epoch: int = 1, cmd: int = CMD_HOLD, ttl_ms: int = 5000, fresh: int = 0, **others) -> dict:
    given = {"ReqCmdId": command_id(epoch, number), "ReqCmd": cmd, "ReqTtlMs": ttl_ms, "ReqFresh": fresh}
    return NOTHING | given | others


def executed(program: VisIf) -> int:
    return program.machine.memory.executed


def test_hold_is_accepted_executed_once_and_done_when_held():
    program = plc()
    for now in (0.0, 0.02, 0.04):
        program.scan(now, hold())
    memory = program.machine.memory
    assert (memory.ack_code, memory.executed, memory.state) == (ACCEPTED, 1, HOLDING)
    program.scan(0.41, hold())
    assert (memory.state, memory.ack_code) == (HELD, DONE)  # in one scan: an operator may be quick
    assert (memory.ack_id, memory.effects) == (command_id(1, 1), (Effect(command_id(1, 1), 1000.0),))


def test_a_second_command_while_held_is_accepted_without_effect():
    program = plc(Memory(state=HELD))
    program.scan(0.0, hold())
    assert (program.values()["AckCode"], executed(program)) == (DONE, 0)


@pytest.mark.parametrize("cmd", [0, 1, 2, 3, 5, 6, 7, 8, 9])
def test_nothing_but_hold_is_obeyed_least_of_all_unhold(cmd):
    program = plc(Memory(state=HELD))
    program.scan(0.0, hold(cmd=cmd))
    assert (program.values()["AckCode"], program.values()["StateCurrent"]) == (REJECTED, HELD)


@pytest.mark.parametrize("ttl_s", [0.3, 1.0, 2.0, 2.7])
@pytest.mark.parametrize("steps", [[0.02], [0.4], [0.7, 0.02], [6.0, 0.02]], ids=["quick", "slow", "uneven", "frozen"])
@pytest.mark.parametrize("read_at", [0.0, 0.49, 1.0])
def test_nothing_is_executed_after_its_time_however_slowly_the_program_runs(ttl_s, steps, read_at):
    """The bridge read the heartbeat, wrote at once, and the bytes come at any time later."""
    for delay_s in (0.0, 0.2, 0.7, 1.1, 1.9, 2.2, 3.0):
        program, now, turn, fresh = plc(), 0.0, 0, None
        while now < read_at + delay_s + 8:
            arrived = now >= read_at + delay_s and fresh is not None
            fresh = program.machine.heartbeat if now <= read_at else fresh
            program.scan(now, hold(ttl_ms=int(ttl_s * 1000), fresh=fresh or 0) if arrived else NOTHING)
            if executed(program):
                assert now - read_at < ttl_s
                break
            now += steps[turn % len(steps)]
            turn += 1
        else:
            assert program.values()["AckCode"] == EXPIRED


def test_a_command_that_comes_in_time_is_executed():
    for ttl_ms, beats in ((1000, 1), (5000, 9)):
        program = plc()
        program.scan(beats * 0.5, hold(ttl_ms=ttl_ms))
        assert program.values()["AckCode"] == ACCEPTED


def test_what_an_older_session_or_an_older_request_says_moves_nothing_over_any_wrap():
    last = command_id(200, 9)
    program = plc(Memory(last_id=last, ack_id=last))
    for epoch, number in ((199, 10), (72, 10), (200, 8), (201, 8), (200, 9), (200, 9 - (1 << 23))):
        program.scan(0.0, hold(number, epoch))
        assert (program.values()["AckCmdId"], executed(program)) == (last, 0)
    for epoch, number in ((200, 10), (255, 11), (1, 12), (127, 11 + (1 << 23))):
        before = executed(program)
        program.scan(0.0, hold(number, epoch))
        program.machine.memory.state = EXECUTE
        assert (program.values()["AckCmdId"], executed(program)) == (command_id(epoch, number), before + 1)


def test_a_claim_moves_the_epoch_and_nothing_else_whatever_its_payload_says():
    program = plc()
    program.scan(0.0, hold(7, epoch=1))
    program.machine.memory.state = EXECUTE
    before = program.values()
    for cmd in (0, CMD_HOLD):
        program.scan(0.02, hold(7, epoch=2 + cmd, cmd=cmd))
        assert program.values() == before | {"AckCmdId": command_id(2 + cmd, 7)}
    program.scan(0.04, hold(8, epoch=5))  # the session before the last claim wakes up
    assert executed(program) == 1


def test_a_new_plc_answers_the_first_claim_with_a_refusal_and_is_then_claimed():
    program = plc()
    program.scan(0.0, hold(0, epoch=250, cmd=0))
    assert (program.values()["AckCode"], program.values()["AckCmdId"]) == (REJECTED, command_id(250, 0))


@pytest.mark.parametrize(("policy", "held", "diverting"), [(0, 0, False), (1, 0, False), (2, 1, False), (3, 0, True)])
def test_the_watchdog_does_what_the_bridge_said_before_it_fell_silent(policy, held, diverting):
    program = plc()
    told = NOTHING | {"FailPolicy": policy, "LinkDeadMs": 2000, "HbVis": 1}
    program.scan(0.0, told)
    program.scan(1.9, told)
    assert not program.values()["LinkAlarm"]
    program.scan(2.1, told)
    assert program.values()["LinkAlarm"]
    assert (program.values()["WatchdogHolds"], program.machine.diverting, executed(program)) == (held, diverting, 0)
    program.scan(2.2, told | {"HbVis": 2})
    assert (program.values()["LinkAlarm"], program.machine.diverting) == (False, False)


def test_the_watchdog_holds_once_per_loss_and_never_against_the_operators_switch():
    program = plc(Memory(fail_policy=2, link_dead_ms=2000))
    machine = program.machine
    program.scan(2.1, NOTHING)
    program.scan(3.0, NOTHING)
    assert machine.resume(3.0)
    for now in (3.3, 9.0):
        program.scan(now, NOTHING)
    assert (machine.memory.state, machine.memory.watchdog_holds) == (EXECUTE, 1)
    program.scan(9.1, NOTHING | {"HbVis": 1})
    machine.memory.remote_pause_enabled = False
    program.scan(20.0, NOTHING | {"HbVis": 1})
    assert (program.values()["LinkAlarm"], machine.memory.watchdog_holds) == (True, 1)


def test_what_was_executed_survives_a_power_cut_and_so_does_the_policy(tmp_path):
    program = plc()
    program.scan(0.0, hold(FailPolicy=3, LinkDeadMs=4000))
    Retain(tmp_path / "retain.json").store(program.machine.memory)
    again = plc(Retain(tmp_path / "retain.json").load())
    assert again.machine.memory == program.machine.memory
    again.scan(0.0, hold())
    again.scan(0.5, hold())
    assert (executed(again), again.machine.memory.state, again.machine.memory.fail_policy) == (1, HELD, 3)


def test_the_audit_forgets_the_oldest_and_counts_them_all():
    memory = Memory(effects=tuple(Effect(n, 0.0) for n in range(EFFECTS_KEPT)), executed=EFFECTS_KEPT)
    memory.note(Effect(EFFECTS_KEPT, 1.0))
    assert (memory.executed, len(memory.effects), memory.effects[0].command) == (EFFECTS_KEPT + 1, EFFECTS_KEPT, 1)


def test_only_a_held_line_can_be_resumed():
    machine = plc().machine
    assert not machine.resume(0.0)
    machine.memory.state = HELD
    assert machine.resume(0.0)
    machine.move(0.3)
    assert machine.memory.state == EXECUTE


@pytest.mark.parametrize("state", [1, 2, 4, HOLDING, HELD])
def test_packmls_hold_is_legal_only_where_the_standard_says_so(state):
    program = PackMl(Machine(Memory(), 0.4, 0.0))
    call = program.methods()["Hold"]
    program.machine.memory.state = state
    assert not call(0.0)
    program.machine.memory.state = UNHOLDING
    program.machine.memory.remote_pause_enabled = False
    assert not call(0.0)
    program.machine.memory.remote_pause_enabled = True
    assert call(0.0)
    assert (program.values()["StateCurrent"], program.machine.memory.executed) == (HOLDING, 1)


def test_the_boolean_holds_on_its_rising_edge_and_false_never_resumes():
    program = PauseTag(Machine(Memory(), 0.4, 0.0))
    asked, quiet = ({"PauseRequest": value, "HbVis": 0} for value in (True, False))
    program.scan(0.0, asked)
    program.scan(0.5, asked)
    program.scan(1.0, quiet)
    assert (program.values()["Paused"], program.values()["StateCurrent"]) == (True, HELD)
    program.scan(1.1, asked)
    program.machine.resume(1.2)
    for now in (1.5, 1.6):
        program.scan(now, asked)
    assert (program.values()["StateCurrent"], program.machine.memory.executed) == (EXECUTE, 1)
