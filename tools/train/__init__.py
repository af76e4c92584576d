"""Trains, measures and exports the pair detector of `model_repository/pcb_detector`."""
