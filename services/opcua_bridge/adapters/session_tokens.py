"""Session tokens nobody can guess, for every asyncua server in this process.

asyncua 2.1 numbers them 1001, 1002, ... and re-binds a session's subscriptions to whoever names its token *before* it
verifies the signature: a stranger could silence another client.
"""

import os

from asyncua import ua
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import InternalSession

_register = InternalServer.register_external_session


def _register_with_random_token(server: InternalServer, session: InternalSession) -> None:
    session.auth_token = ua.NodeId(os.urandom(32), 0, ua.NodeIdType.ByteString)
    _register(server, session)


def harden() -> None:
    """Replace counted tokens by random ones; doing it twice changes nothing."""
    InternalServer.register_external_session = _register_with_random_token
