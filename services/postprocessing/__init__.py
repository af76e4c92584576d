"""The decision.

Hears `Judge` calls from preprocessing, and from the broker its own verdicts, measurements, receipts, resumes and new
rules. Decides PASS, FAIL or INCONCLUSIVE, and by folding what a line's stations did, in part order, whether a rule
fires. Says `verdict.reached` (before it answers), `line.pause-requested`, `line.warned`, `workrequest.requested` and
`.updated`, `containment.declared`, `station.fell-silent` and `rules.activated`. Of several processes all judge, and one
folds each line: when it dies, cameras get UNAVAILABLE and send again, and within five seconds another one goes on from
the line's checkpoint in Redis, or from the start of the stream, and re-emits the same ids, which change nothing.
"""
