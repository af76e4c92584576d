"""`jidoka demo`: the main job in a minute: boards in, verdicts out, line paused, work order opened, all measured."""
