"""What a sweep found, put into the text of a config.pbtxt; all that it says besides, comments too, stays as it is."""

import re
from pathlib import Path

from google.protobuf import text_format
from google.protobuf.message import Message
from tritonclient.grpc import model_config_pb2

_GROUP = r"instance_group\b"
_THREADS = r'parameters\s*:?\s*\{\s*key\s*:\s*"intra_op_thread_count"'
_BATCHING = r"dynamic_batching\b"
_WAIT = re.compile(r"\s*(preferred_batch_size\s*:?\s*(\[[^\]]*\]|\d+)|max_queue_delay_microseconds\s*:\s*\d+)")


def scheduled(text: str, config: model_config_pb2.ModelConfig) -> str:
    """`text` of a config.pbtxt with the instances, threads and waits of `config`, which agree in all else.

    Raises ValueError when the text says it in a way that cannot be replaced.
    """
    groups = ", ".join(f"{{ {_line(group)} }}" for group in config.instance_group)
    threads = config.parameters["intra_op_thread_count"].string_value
    changed = _replaced(text, _GROUP, f"instance_group [ {groups} ]")
    changed = _replaced(
        changed, _THREADS, f'parameters {{ key: "intra_op_thread_count" value: {{ string_value: "{threads}" }} }}'
    )
    changed = _replaced(changed, _BATCHING, _batching(text, config))
    if text_format.Parse(changed, model_config_pb2.ModelConfig()) != config:
        raise ValueError(f"config.pbtxt writes its schedule in an unusual way; put it in by hand:\n{stanza(changed)}")
    return changed


def stanza(text: str) -> str:
    """The lines of a config.pbtxt that schedule the model."""
    return "\n".join(filter(None, (_field(text, begins) for begins in (_GROUP, _THREADS, _BATCHING))))


def write(path: Path, text: str) -> None:
    """Replaces a config.pbtxt in one move."""
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _batching(text: str, config: model_config_pb2.ModelConfig) -> str:
    """The field with new waits, and with whatever else `text` says in it; empty when there is to be none."""
    if not config.HasField("dynamic_batching"):
        return ""
    waits = model_config_pb2.ModelDynamicBatching(
        preferred_batch_size=config.dynamic_batching.preferred_batch_size,
        max_queue_delay_microseconds=config.dynamic_batching.max_queue_delay_microseconds,
    )
    kept = _WAIT.sub("", _field(text, _BATCHING).partition("{")[2].rpartition("}")[0]).strip()
    return f"dynamic_batching {{ {' '.join(filter(None, (_line(waits), kept)))} }}"


def _replaced(text: str, begins: str, by: str) -> str:
    start, end = _span(text, begins)
    if not end:
        return f"{text.rstrip()}\n{by}\n" if by else text
    return text[:start] + (by + text[end:] if by else text[end:].removeprefix("\n"))


def _field(text: str, begins: str) -> str:
    return text[slice(*_span(text, begins))]


def _span(text: str, begins: str) -> tuple[int, int]:
    """Where a field of the outermost level lies, to the bracket that closes it; (0, 0) if it is not there."""
    found = re.search(rf"^{begins}", text, re.MULTILINE)
    if found is None:
        return 0, 0
    depth = 0
    for bracket in re.finditer(r"[\[{\]}]", text[found.start() :]):
        depth += 1 if bracket[0] in "[{" else -1
        if depth == 0:
            return found.start(), found.start() + bracket.end()
    return 0, 0


def _line(message: Message) -> str:
    return str(text_format.MessageToString(message, as_one_line=True, use_short_repeated_primitives=True))
