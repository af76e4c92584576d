"""Builds jidoka-inference; the only place that constructs."""

import hashlib
from pathlib import Path

from jidoka.model.v1 import model_service_pb2_grpc

from services.chassis.auth import TokenVerifier
from services.chassis.errors import Invalid
from services.chassis.rpc import Server
from services.chassis.run import Service
from services.chassis.settings import read_secret
from services.contracts import plant
from services.inference.adapters.grpc_api import SCOPES, ModelService
from services.inference.adapters.model_folders import ModelFolders
from services.inference.adapters.staging import Staging
from services.inference.adapters.triton_command import Command, Wheel
from services.inference.adapters.triton_grpc import TritonClient
from services.inference.adapters.tritonserver import ForeignServer, TritonServer
from services.inference.adapters.trust import TrustedKeys
from services.inference.domain.models import ModelSpec
from services.inference.domain.supervision import Backoff, Policy
from services.inference.handlers.supervisor import Supervisor
from services.inference.handlers.watch import ModelWatch, Probing
from services.inference.ports import ModelServer
from services.inference.settings import Settings


def build(settings: Settings) -> Service:
    """The supervision of Triton and the ModelService that reports it. Raises MeshError or PlantError."""
    admin_key = read_secret(settings.admin_key_file, "admin_key_file") if settings.launch else ""
    triton = TritonClient(
        settings.triton_address,
        admin_key,
        call_deadline_s=settings.probe_deadline_s,
        load_deadline_s=settings.load_deadline_s,
    )
    backoff = Backoff(settings.backoff_base_s, settings.backoff_cap_s)
    probing = Probing(
        deadline_s=settings.probe_deadline_s,
        stall_s=settings.probe_stall_s,
        warmup_inferences=settings.warmup_inferences,
        warmup_deadline_s=settings.load_deadline_s,
        retry=backoff,
        retire_after_s=settings.retire_after_s,
    )
    staging = _staging(settings)
    supervisor = Supervisor(
        _bundled(settings, admin_key, staging.repository) if settings.launch else ForeignServer(),
        triton,
        [ModelWatch(spec, triton, staging, probing) for spec in _specs(plant.load(settings.plant_file))],
        _policy(settings, backoff),
        probe_interval_s=settings.probe_interval_s,
        start_interval_s=settings.watch_interval_s,
    )
    verifier = TokenVerifier(settings.issuer_url, settings.audience, settings.roles_claim)
    server = Server(settings.grpc_address, verifier, SCOPES)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(supervisor.statuses), server.grpc)
    return Service([staging, triton, supervisor, server], {"models": supervisor.ready})


def _staging(settings: Settings) -> Staging:
    node_key = read_secret(settings.plan_key_file, "plan_key_file") if settings.plan_key_file else ""
    trusted = TrustedKeys(settings.model_trust)
    folders = ModelFolders(settings.model_repository, trusted, settings.triton_config_name, node_key)
    root = settings.staging_dir or settings.work_dir / "staging"
    return Staging(root.resolve(), folders, keep=not settings.launch)


def _specs(configured: plant.Plant) -> list[ModelSpec]:
    """The models that the recipes name, each with one picture size."""
    specs: dict[str, ModelSpec] = {}
    for recipe in configured.recipes:
        spec = ModelSpec(recipe.model, recipe.height_px, recipe.width_px)
        if specs.setdefault(recipe.model, spec) != spec:
            fix = "give the recipe another model, or the size of the other recipes"
            raise Invalid(f"{recipe.model} has two picture sizes", field=f"recipe {recipe.name}", fix=fix)
    return list(specs.values())


def _policy(settings: Settings, backoff: Backoff) -> Policy:
    return Policy(
        start_deadline_s=settings.start_deadline_s,
        misses=settings.probe_misses,
        backoff=backoff,
        budget=settings.restart_budget,
        window_s=settings.restart_window_s,
    )


def _bundled(settings: Settings, admin_key: str, repository: Path) -> ModelServer:
    work_dir = settings.work_dir.resolve()
    wheel = Wheel.installed()
    command = Command(
        binary=wheel.binary,
        repository=repository,
        backends=work_dir / "backends",
        address=settings.triton_address,
        admin_key=admin_key,
        # Ours alone on this host, and the same after a restart: so it can be swept.
        shm_prefix=f"jidoka_{hashlib.sha256(str(work_dir).encode()).hexdigest()[:12]}_",
        shm_bytes=settings.shared_memory_bytes,
        exit_timeout_s=max(1, int(settings.stop_grace_s) - 1),
        metrics_address=settings.triton_metrics_address,
        otlp_http_url=settings.otlp_http_url,
    )
    return TritonServer(
        wheel,
        command,
        settings.backend_dir,
        settings.triton_log_file or work_dir / "tritonserver.log",
        stop_grace_s=settings.stop_grace_s,
        watch_interval_s=settings.watch_interval_s,
    )
