"""What several flow tests click through: signing up, a trigger and its webhook, the forms of actions."""

from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.flows.running import Product

PASSWORD = "quite a long phrase"
DANA = "Dana Rivera (dana@acme.example)"


def fill_sign_up(page: Page, email: str, agency: str = "") -> None:
    page.get_by_label("Email").fill(email)
    page.get_by_label("Agency name").fill(agency)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password (again)").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()


_MAKE_SUPPORT = f"""
from django.contrib.auth.models import Group
from connections.models import User
user = User.objects.filter(email="sam@support.example").first()
user = user or User.objects.create_user("sam@support.example", "{PASSWORD}", is_staff=True)
user.groups.add(Group.objects.get(name="Support"))
"""


def sign_in_support(page: Page, product: Product) -> None:
    """Sign in as a member of the group Support, who is made first."""
    product.manage("shell", "-c", _MAKE_SUPPORT)
    page.goto("/accounts/login/?next=/admin/")
    page.get_by_label("Email").fill("sam@support.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Site administration")).to_be_visible()


def make_trigger(page: Page, name: str) -> str:
    """By clicking; answers the address as it was copied."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("link", name="Triggers", exact=True).click()
    page.get_by_role("link", name="Create trigger").first.click()
    page.get_by_label("Incident triggered").check()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create trigger").click()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    address: str = page.evaluate("navigator.clipboard.readText()")
    return address


def add_webhook(page: Page, product: Product, address: str) -> dict[str, Any]:
    """Add a webhook in PagerDuty and copy the secret it shows. Return the subscription."""
    theirs = page.context.new_page()
    theirs.goto(f"{product.theirs.url}/app/acme/webhooks")
    theirs.get_by_label("Webhook URL").fill(address)
    theirs.get_by_role("button", name="Add webhook").click()
    secret = theirs.get_by_role("status").locator("code").inner_text()
    theirs.close()
    page.bring_to_front()
    subscriptions = product.sandbox.store.all("subscription")
    found: dict[str, Any] = next(one for one in subscriptions if one["secret"] == secret)
    return found


def open_form(page: Page, name: str, connection: str = "Acme's PagerDuty") -> None:
    page.goto("/settings/connections/")
    page.get_by_role("link", name=connection).click()
    page.get_by_role("link", name="Run an action").click()
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def send(page: Page, name: str) -> None:
    page.locator("main").get_by_role("button", name=name).click()


def fact(page: Page, name: str) -> Locator:
    """The value beside that name."""
    return page.locator(f"dl.facts dt:text-is('{name}') + dd").first


def open_run(page: Page, title: str) -> str:
    """The run about that incident, as soon as it is listed; answers its address."""
    for _ in range(60):
        page.goto("/runs/")
        if page.get_by_role("link", name=title).count():
            break
        page.wait_for_timeout(250)
    page.get_by_role("link", name=title).first.click()
    return page.url
