"""Stand-ins for what a plant has and a laptop has not; they speak the real protocols, so nothing else can tell."""
