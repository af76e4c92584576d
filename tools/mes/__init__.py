"""`jidoka mes`: look at the system that takes work requests, and at the orders on their way to it."""
