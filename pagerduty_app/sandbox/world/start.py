"""The sandbox's initial data: three accounts with users, services, schedules and teams."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pagerduty_app.sandbox.world.schedules import definitions
from pagerduty_app.sandbox.world.store import Store

Json = dict[str, Any]

ACCOUNTS = [
    {"id": "PACME01", "subdomain": "acme", "region": "us"},
    {"id": "PGLOBEX", "subdomain": "globex", "region": "us"},
    {"id": "PUMBREL", "subdomain": "umbrella-eu", "region": "eu"},
]
_PEOPLE = [
    ("Dana Rivera", "dana", "admin"),
    ("Eli Novak", "eli", "user"),
    ("Farah Haddad", "farah", "user"),
    ("Gus Meyer", "gus", "limited_user"),
    ("Hana Sato", "hana", "observer"),
]
_SERVICES = ["Payments", "Checkout", "Search", "Internal tools"]
_TEAMS = ["Platform", "Shop"]
# Name, users that take turns (by number), seconds of a turn.
_SCHEDULES = [
    ("Primary on call", [0], 604_800),
    ("Weekend on call", [1], 604_800),
    ("Daily rotation", [0, 1, 2], 86_400),
]
_BORN = "2026-01-05T08:00:00Z"
_DAY_SHIFT, _NIGHT_SHIFT = (datetime(2026, 1, 5, hour, tzinfo=UTC) for hour in (8, 20))


def fill(store: Store, base_url: str) -> None:
    """Fill an empty store; leave one that has an account unchanged."""
    if store.all("account"):
        return
    with store.transaction():
        for number, account in enumerate(ACCOUNTS):
            store.put("account", str(account["id"]), dict(account), str(account["id"]))
            _fill_account(store, base_url, str(account["id"]), str(account["subdomain"]), number)


def _fill_account(store: Store, base_url: str, account: str, subdomain: str, number: int) -> None:
    def put(kind: str, some_id: str, name: str, **fields: Any) -> Json:
        body = {**reference(base_url, kind, some_id, name), "type": kind, "name": name, **fields}
        store.put(kind, some_id, body, account)
        return reference(base_url, kind, some_id, name)

    teams = [put("team", f"PTEAM{number}{n}", name, description="") for n, name in enumerate(_TEAMS)]
    users = [
        put(
            "user",
            f"PUSER{number}{n}",
            name,
            email=f"{local}@{subdomain}.example",
            role=role,
            time_zone="Etc/UTC",
            description=None,
            job_title="",
            teams=[teams[n % 2]],
            contact_methods=[],
            notification_rules=[],
        )
        for n, (name, local, role) in enumerate(_PEOPLE)
    ]
    rules = [
        {"id": f"PRULE{number}{n}", "escalation_delay_in_minutes": 30, "targets": [users[n]]}
        for n in range(2)
    ]
    policies = [
        put(
            "escalation_policy",
            f"PPOL{number}{n}",
            f"{name} escalation",
            escalation_rules=rules,
            num_loops=0,
        )
        for n, name in enumerate(_SERVICES)
    ]
    for n, name in enumerate(_SERVICES):
        put(
            "service",
            f"PSVC{number}{n}",
            name,
            description=f"{name} of {subdomain}",
            status="active",
            created_at=_BORN,
            escalation_policy=policies[n],
            teams=[teams[n % 2]],
            integrations=[],
        )
    for n, (name, turns, length) in enumerate(_SCHEDULES):
        people = [users[number] for number in turns]
        layer = {
            "id": f"PLAYER{number}{n}",
            "name": "Layer 1",
            "start": _BORN,
            "rotation_virtual_start": _BORN,
            "rotation_turn_length_seconds": length,
            "users": [{"user": user} for user in people],
        }
        put(
            "schedule",
            f"PSCHED{number}{n}",
            name,
            time_zone="Etc/UTC",
            schedule_layers=[layer],
            users=people,
        )
    people_at = [user["id"] for user in users]
    put(
        "schedule_v3",
        f"PSHIFT{number}",
        "Shifts around the clock",
        time_zone="Europe/Berlin",
        rotations=[
            definitions.rotation(
                [definitions.event(start, end, "Europe/Berlin", ["RRULE:FREQ=DAILY"], turns)]
            )
            for start, end, turns in (
                (_DAY_SHIFT, _NIGHT_SHIFT, people_at[:2]),
                (_NIGHT_SHIFT, _DAY_SHIFT + timedelta(days=1), people_at[2:4]),
            )
        ],
    )
    for n in range(1, 6):
        put("priority", f"PPRIO{number}{n}", f"P{n}", description=f"Priority {n}")


_PLURALS = {
    "escalation_policy": "escalation_policies",
    "priority": "priorities",
    "schedule_v3": "v3/schedules",
}


def reference(base_url: str, kind: str, some_id: str, summary: str) -> Json:
    """Return a reference to an object (PagerDuty api-schema, Reference)."""
    plural = _PLURALS.get(kind, f"{kind}s")
    return {
        "id": some_id,
        "type": f"{kind}_reference",
        "summary": summary,
        "self": f"{base_url}/{plural}/{some_id}",
        "html_url": f"{base_url}/app/{plural.removeprefix('v3/')}/{some_id}",
    }


def reference_to(body: Json) -> Json:
    """Return the reference to a whole object."""
    kind = str(body["type"]).removesuffix("_reference")
    return {name: body.get(name) for name in ("id", "summary", "self", "html_url")} | {
        "type": f"{kind}_reference"
    }
