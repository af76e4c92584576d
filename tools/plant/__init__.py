"""The embedded plant: every part of the mesh on one machine with one command, no Docker, loopback only.

`spec` is the table of parts, `supervisor` keeps them running, `control` is how programs start, read and stop a plant,
`cli` is the same for people. Two parts are our own: `idp` (OAuth2 issuer) and `traces` (OTLP receiver).
"""
