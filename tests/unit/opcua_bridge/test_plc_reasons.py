"""Why there is no link: one sentence for the controls engineer, whatever asyncua raised."""

from pathlib import Path

import pytest
from asyncua import ua

from services.chassis.errors import Unavailable
from services.opcua_bridge.adapters.plc_session import LinkLostError, PlcAddress, PlcRefusedError
from services.opcua_bridge.domain.line import LineName

URL = "opc.tcp://10.0.0.7:4840"
ADDRESS = PlcAddress(LineName("lyon", "smt1"), URL, "urn:plc", "bridge", "secret-word", Path())


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectionRefusedError(111, "refused"), "check address and port"),
        (TimeoutError(), "check that it is on, and the firewall"),
        (ua.uaerrors.BadTooManySessions(), "no free session"),
        (ua.uaerrors.BadUserAccessDenied(), "check name, password and rights"),
        (ua.uaerrors.BadCertificateUntrusted(), "trust it there"),
        (ua.uaerrors.BadCertificateTimeInvalid(), "clock"),
        (ua.uaerrors.BadTypeMismatch(), "data type"),
        (ua.uaerrors.BadNodeIdUnknown(), "misses a tag"),
        (AssertionError(), "does not trust our certificate"),
        (LinkLostError("answers, but its heartbeat stands still for 3 s: put it into RUN"), "put it into RUN"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_failure_names_the_plc_and_what_to_do_and_never_the_password(error, told):
    sentence = ADDRESS.why(error)
    assert sentence.startswith(f"the PLC at {URL} ")
    assert told in sentence
    assert "secret-word" not in sentence
    assert "\n" not in sentence


def test_what_has_its_own_words_keeps_them():
    assert ADDRESS.why(PlcRefusedError("the tag is an Int32: declare it as UInt32")).endswith("declare it as UInt32")
    assert "the broker" in ADDRESS.why(Unavailable("the broker does not say what was last"))
