"""How the tritonserver of the `nvidia-pytriton` wheel is laid out, and the command line that keeps it locked up."""

import importlib.util
import re
import shutil
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

from services.chassis.errors import Invalid

_KEY = re.compile(r"[A-Za-z0-9_-]{16,}")
_RESTRICTED = "shared-memory,model-repository,model-config,trace,logging"
# Triton samples every n-th request and any that carries a traceparent: with this n only the latter.
_NEVER = 1_000_000


@dataclass(frozen=True)
class Wheel:
    """The installed `nvidia-pytriton`: only its binaries are used."""

    site_packages: Path

    @classmethod
    def installed(cls) -> "Wheel":
        """Find it. Raises Invalid when it is not there, or has no model process for this Python."""
        spec = importlib.util.find_spec("pytriton")
        if spec is None or spec.origin is None:
            fix = "pip install 'jidoka[embedded]', or set JIDOKA_INFERENCE_LAUNCH=false and run Triton yourself"
            raise Invalid("the wheel nvidia-pytriton is not installed", field="launch", fix=fix)
        wheel = cls(Path(spec.origin).parents[1])
        if not wheel.stub.is_file():
            raise Invalid(f"no {wheel.stub}", field="launch", fix="run inference with Python 3.11 or 3.12")
        return wheel

    @property
    def binary(self) -> Path:
        """The server."""
        return self.site_packages / "pytriton/tritonserver/bin/tritonserver"

    @property
    def stub(self) -> Path:
        """The program of a model process, one per Python version."""
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return (
            self.site_packages / "pytriton/tritonserver/python_backend_stubs" / version / "triton_python_backend_stub"
        )

    def assemble(self, backends: Path, ours: Path) -> None:
        """Lay out the backend folder; copies, because Triton refuses symbolic links ("escapes backend directory")."""
        python = self.site_packages / "pytriton/tritonserver/backends/python"
        shutil.rmtree(backends, ignore_errors=True)
        for target, sources in (
            ("python", [python / "libtriton_python.so", python / "triton_python_backend_utils.py", self.stub]),
            ("onnxruntime", sorted(ours.glob("*.py"))),
        ):
            (backends / target).mkdir(parents=True)
            for source in sources:
                shutil.copy(source, backends / target)

    def environment(self) -> dict[str, str]:
        """All that the server is told of our environment: what its model processes need to start.

        The stub embeds libpython and finds the site-packages through the first `python3` on PATH.
        """
        libraries = (str(sysconfig.get_config_var("LIBDIR")), str(self.site_packages / "nvidia_pytriton.libs"))
        return {"PATH": f"{sysconfig.get_path('scripts')}:/usr/bin:/bin", "LD_LIBRARY_PATH": ":".join(libraries)}


@dataclass(frozen=True)
class Command:
    """Triton's command line; printing it does not show the key."""

    binary: Path
    repository: Path
    backends: Path
    address: str
    admin_key: str = field(repr=False)
    shm_prefix: str
    shm_bytes: int
    exit_timeout_s: int
    metrics_address: str = ""
    otlp_http_url: str = ""
    config_name: str = ""

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.admin_key):
            fix = "16 or more characters of A-Z a-z 0-9 _ -, such as `openssl rand -hex 32` gives"
            raise Invalid("the key is too short or holds other characters", field="admin_key_file", fix=fix)

    def __str__(self) -> str:
        return " ".join(self.line()).replace(self.admin_key, "***")

    def line(self) -> list[str]:
        """The program and its arguments, the admin key among them."""
        return [
            str(self.binary),
            f"--model-repository={self.repository}",
            f"--backend-directory={self.backends}",
            "--model-control-mode=explicit",
            "--disable-auto-complete-config",  # what is served is what is written; and a start is 1 s faster
            "--allow-http=false",
            *_listen("grpc", self.address),
            f"--grpc-restricted-protocol={_RESTRICTED}:admin-key={self.admin_key}",
            *(_listen("metrics", self.metrics_address) if self.metrics_address else ["--allow-metrics=false"]),
            "--allow-gpu-metrics=false",
            "--strict-readiness=false",
            "--exit-on-error=false",
            f"--exit-timeout-secs={self.exit_timeout_s}",
            f"--backend-config=python,shm-region-prefix-name={self.shm_prefix}",
            f"--backend-config=python,shm-default-byte-size={self.shm_bytes}",
            f"--backend-config=python,shm-growth-byte-size={self.shm_bytes}",
            *([f"--model-config-name={self.config_name}"] if self.config_name else []),
            *self._tracing(),
        ]

    def _tracing(self) -> list[str]:
        if not self.otlp_http_url:
            return []
        settings = (
            "mode=opentelemetry",
            f"opentelemetry,url={self.otlp_http_url}",
            "opentelemetry,resource=service.name=triton",
            "opentelemetry,bsp_schedule_delay=1000",
            "level=TIMESTAMPS",
            f"rate={_NEVER}",
        )
        return [f"--trace-config={setting}" for setting in settings]


def _listen(what: str, address: str) -> list[str]:
    host, _, port = address.rpartition(":")
    return [f"--{what}-address={host}", f"--{what}-port={port}"]
