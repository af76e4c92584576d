"""How preprocessing is put together."""

from concurrent.futures import ThreadPoolExecutor

from jidoka.inspection.v1 import inspection_service_pb2_grpc

from services.chassis import rpc
from services.chassis.auth import TokenSource, TokenVerifier
from services.chassis.bus import Bus
from services.chassis.run import Service
from services.chassis.settings import read_secret
from services.contracts import plant as plants
from services.contracts.scopes import SERVICE_SCOPES
from services.contracts.subjects import inbox_of
from services.preprocessing.adapters import pixel_code
from services.preprocessing.adapters.contexts import ContextReader
from services.preprocessing.adapters.evidence import KeptEvidence
from services.preprocessing.adapters.goldens import StoredGoldens
from services.preprocessing.adapters.grpc_api import SCOPES, InspectionServicer
from services.preprocessing.adapters.images import Decoder
from services.preprocessing.adapters.judge import RemoteJudge
from services.preprocessing.adapters.models import Models
from services.preprocessing.adapters.shared_memory import Slots
from services.preprocessing.adapters.triton import TritonDetector
from services.preprocessing.domain.context import ContextBook
from services.preprocessing.handlers import Inspector
from services.preprocessing.settings import Settings

NAME = "preprocessing"


def build(settings: Settings) -> Service:
    """The door for frames, and all that a frame passes."""
    plant = plants.load(settings.plant_file)
    bus = Bus(settings.nats_url, NAME, read_secret(settings.nats_password_file, "nats password"), inbox_of(NAME))
    secret = read_secret(settings.client_secret_file, "client secret")
    token = TokenSource(settings.issuer_url, NAME, secret, SERVICE_SCOPES[NAME])
    models = Models(rpc.channel(settings.inference_target), token)
    decode = Decoder(settings.max_image_bytes, settings.max_image_pixels)
    pair_bytes = 2 * max(recipe.height_px * recipe.width_px for recipe in plant.recipes)
    admin_key = read_secret(settings.triton_admin_key_file, "triton admin key")
    slots = Slots(settings.shared_memory_slots, pair_bytes)
    detector = TritonDetector(settings.triton_target, admin_key, models, slots, settings.triton_deadline_s)
    judge = RemoteJudge(rpc.channel(settings.postprocessing_target), token, settings.judge_deadline_s)
    evidence = KeptEvidence(judge, bus, settings.evidence_waiting_bytes)
    book = ContextBook()
    inspector = Inspector(
        plant=plant,
        decode=decode,
        goldens=StoredGoldens(bus, decode, settings.golden_cache_entries, settings.golden_cache_age_s),
        detector=detector,
        judge=evidence,
        pool=ThreadPoolExecutor(settings.cpu_threads, "pixels"),
        max_in_flight=settings.max_in_flight,
        trusted_clients=settings.trusted_clients,
        pixel_code=pixel_code.digest(),
        clock=bus.clock,
        contexts=book,
    )
    verifier = TokenVerifier(settings.issuer_url, settings.audience, settings.roles_claim)
    # One MiB above the image limit: the limit itself must be answered with a typed error, not by the transport.
    server = rpc.Server(
        settings.grpc_address,
        verifier,
        SCOPES,
        max_message_bytes=settings.max_image_bytes + (1 << 20),
        # Beyond what may be inspected: who is over his share must hear that from us, and not shut the door for others.
        max_concurrent=4 * settings.max_in_flight,
    )
    inspection_service_pb2_grpc.add_InspectionServiceServicer_to_server(InspectionServicer(inspector), server.grpc)
    contexts = ContextReader(bus, book)
    ready = {"broker": bus.healthy, "contexts": contexts.healthy, "model": models.any_ready}
    return Service([bus, contexts, models, detector, judge, evidence, server], ready)
