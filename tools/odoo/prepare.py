"""What the tests find in a new database. Fed to `odoo shell`, which provides `env`; prints one line of JSON."""

import json
from datetime import datetime, timedelta
from typing import Any

MARK = "JIDOKA "
PASSWORD = "jidoka-user:machine-s3cret"  # noqa: S105 (of a server that lives for a minute on the loopback)
env: Any = globals()["env"]


def user(login: str, *groups: str) -> Any:
    """A person or machine with these groups."""
    wanted = [env.ref(group).id for group in groups]
    return env["res.users"].create({"name": login, "login": login, "password": PASSWORD, "group_ids": [(6, 0, wanted)]})


def api_key(owner: Any) -> Any:
    """What this user shows as a bearer token, or as a password over XML-RPC."""
    tomorrow = datetime.now() + timedelta(days=1)  # noqa: DTZ005 (so are Odoo's dates)
    return env["res.users.apikeys"].with_user(owner).sudo()._generate(None, "tests", tomorrow)  # noqa: SLF001


team = env["maintenance.team"].create({"name": "Camera line"})
printer = {"name": "Stencil printer 1", "serial_no": "SP-0001", "maintenance_team_id": team.id}
equipment = env["maintenance.equipment"].create(printer)
manager = ("base.group_user", "maintenance.group_equipment_manager")
users = [
    env.ref("base.user_admin"),
    user("jidoka", *manager),
    user("technician", *manager),
    user("clerk", "base.group_user"),
    user("onlooker", "base.group_portal"),
]
keys = {owner.login: api_key(owner) for owner in users}
env.cr.commit()
print(MARK + json.dumps({"team": team.id, "equipment": equipment.id, "keys": keys}))
