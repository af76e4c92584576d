"""Ports are asked of the kernel, kept for ever, and never ones that an outgoing connection could be given."""

import socket
from pathlib import Path

import pytest

from tools.plant import state as states
from tools.plant.state import Ports


def test_ports_are_kept_distinct_free_and_outside_the_range_of_outgoing_connections():
    ports = Ports({"nats": 20_001})
    chosen = [ports[str(number)] for number in range(200)]
    first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    assert ports["nats"] == 20_001
    assert ports["7"] == chosen[7]
    assert len({*chosen, 20_001}) == 201
    assert all(20_000 <= port < first_outgoing for port in chosen)


def test_a_port_that_somebody_listens_on_is_not_chosen(monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free = Ports()["free"]
        monkeypatch.setattr(states.random, "sample", lambda *_: [taken.getsockname()[1], free])
        assert Ports()["another"] == free
