"""Was it decided like that, and would it be again? From what the broker keeps, without touching anything."""
