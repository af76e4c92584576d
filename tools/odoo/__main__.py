"""Run an Odoo with the `maintenance` module until interrupted: `python -m tools.odoo`."""

import signal

from tools.odoo.live import odoo

if __name__ == "__main__":
    with odoo() as running:
        print(f"{running.url}  database {running.database}, admin / admin; log {running.log}")
        for login, key in running.keys.items():
            print(f"API key of {login}: {key}")
        signal.sigwait([signal.SIGINT, signal.SIGTERM])
