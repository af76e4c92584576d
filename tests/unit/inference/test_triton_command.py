import dataclasses
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.chassis.errors import Conflict, Invalid
from services.inference.adapters.triton_command import Command, Wheel
from services.inference.adapters.tritonserver import TritonServer
from services.inference.settings import Settings

COMMAND = Command(
    binary=Path("/triton/bin/tritonserver"),
    repository=Path("/models"),
    backends=Path("/work/backends"),
    address="127.0.0.1:8001",
    admin_key="0123456789abcdef-secret",
    shm_prefix="jidoka_x_",
    shm_bytes=1 << 24,
    exit_timeout_s=4,
)


@given(st.from_regex(r"[A-Za-z0-9_-]{16,64}", fullmatch=True))
def test_the_key_opens_the_restricted_protocols_and_shows_in_no_text(key):
    command = dataclasses.replace(COMMAND, admin_key=key)

    restricted = "shared-memory,model-repository,model-config,trace,logging"
    assert f"--grpc-restricted-protocol={restricted}:admin-key={key}" in command.line()
    assert f"admin-key={key}" not in str(command) + repr(command) + f"{command}"


@pytest.mark.parametrize("key", ["", "short", "0123456789abcde,", "0123456789abcdef=x", "0123456789abcdef\n"])
def test_a_key_that_is_weak_or_would_break_the_argument_is_refused(key):
    with pytest.raises(Invalid, match="admin_key_file"):
        dataclasses.replace(COMMAND, admin_key=key)


def test_nothing_listens_but_grpc_unless_told_so():
    line = COMMAND.line()
    assert {"--allow-http=false", "--allow-metrics=false", "--grpc-address=127.0.0.1", "--grpc-port=8001"} <= set(line)
    assert not [argument for argument in line if argument.startswith(("--http-", "--metrics-", "--trace-"))]

    more = dataclasses.replace(
        COMMAND, metrics_address="127.0.0.1:8002", otlp_http_url="http://127.0.0.1:4318/v1/traces"
    )
    assert {"--metrics-address=127.0.0.1", "--metrics-port=8002"} <= set(more.line())
    assert "--trace-config=opentelemetry,url=http://127.0.0.1:4318/v1/traces" in more.line()


def test_the_server_inherits_no_secret_from_our_environment(monkeypatch):
    monkeypatch.setenv("JIDOKA_INFERENCE_SECRET", "x")

    assert set(Wheel.installed().environment()) == {"PATH", "LD_LIBRARY_PATH"}


@pytest.mark.parametrize("address", ["0.0.0.0:8001", "10.0.0.7:8001", "127.0.0.1", "triton:8001", "[::]:8001"])
def test_the_bundled_server_may_listen_on_loopback_only(address):
    needed = {
        "plant_file": Path("p"),
        "model_repository": Path("m"),
        "model_trust": Path("t"),
        "triton_address": address,
    }

    with pytest.raises(ValidationError, match="loopback"):
        Settings(**needed)
    assert Settings(**needed, launch=False).triton_address == address


async def test_a_work_folder_belongs_to_one_service_and_no_log_shows_the_key(tmp_path, caplog):
    def server() -> TritonServer:
        command = dataclasses.replace(COMMAND, backends=tmp_path / "backends", shm_prefix="jidoka_unit_")
        log = tmp_path / "t.log"
        return TritonServer(Wheel(tmp_path), command, tmp_path, log, stop_grace_s=1, watch_interval_s=0.1)

    caplog.set_level(logging.DEBUG)
    first, second = server(), server()
    with pytest.raises(FileNotFoundError):  # the folder is taken; there is no wheel to start from
        await first.start()
    with pytest.raises(Conflict, match="another service uses"):
        await second.start()
    await first.stop()

    assert COMMAND.admin_key not in caplog.text
