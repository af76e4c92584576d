"""The bridge between the mesh and the machines, over OPC UA.

Hears pause requests, verdicts, and which incidents are over. Decides nothing about quality, only whether a pause may
still be asked for and whether it was really carried out: it asks the line's PLC to hold, in a fenced, expiring,
idempotent handshake, and believes only what it reads back. Says each step of it and how it was settled, what the
lines do, when an operator resumed, and when it cannot reach a PLC; shows the same to SCADA. Never resumes, stops or
aborts, and is no safety function. Of several bridges one has the duty, by a lease in the broker. When it dies,
another one takes the PLCs over within 5 s (or its own next life does), signs with a newer epoch, and finishes the
open request under the same number, so that it is executed once; without another one the PLCs do what `on_link_loss`
says when `link_dead_s` is over.
"""
