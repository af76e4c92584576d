"""The plant file as the place where rules are written."""

from pathlib import Path

from services.contracts import plant as plants
from services.postprocessing.adapters.rule_books import book_of, text_of


class RuleFile:
    """Reads the file again when it was written; a file that cannot be used is refused once, not every second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._text = ""

    def changed(self) -> str | None:
        """The rules' text when it is new. Raises PlantError or Invalid naming file, line, field and fix."""
        try:
            status = self._path.stat()
        except OSError as error:
            raise plants.PlantError(f"{self._path}: {error.strerror}") from error
        seen = (status.st_mtime_ns, status.st_size, status.st_ino)
        if seen == self._seen:
            return None
        self._seen = seen
        text = text_of(plants.load(self._path))
        book_of(text)
        if text == self._text:
            return None
        self._text = text
        return text
