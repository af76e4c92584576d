"""`jidoka chaos`: break the real thing on purpose, at random but repeatably, and count afterwards what became of it."""
