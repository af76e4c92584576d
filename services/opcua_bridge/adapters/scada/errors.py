"""The negative Error numbers of our Machine Vision methods; OPC 40100-1 leaves them to the application."""

from enum import IntEnum


class Error(IntEnum):
    """What a method's `Error` output says."""

    NONE = 0
    UNKNOWN_ID = -1
    """No such result, recipe or configuration here, or not any more."""
    NOT_TAKEN = -2
    """Nothing in this installation takes a change of recipe."""
    AWAY = -3
    """The broker stored nothing: the same again later."""
    ALWAYS_PREPARED = -4
    """A station always has a recipe: prepare another one instead."""
    ELSEWHERE = -5
    """Rules and models are activated at the gateway, by people who sign for it."""
