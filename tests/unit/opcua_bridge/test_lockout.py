"""Whoever guesses waits: by name, and by certificate however many names he tries (B21)."""

from services.opcua_bridge.adapters.lockout import PerCertificate


def test_a_client_that_rotates_names_waits_and_its_neighbour_does_not():
    now = [0.0]
    lockout = PerCertificate(lambda: now[0])
    for number in range(20):
        assert lockout.waits_s(f"user-{number}", "panel") == 0
        lockout.failed(f"user-{number}", "panel")
    assert lockout.waits_s("user-99", "panel") > 0
    assert lockout.waits_s("engineer", "another panel") == 0


def test_operators_of_one_panel_lock_each_other_out_for_seconds_only():
    now = [0.0]
    lockout = PerCertificate(lambda: now[0])
    for number in range(200):
        lockout.failed(f"user-{number}", "panel")
    assert 0 < lockout.waits_s("engineer", "panel") <= 2
    now[0] += 2
    assert lockout.waits_s("engineer", "panel") == 0


def test_the_right_password_of_one_name_frees_that_name_and_no_guesser():
    now = [0.0]
    lockout = PerCertificate(lambda: now[0])
    for number in range(25):
        lockout.failed(f"user-{number}", "panel")
    lockout.passed("engineer", "panel")
    assert lockout.waits_s("user-99", "panel") > 0
