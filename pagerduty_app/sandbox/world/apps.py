"""Installation of public scoped apps: an account that has not installed them grants the identity alone.

Source: PagerDuty developer docs, early access public scoped apps. At the start they are installed everywhere.
"""

from pagerduty_app.sandbox.world.store import Store


def is_installed(store: Store, account: str) -> bool:
    return store.get("without_apps", account) is None


def install(store: Store, account: str, *, installed: bool) -> None:
    """Install the apps in an account, or remove them."""
    if installed:
        store.delete("without_apps", account)
    else:
        store.put("without_apps", account, {}, account)
