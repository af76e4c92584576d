"""Runs NVIDIA Triton, or watches one that others run, and knows of every model of the plant whether it really answers.

Hears: nothing on the bus; Triton's exit, the death of a model process, and the answer to a synthetic inference per
model every two seconds. Decides: when the whole server is restarted, with back-off (the bundled server never restarts
a dead model process and calls itself healthy meanwhile), and which model is served: a private copy of exactly what
somebody trusted has signed, under one Triton name for each network, so that an answer can be of no other. What is new
and good takes over while the old one still answers; what is new and bad is said, and changes nothing. Says:
ModelService.ListModels and the readiness check `models`. When it dies, its Triton dies with it: callers get UNAVAILABLE
and keep their frames; its next start ends what is left over and sweeps its copies and its shared memory.

Security: the Triton 2.51 of the `nvidia-pytriton` wheel has known critical CVEs (CVE-2025-23310/-23311/-23317 in its
HTTP server, CVE-2025-23319/-23320/-23334 around shared memory and model loading). So the embedded server listens on
loopback only, its HTTP server is off, and shared memory, model loading, model configuration, tracing and logging want
a random key that comes from a file. The key stands on Triton's command line (it has no other way in): other users of
the host could read it there, so give the mesh a host, a container or a user namespace of its own. Production runs a
current Triton beside this service, with `launch` off and `staging_dir`/models as its only model repository.
"""
