"""How good the mesh is on labelled boards: the served path is driven, measured and shown."""
