"""PagerDuty as workflows see it."""

from pagerduty_app import signatures
from pagerduty_app.actions import ACTIONS, LOOKUPS
from pagerduty_app.errors.table import hints
from pagerduty_app.oauth.regions import open_api
from pagerduty_app.oauth.scopes import covers
from pagerduty_app.payloads import deliveries, describe, effects
from pagerduty_app.payloads.links import owns_link
from pagerduty_app.subscriptions import webhooks
from pagerduty_app.triggers import types
from pagerduty_app.triggers.recipes import RECIPES
from workflows import catalog


def register() -> None:
    catalog.register(
        catalog.Integration(
            key="pagerduty",
            name="PagerDuty",
            description="React to incidents and act on them.",
            open_api=open_api,
            covers=covers,
            signature_header="X-PagerDuty-Signature",
            verify=signatures.verify,
            read_delivery=deliveries.read_delivery,
            trigger_fields=deliveries.trigger_fields,
            sample_delivery=types.sample_delivery,
            webhooks=catalog.Webhooks(
                delivers_when=(
                    "something happens to an incident, such as that it is triggered, resolved or given a note, or to a "
                    "service"
                ),
                clicks="triggers/pagerduty/_clicks.html",
                how_to_confirm="In PagerDuty, open the webhook again and choose Send Test Event.",
                refusals_to_disable=3,  # developer docs, webhooks v3: for 24 hours
                looks_signed=signatures.looks_signed,
                in_words=describe.in_words,
                needed=deliveries.NEEDED,
            ),
            triggers=types.TRIGGERS,
            actions=ACTIONS,
            lookups=LOOKUPS,
            effects_of=effects.shown_by,
            owns_link=owns_link,
            hints=hints(),
            recipes=RECIPES,
            subscriber=webhooks.SUBSCRIBER,
        )
    )
