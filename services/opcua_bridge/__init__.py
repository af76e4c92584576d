"""The bridge between the mesh and the machines, over OPC UA.

Hears pause requests and verdicts. Decides nothing about quality, only whether a pause may still be asked for and
whether it was really carried out: it writes `Hold` to the line's PLC in a fenced, expiring, idempotent handshake and
believes only what it reads back. Says how each request was settled, what the lines do, and when an operator resumed;
shows the same to SCADA. Never resumes, stops or aborts, and is no safety function. When it dies, the PLCs raise their
link alarm after 3 s; the next life takes up the unfinished request under the same command id, so that it is executed
once, and rebuilds the open episodes from the stream.
"""
