"""Two ways to answer several requests at once: as one batch, or every row on its own. Needs NumPy alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np

Feed = dict[str, np.ndarray[Any, Any]]
"""The inputs of one request by name; those of a batched model share their first axis."""
Answer = list[Any]


class Joined:
    """Requests joined into one batch: what GPUs and ONNX Runtime's own CPU provider like."""

    def __init__(self, session: Any) -> None:
        self.session = session

    def run(self, names: Sequence[str], feeds: Sequence[Feed]) -> list[Answer]:
        """The outputs `names` of every feed."""
        if len(feeds) == 1:
            return [self.session.run(names, feeds[0])]
        results = self.session.run(names, {name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]})
        ends = np.cumsum([_rows(feed) for feed in feeds])[:-1]
        return [list(share) for share in zip(*(np.split(result, ends) for result in results), strict=True)]


class RowByRow:
    """Every row on its own: what a session compiled for one row needs. Joining would copy each picture once more."""

    def __init__(self, session: Any) -> None:
        self.session = session

    def run(self, names: Sequence[str], feeds: Sequence[Feed]) -> list[Answer]:
        """The outputs `names` of every feed."""
        return [self._run(names, feed) for feed in feeds]

    def _run(self, names: Sequence[str], feed: Feed) -> Answer:
        rows = ({name: array[row : row + 1] for name, array in feed.items()} for row in range(_rows(feed)))
        answers = [self.session.run(names, row) for row in rows]
        return answers[0] if len(answers) == 1 else [np.concatenate(shares) for shares in zip(*answers, strict=True)]


def _rows(feed: Feed) -> int:
    return len(next(iter(feed.values())))
