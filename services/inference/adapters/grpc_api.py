"""ModelService: how the models do, for whoever may read models."""

from collections.abc import Callable, Sequence
from typing import Any

from jidoka.model.v1 import model_service_pb2, model_service_pb2_grpc

from services.contracts.instant import timestamp
from services.contracts.scopes import MODEL_READ
from services.inference.domain.models import ModelState, ModelStatus

SCOPES = {"/jidoka.model.v1.ModelService/ListModels": MODEL_READ}
_STATES = {
    ModelState.LOADING: model_service_pb2.MODEL_STATE_LOADING,
    ModelState.READY: model_service_pb2.MODEL_STATE_READY,
    ModelState.FAILED: model_service_pb2.MODEL_STATE_FAILED,
}


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Answers from the supervision's memory: no call here reaches Triton."""

    def __init__(self, statuses: Callable[[], Sequence[ModelStatus]]) -> None:
        self._statuses = statuses

    async def ListModels(  # noqa: N802 - the contract's name
        self, _request: model_service_pb2.ListModelsRequest, _context: Any
    ) -> model_service_pb2.ListModelsResponse:
        """Every model that the plant's recipes name."""
        return model_service_pb2.ListModelsResponse(models=map(_wire, self._statuses()))


def _wire(status: ModelStatus) -> model_service_pb2.Model:
    model = model_service_pb2.Model(
        name=status.spec.name,
        state=_STATES[status.state],
        detail=status.detail or status.refused_newer,
        probe_duration_ms=status.probe_duration_ms,
    )
    if status.staged:
        model.served_name, model.version = status.staged.name, status.staged.version
        model.digest = status.staged.digest
        model.labels.extend(status.staged.labels)
    if status.last_probe_at_s:
        model.last_probe_at.CopyFrom(timestamp(status.last_probe_at_s))
    return model
