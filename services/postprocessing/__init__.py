"""The decision.

Hears `Judge` calls from preprocessing and its own verdicts back from the broker. Decides PASS, FAIL or INCONCLUSIVE,
and by folding the verdicts of a station in part order whether a rule fires. Says `verdict.reached` (before it answers),
`line.pause-requested` and `workrequest.requested`. When it dies: cameras get UNAVAILABLE and send again; the fold goes
on from its checkpoint in Redis, or from the start of the stream, and re-emits the same ids, which change nothing.
"""
