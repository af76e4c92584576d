"""What preprocessing is told."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.chassis.settings import ChassisSettings


class Settings(ChassisSettings):
    """Settings of preprocessing."""

    model_config = SettingsConfigDict(env_prefix="JIDOKA_PREPROCESSING_")

    grpc_address: str = "127.0.0.1:0"
    """Where InspectionService listens (host:port)."""
    triton_target: str = "127.0.0.1:8001"
    """Triton's gRPC endpoint; on the same host, because frames travel in shared memory."""
    triton_admin_key_file: Path | None = None
    """File with the key that opens Triton's shared-memory protocol."""
    inference_target: str = "127.0.0.1:50052"
    """ModelService of the inference service."""
    postprocessing_target: str = "127.0.0.1:50053"
    """VerdictService of postprocessing."""
    max_image_bytes: int = Field(default=8 << 20, gt=0)
    """Larger files are refused."""
    max_image_pixels: int = Field(default=25_000_000, gt=0)
    """Pictures with more pixels are refused before they are decoded."""
    max_in_flight: int = Field(default=32, gt=0)
    """More frames at once are refused with RESOURCE_EXHAUSTED."""
    shared_memory_slots: int = Field(default=8, gt=0)
    """Frames at Triton at once."""
    cpu_threads: int = Field(default=2, gt=0)
    """Threads that decode and register."""
    golden_cache_entries: int = Field(default=256, gt=0)
    """Golden templates kept decoded."""
    golden_cache_age_s: float = Field(default=30.0, gt=0)
    """After this time the object store is asked whether a template was replaced."""
    triton_deadline_s: float = Field(default=2.0, gt=0)
    """One inference may take so long."""
    judge_deadline_s: float = Field(default=5.0, gt=0)
    """One verdict may take so long."""
    evidence_waiting_bytes: int = Field(default=64 << 20, gt=0)
    """So much of pictures of parts that did not pass may wait for the broker; what comes then is not kept."""
    trusted_clients: frozenset[str] = frozenset({"gateway"})
    """Clients that have checked the station themselves and may submit for any."""
