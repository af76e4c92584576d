"""The inference service as its own process with the real tritonserver, and a tiny model for it."""

import contextlib
import dataclasses
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import numpy as np
import yaml
from jidoka.model.v1 import model_service_pb2, model_service_pb2_grpc
from joserfc import jwt
from joserfc.jwk import ECKey
from onnx import TensorProto, helper, numpy_helper
from tritonclient.grpc import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException

from tools.plant import leash
from tools.ports import free_port
from tools.train.sign import sign, signing_key

REPO = Path(__file__).parents[2]
ADMIN_KEY = "integration-test-0123456789abcdef"
CONFIG = """
backend: "onnxruntime"
max_batch_size: 16
input  [ { name: "images" data_type: TYPE_UINT8 dims: [ 2, 64, 64 ] } ]
output [ { name: "NAME" data_type: TYPE_FP32 dims: [ ROWS, COLUMNS ] } ]
instance_group [ { count: 1 } ]
dynamic_batching { max_queue_delay_microseconds: 20000 }
parameters { key: "intra_op_thread_count" value: { string_value: "1" } }
parameters { key: "session.set_denormal_as_zero" value: { string_value: "1" } }
optimization { execution_accelerators { cpu_execution_accelerator : [ { name : "openvino" } ] } }
"""


def write_model(
    folder: Path, output: str = "detections", rows: int = 100, columns: int = 6, version: str = "1", factor: float = 1
) -> None:
    """images UINT8 [-1,2,64,64] -> mean grey level times `factor`, repeated as [-1,rows,columns]; signed."""
    network(folder / version / "model.onnx", output, rows, columns, factor)
    config = CONFIG.replace("NAME", output).replace("ROWS", str(rows)).replace("COLUMNS", str(columns))
    (folder / "config.pbtxt").write_text(config)
    (folder / "labels.txt").write_text("open\npin hole\n")
    sign_model(folder)


def network(path: Path, output: str = "detections", rows: int = 100, columns: int = 6, factor: float = 1) -> None:
    """The ONNX file alone."""
    ones = np.full((1, rows, columns), factor, np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["images"], ["grey"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["grey", "axes"], ["mean"], keepdims=1),
            helper.make_node("Squeeze", ["mean", "last"], ["flat"]),
            helper.make_node("Mul", ["flat", "ones"], [output]),
        ],
        "mean",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", 2, 64, 64])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", rows, columns])],
        [
            numpy_helper.from_array(np.array([1, 2, 3]), "axes"),
            numpy_helper.from_array(np.array([3]), "last"),
            numpy_helper.from_array(ones, "ones"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.json")  # whoever looks into the folder meanwhile sees a paper
    unfinished.write_bytes(model.SerializeToString())
    unfinished.replace(path)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def sign_model(folder: Path) -> None:
    """As `jidoka export` does, with a key that the services of these tests trust."""
    networks = [path.relative_to(folder).as_posix() for path in folder.glob("*/model.onnx")]
    files = {name: digest(folder / name) for name in (*networks, "labels.txt")}
    key = signing_key(folder.parent.parent / "keys/model.pem", folder.parent.parent / "trust")
    sign(folder, {"name": folder.name, "files": files}, key)


class Web:
    """Serves JSON documents and remembers what was posted: an OAuth2 issuer's public half, and an OTLP collector."""

    def __init__(self) -> None:
        self.documents: dict[str, object] = {}
        self.posted: list[str] = []
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(json.dumps(web.documents[self.path]).encode())

            def do_POST(self) -> None:
                web.posted.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self._answer(b"{}")

            def _answer(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@dataclasses.dataclass
class Issuer:
    web: Web
    key: ECKey

    def token(self, scope: str) -> str:
        claims = {"iss": self.web.url, "aud": "urn:jidoka:mesh", "exp": int(time.time()) + 300, "scope": scope}
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims | {"azp": "test", "sub": "test"}, self.key)


@contextlib.contextmanager
def issuing() -> Iterator[Issuer]:
    """An issuer whose keys can be fetched."""
    web, key = Web(), ECKey.generate_key("P-256", auto_kid=True)
    web.documents["/.well-known/openid-configuration"] = {"issuer": web.url, "jwks_uri": f"{web.url}/jwks"}
    web.documents["/jwks"] = {"keys": [key.as_dict(private=False)]}
    yield Issuer(web, key)
    web.server.shutdown()
    web.server.server_close()


class Inference:
    """The service as its own process, as in production."""

    def __init__(self, folder: Path, issuer: Issuer, *models: str, **settings: str) -> None:
        self.repository, self.work_dir, self.issuer = folder / "models", folder / "work", issuer
        self.repository.mkdir(exist_ok=True)
        self.triton_port, self.grpc_port, self.health_port = free_port(), free_port(), free_port()
        plant = yaml.safe_load((REPO / "deploy/plants/demo.yaml").read_text())
        size = {"width_px": 64, "height_px": 64, "version": 1, "thresholds": {"open": 0.5}}
        plant["recipes"] = [{"name": f"recipe-{n}", "model": model, **size} for n, model in enumerate(models)]
        plant["sites"][0]["lines"][0]["stations"][0]["recipes"] = [recipe["name"] for recipe in plant["recipes"]]
        (folder / "plant.yaml").write_text(yaml.safe_dump(plant))
        (folder / "key").write_text(ADMIN_KEY + "\n")
        given = {
            "plant_file": folder / "plant.yaml",
            "model_repository": self.repository,
            "model_trust": folder / "trust",
            "work_dir": self.work_dir,
            "admin_key_file": folder / "key",
            "triton_address": f"127.0.0.1:{self.triton_port}",
            "grpc_address": f"127.0.0.1:{self.grpc_port}",
            "health_address": f"127.0.0.1:{self.health_port}",
            "issuer_url": issuer.web.url,
            "probe_interval_s": "0.3",
            "backoff_cap_s": "1",
        } | settings
        self.environment = os.environ | {f"JIDOKA_INFERENCE_{name.upper()}": str(v) for name, v in given.items()}
        self.log = folder / "service.log"
        self.shm_prefix = f"jidoka_{hashlib.sha256(str(self.work_dir.resolve()).encode()).hexdigest()[:12]}_"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "services.inference"]
            self.process = leash.popen(command, cwd=REPO, env=self.environment, stdout=log, stderr=log)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(15)

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()

    def ready(self) -> bool:
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"http://127.0.0.1:{self.health_port}/readyz", timeout=2).status == 200
        return False

    def processes(self) -> dict[int, str]:
        """Triton and its model processes, zombies aside: id -> program name."""
        found = {}
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if (
                    entry.name.isdigit()
                    and str(self.work_dir / "backends").encode() in (entry / "cmdline").read_bytes()
                ):
                    found[int(entry.name)] = (entry / "exe").readlink().name
        return found

    def pid(self, program: str) -> int:
        return next(pid for pid, name in self.processes().items() if name == program)

    def regions(self) -> set[str]:
        return {region.name for region in Path("/dev/shm").glob(f"{self.shm_prefix}*")}

    def models(self, scope: str = "model.read") -> dict[str, model_service_pb2.Model]:
        with grpc.insecure_channel(f"127.0.0.1:{self.grpc_port}") as channel:
            stub = model_service_pb2_grpc.ModelServiceStub(channel)
            metadata = [("authorization", f"Bearer {self.issuer.token(scope)}")] if scope else []
            answer = stub.ListModels(model_service_pb2.ListModelsRequest(), timeout=5, metadata=metadata)
        return {model.name: model for model in answer.models}

    def failed(self, *names: str) -> bool:
        with contextlib.suppress(grpc.RpcError):
            models = self.models()
            return all(models[name].state == model_service_pb2.MODEL_STATE_FAILED for name in names)
        return False

    def client(self) -> InferenceServerClient:
        return InferenceServerClient(f"127.0.0.1:{self.triton_port}")

    def served(self, name: str = "good") -> str:
        """What Triton calls it."""
        return str(self.models()[name].served_name)

    def grey_level(self, level: int) -> float:
        with self.client() as client:
            answer = client.infer(self.served(), [picture(level)], client_timeout=5)
            return float(answer.as_numpy("detections")[0, 99, 5])

    def serves(self) -> bool:
        with contextlib.suppress(InferenceServerException):
            return self.ready() and self.grey_level(9) == 9
        return False


def picture(level: int) -> InferInput:
    images = InferInput("images", [1, 2, 64, 64], "UINT8")
    images.set_data_from_numpy(np.full((1, 2, 64, 64), level, np.uint8))
    return images


def until(condition: Callable[[], object], inference: Inference, deadline_s: float = 120) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < deadline_s, inference.log.read_text()[-3000:]
        time.sleep(0.05)
    return time.monotonic() - began
