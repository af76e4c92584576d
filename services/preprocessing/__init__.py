"""From a frame to what the model saw.

Hears `Inspect` calls from cameras and the gateway. Decides whether a picture can be used at all; decodes it once,
registers the golden template to it, has the pair inferred by Triton and asks postprocessing for the verdict. Says
nothing on the broker; leaves there, if it can, the pictures of parts that did not pass. When it dies: the camera gets
UNAVAILABLE, keeps the frame and sends it again under the same id.
"""
