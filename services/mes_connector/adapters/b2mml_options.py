"""What a plant may say about its B2MML partner."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from services.contracts.strict import Strict
from services.mes_connector.adapters.vocabulary import Unmapped
from services.mes_connector.domain.progress import Status

Document = Literal["work_request", "operations_event"]


class Options(Strict):
    """Common to the file drop and to HTTP."""

    maintenance: Document = "work_request"
    internal_quality: Document = "operations_event"
    supplier_quality: Document = "operations_event"
    work_master: str = ""
    """WorkMasterID of the job orders, where the partner has one for such work."""
    states: dict[str, Status] = Field(default={})
    """The partner's own states (`Other` with an OtherValue, or words outside the standard): ours."""
    xsd: Path | None = None
    """A folder with MESA's schemas (B2MML-WorkSchedule.xsd and the rest): every document is validated against them."""
    unmapped: Unmapped = "pass"
    """Whether equipment without an entry in the mapping passes as it is."""


class FileOptions(Options):
    """`url` is file:///folder; the folders stand in it. Readers take only names that end with .xml."""

    requests: str = Field(default="requests", min_length=1)
    """Where documents are laid down; the partner takes them away."""
    sent: str = Field(default="sent", min_length=1)
    """Where we remember what was laid down."""
    responses: str = Field(default="responses", min_length=1)
    """Where the partner lays down WorkResponse and JobResponse documents."""
    most_responses: int = Field(default=10_000, ge=1)
    """More files than this in `responses`: only the youngest are read. Clear the folder in time."""


class HttpOptions(Options):
    """`url` takes documents by POST; `{key}` is our reference, `{id}` that of a comment."""

    find_path: str = "/{key}"
    """GET: the document, or 404."""
    response_path: str = "/{key}/response"
    """GET: a document with WorkResponse or JobResponse, or 404 while there is none."""
    comment_path: str = "/{id}"
    """GET: the OperationsEvent of a comment, or 404."""
    header: str = "Authorization"
    """The header that carries the secret file's content; `Authorization` gets it as a bearer token."""
