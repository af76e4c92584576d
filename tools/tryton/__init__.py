"""A live Tryton on SQLite on this machine, for the tests of the MES adapter: `python -m tools.tryton` runs one.

Tryton is a development dependency; nothing of it is part of Jidoka: they meet over HTTP.
"""
