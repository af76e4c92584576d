from datetime import date

from services.opcua_bridge.domain.certificates import Expiring, sentence

OURS = Expiring(date(2027, 1, 5), "bridge", own=True, limit=30)
THEIRS = Expiring(date(2026, 11, 28), "plc-smt1", own=False, limit=7)


def test_the_most_urgent_one_is_named_with_what_to_do():
    assert sentence([]) == ""
    assert sentence([OURS]) == (
        "the certificate of bridge expires on 2027-01-05, in less than 30 days: "
        "jidoka certs renew, trust the new one at every peer, restart the bridge"
    )
    assert sentence([OURS, THEIRS]) == (
        "the certificate of plc-smt1 expires on 2026-11-28, in less than 7 days: "
        "its owner renews it, then trust the new one here (and 1 more: jidoka certs list)"
    )
    assert "plc-smt1 expired on 2026-11-28: " in sentence([Expiring(THEIRS.ends, THEIRS.name, own=False, limit=0)])
