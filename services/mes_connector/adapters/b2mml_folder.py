"""The folders of a file drop: one file per order, laid down whole or not at all, and never twice."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from services.mes_connector.adapters.b2mml_options import FileOptions
from services.mes_connector.adapters.http import LONGEST_ANSWER

_DOCUMENTS = ("WorkRequest", "OperationsEvent")


class Folder:
    """Raises OSError; blocks, so it is called in a thread."""

    def __init__(self, root: Path, options: FileOptions) -> None:
        self.requests = root / options.requests
        self.sent = root / options.sent
        self.responses = root / options.responses
        self._most_responses = options.most_responses

    def find(self, identity: str) -> str:
        """The name of the file that was laid down for this reference; empty: none was."""
        names = [file_name(document, identity) for document in _DOCUMENTS]
        # Somebody must be able to say that nothing is there: a folder that is away is an error, not an absence.
        for folder in (self.requests, self.sent):
            folder.stat()
        files = [folder / name for folder in (self.requests, self.sent) for name in names]
        return next((file.name for file in files if file.exists()), "")

    def lay_down(self, document: str, identity: str, raw: bytes) -> str:
        """Write the file under its final name in one step, unless it was laid down before; returns the name."""
        if standing := self.find(identity):
            return standing
        name = file_name(document, identity)
        # Durable first, visible second, remembered third: a crash in between repeats the same name, and the same ID.
        part = self.requests / f".{name}.part"
        with part.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        part.rename(self.requests / name)
        _settle(self.requests)
        (self.sent / name).touch()
        _settle(self.sent)
        return name

    def answers(self) -> Iterator[bytes]:
        """The responses, oldest first; one that is too long for a response is left out."""
        found = [(entry.stat().st_mtime, entry) for entry in os.scandir(self.responses) if _readable(entry)]
        for _, entry in sorted(found, key=lambda at: at[0])[-self._most_responses :]:
            if entry.stat().st_size <= LONGEST_ANSWER:
                yield Path(entry.path).read_bytes()

    def check(self) -> None:
        """Raises OSError unless we may list all folders and write where we must."""
        for folder in (self.requests, self.sent, self.responses):
            os.scandir(folder).close()
        for folder in (self.requests, self.sent):
            probe = folder / ".jidoka.part"
            probe.touch()
            probe.unlink()


def file_name(document: str, identity: str) -> str:
    """`WorkRequest_<reference>.xml`, in characters that every file system takes."""
    return f"{document}_{quote(identity, safe='')}.xml"


def _readable(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith(".xml") and not entry.name.startswith(".") and entry.is_file()


def _settle(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
