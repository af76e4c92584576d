"""The use cases: take requests in, carry them to the MES, add news to them, see how they end, and tell the mesh."""
