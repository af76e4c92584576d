"""Run a Tryton with `quality` and `project` until interrupted: `python -m tools.tryton`."""

import signal

from tools.tryton.live import DATABASE, PASSWORD, tryton

if __name__ == "__main__":
    with tryton() as running:
        print(f"{running.url}  database {DATABASE}; users admin, jidoka, onlooker; password {PASSWORD}")
        print(f"quality control {running.control}, project {running.project}")
        signal.sigwait([signal.SIGINT, signal.SIGTERM])
