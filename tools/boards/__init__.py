"""Printed circuit boards as test objects: the DeepPCB reader and our own seeded generator."""
