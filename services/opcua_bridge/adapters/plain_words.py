"""What went wrong with an OPC UA peer, in one sentence that tells a controls engineer what to do."""

import socket
from collections.abc import Iterator

from asyncua import ua

from services.chassis.errors import MeshError
from services.opcua_bridge.adapters.trust import CertificateRefused, thumbprint

_C = ua.StatusCodes
_CLOCKS = "renew it (`jidoka certs renew`), or correct the clock that is wrong"
_TOO_MANY = "close clients that are not needed or raise its limit; a session that a crash left ends by itself"
# fmt: off
_SAID = {
    _C.BadCertificateUntrusted: "{peer} does not trust our certificate: trust it there (its list of rejected ones)",
    _C.BadCertificateChainIncomplete: "{peer} does not know the CA of our certificate: install the CA there",
    _C.BadCertificateTimeInvalid: f"{{peer}} finds our certificate expired or not yet valid: {_CLOCKS}",
    _C.BadCertificateIssuerTimeInvalid: f"{{peer}} finds the CA of our certificate expired: {_CLOCKS}",
    _C.BadCertificateRevoked: "{peer} has our certificate on a revocation list: issue a new one and trust it there",
    _C.BadCertificateIssuerRevoked: "{peer} has the CA of our certificate on a revocation list: change the CA",
    _C.BadCertificateRevocationUnknown: "{peer} misses the revocation list of our CA: install the CA's .crl file there",
    _C.BadCertificateIssuerRevocationUnknown: "{peer} misses a revocation list: install the CA's .crl file there",
    _C.BadCertificateUriInvalid: "{peer} finds another application URI in our certificate than we name: renew it",
    _C.BadCertificateHostNameInvalid: "{peer} does not find the host name in our certificate: renew it with that host",
    _C.BadCertificateUseNotAllowed: "{peer} misses a key usage in our certificate: make it with `jidoka certs create`",
    _C.BadCertificateIssuerUseNotAllowed: "{peer} does not accept our CA as one: make it with `jidoka certs create`",
    _C.BadCertificateInvalid: "{peer} cannot use our certificate: make one with `jidoka certs create` and trust it",
    _C.BadCertificatePolicyCheckFailed: "{peer} finds our certificate too weak: renew it with --bits 3072",
    _C.BadSecurityChecksFailed: "{peer} refused our certificate and does not say why: trust it there, compare clocks",
    _C.BadSecurityPolicyRejected: "{peer} does not offer this security policy: enable it there, or set the other one",
    _C.BadSecurityModeRejected: "{peer} does not offer SignAndEncrypt: enable it there",
    _C.BadSecurityModeInsufficient: "{peer} wants an encrypted connection: choose Basic256Sha256 with SignAndEncrypt",
    _C.BadUserAccessDenied: "{peer} refused the user or what it asked for: check name, password and rights there",
    _C.BadIdentityTokenInvalid: "{peer} could not use the user's password or certificate: enter it anew",
    _C.BadIdentityTokenRejected: "{peer} does not accept this kind of user: give a user name, it takes no guests",
    _C.BadTooManySessions: f"{{peer}} has no free session: {_TOO_MANY}",
    _C.BadMaxConnectionsReached: f"{{peer}} has no free connection: {_TOO_MANY}",
    _C.BadTcpNotEnoughResources: f"{{peer}} has no free connection: {_TOO_MANY}",
    _C.BadTooManySubscriptions: "{peer} has no free subscription: close clients that are not needed",
    _C.BadTypeMismatch: "{peer} has a tag of another data type: declare it as deploy/plc/README.md says",
    _C.BadOutOfRange: "{peer} finds the value out of range: declare the tag as deploy/plc/README.md says",
    _C.BadWriteNotSupported: "{peer} takes no such write: let the tag be written without time stamps",
    _C.BadNotWritable: "{peer} has a tag that is read-only: make it writable for OPC UA clients",
    _C.BadNotReadable: "{peer} does not show a tag: make it readable for OPC UA clients",
    _C.BadNodeIdUnknown: "{peer} misses a tag: load the present block, or correct `plc.nodes` of the plant file",
    _C.BadNodeIdInvalid: "{peer} does not understand a node id: correct it in `plc.nodes` of the plant file",
    _C.BadMethodInvalid: "{peer} misses a method: load the present program, or choose another `plc.adapter`",
    _C.BadInvalidState: "{peer} does not do that in its present state: look at its mode and interlocks",
    _C.BadSessionIdInvalid: "{peer} has forgotten our session, as after a restart: nothing to do, we connect anew",
    _C.BadSessionClosed: "{peer} closed our session: nothing to do, we connect anew",
    _C.BadTimeout: "{peer} is too slow: look at its load and at the network",
    _C.BadServiceUnsupported: "{peer} does not know a service that we need: choose another `plc.adapter`",
}
_REFUSED = {
    _C.BadCertificateUntrusted: "if it is the right one: `jidoka certs trust {print}`",
    _C.BadCertificateTimeInvalid: "let its owner renew it, or correct the clock that is wrong",
    _C.BadCertificateIssuerTimeInvalid: "let the owner of that CA renew it, or correct the clock that is wrong",
    _C.BadCertificateRevoked: "let its owner issue a new one",
    _C.BadCertificateIssuerRevoked: "let its owner issue one from another CA",
    _C.BadCertificateUriInvalid: "let its owner issue one with the URI that the application names",
    _C.BadCertificateHostNameInvalid: "use a name that it has, say it in `plc.certificate_host`, or have one issued",
    _C.BadCertificateUseNotAllowed: "let its owner issue one with the key usages of an OPC UA application",
    _C.BadCertificatePolicyCheckFailed: "let its owner issue one with RSA 2048 or more, and SHA-256",
}
# fmt: on


def explain(error: BaseException, peer: str) -> str:
    """One sentence: who refused what, and what to do. `peer` stands for the other side, as in "the PLC at opc.tcp://...".

    Never raises; of what is not known it says the kind and the text.
    """
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, CertificateRefused):
            return _ours(cause, peer)
    for cause in causes:
        if said := _known(cause, peer):
            return said
    return f"{peer} does not answer as expected: {type(error).__name__} {error}".rstrip()


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    for _ in range(10):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__


def _ours(refused: CertificateRefused, peer: str) -> str:
    name, mark = ua.StatusCode(refused.code).name, thumbprint(refused.certificate)
    fix = _REFUSED.get(refused.code, "let its owner issue another one").format(print=mark)
    return f"we do not accept the certificate {mark} of {peer}, {refused.why} ({name}): {fix}"


def _known(error: BaseException, peer: str) -> str:
    code = getattr(error, "code", None)
    if isinstance(error, ua.UaError) and code is not None:
        name = ua.StatusCode(code).name
        said = _SAID.get(code, "{peer} answered with an error: look it up in its manual").format(peer=peer)
        return f"{said} ({name})"
    if isinstance(error, ua.UaError) and "No matching endpoints" in str(error):
        return f"{peer} does not offer this security policy with SignAndEncrypt: enable it there, or set the other one"
    if isinstance(error, AssertionError):  # asyncua: the other side hung up on our OpenSecureChannel
        return f"{peer} closed the secure channel: most likely it does not trust our certificate, trust it there"
    if isinstance(error, MeshError):
        return str(error)
    return _no_network(error, peer)


def _no_network(error: BaseException, peer: str) -> str:
    if isinstance(error, socket.gaierror):
        return f"{peer} has a host name that nobody knows here: correct it, or write its IP address"
    if isinstance(error, ConnectionRefusedError):
        return f"{peer} is not listening: check address and port, and that its OPC UA server is switched on"
    if isinstance(error, TimeoutError):
        return f"{peer} does not answer in time: check that it is on, and the firewall between us"
    if isinstance(error, ConnectionError):
        return f"{peer} closed the connection: if it does so at once, it may not trust our certificate: trust it there"
    if isinstance(error, OSError):
        return f"{peer} cannot be reached ({error.strerror or error}): check cable, address and firewall"
    return ""
