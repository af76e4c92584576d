"""A live Odoo 19 with PostgreSQL on this machine, for the tests of the MES adapter.

`install` (a shell script; `make test-odoo` runs it) fetches Odoo from Debian; `python -m tools.odoo` runs one until it
is interrupted. Nothing of Odoo is part of Jidoka: they meet over HTTP.
"""
