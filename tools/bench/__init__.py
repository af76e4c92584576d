"""`jidoka bench`: how fast, measured against something else in the same run, with the accuracy beside the speed."""
