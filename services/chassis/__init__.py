"""How any service runs. Knows no word of inspection; admits only what at least three services need."""
