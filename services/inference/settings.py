"""What jidoka-inference is told (JIDOKA_INFERENCE_*)."""

import ipaddress
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from services.chassis.settings import ChassisSettings

_PACKAGED_BACKEND = Path(__file__).parent / "backend"

Seconds = Annotated[float, Field(gt=0)]


class Settings(ChassisSettings):
    """Where the models are, how Triton is run, and how patiently it is watched."""

    model_config = SettingsConfigDict(env_prefix="JIDOKA_INFERENCE_")

    grpc_address: str = "127.0.0.1:50052"
    """Where ModelService is served (host:port)."""
    model_repository: Path
    """Triton's model repository: <model>/config.pbtxt and <model>/<version>/model.onnx."""
    model_trust: Path
    """Folder with the public keys (*.pem) whose models may be served; a model that none of them signed is refused."""
    launch: bool = True
    """Run the bundled tritonserver; off: only watch the Triton that others run at `triton_address`."""
    triton_address: str = "127.0.0.1:8001"
    """Triton's gRPC (host:port); the bundled one is started there, on loopback."""
    triton_config_name: str = Field(default="", pattern=r"^[A-Za-z0-9_]*$")
    """Serve models by their configs/NAME.pbtxt where there is one, such as gpu_trt_int8; empty: by config.pbtxt."""
    triton_metrics_address: str = ""
    """Where the bundled Triton serves its own metrics (host:port); empty: nowhere."""
    admin_key_file: Path | None = None
    """File with the random key that opens Triton's shared memory and model loading; who shares memory needs it, too."""
    plan_key_file: Path | None = None
    """File with the secret that `jidoka engine build --node-key` had on this node; without one no plan is served."""
    work_dir: Path = Path(".jidoka/inference")
    """Folder of one inference service: Triton's backends and log, and the copies of the models that it serves."""
    staging_dir: Path | None = None
    """The copies alone, for a Triton that others run: its model repository is `models` in there.  [work_dir/staging]"""
    backend_dir: Path = _PACKAGED_BACKEND
    """The Python-based `onnxruntime` backend."""
    triton_log_file: Path | None = None
    """Log of the running Triton, the one before beside it as *.1; default: tritonserver.log in `work_dir`."""
    otlp_http_url: str = ""
    """OTLP/HTTP JSON endpoint (…/v1/traces) for Triton's spans of requests that carry a traceparent; empty: none."""
    shared_memory_bytes: int = Field(default=16 << 20, ge=1 << 20)
    """First size of the region that each model process shares with Triton, and the step by which it grows."""

    probe_interval_s: Seconds = 2.0
    """Time between two synthetic inferences of a model."""
    probe_deadline_s: Seconds = 1.5
    """A synthetic inference may take so long."""
    probe_stall_s: Seconds = 5.0
    """A late or refused one is no failure while others were served within this time: that is load, not death."""
    probe_misses: int = Field(default=2, ge=1)
    """So many failures in a row restart the server."""
    watch_interval_s: Seconds = 0.25
    """How often the kernel is asked whether Triton and its processes live, and a starting Triton if it answers."""
    start_deadline_s: Seconds = 30.0
    """Triton must answer this long after its start."""
    load_deadline_s: Seconds = 60.0
    """Loading a model, and its first inference, may take so long."""
    warmup_inferences: int = Field(default=3, ge=0)
    """A model answers so often before it counts as ready."""
    retire_after_s: Seconds = 15.0
    """A model that was replaced is served so long yet, while preprocessing learns the new name (it asks every 2 s)."""
    backoff_base_s: Seconds = 0.2
    """First pause before a restart or another try to load a model; it doubles."""
    backoff_cap_s: Seconds = 30.0
    """Longest pause."""
    restart_budget: int = Field(default=5, ge=1)
    """So many quick restarts within `restart_window_s`, then only after the longest pause."""
    restart_window_s: Seconds = 600.0
    """Restarts before that are forgotten."""
    stop_grace_s: Seconds = 5.0
    """How long Triton may take to stop by itself."""

    @model_validator(mode="after")
    def _bundled_on_loopback(self) -> Self:
        for name in ("triton_address", "triton_metrics_address"):
            address = getattr(self, name)
            if self.launch and address and not _is_loopback(address):
                raise ValueError(f"{name}: {address} must be a loopback address with a port, such as 127.0.0.1:8001")
        return self


def _is_loopback(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        return port.isdigit() and ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
