"""Row-level security on PostgreSQL: a second wall between tenants (core.db.tenant_scope).

A table that is made later gets its policy in the migration that makes it; tests/scenarios/test_row_level_security.py names one without.
"""

from django.db import migrations

from core.db.postgresql import policies

_CONNECTION = policies.belongs_to("connections_connection", "connection_id")
_TRIGGER = policies.belongs_to("workflows_trigger", "trigger_id")
TABLES = {
    "connections_account": policies.ACCOUNT_ITSELF,
    "connections_workspace": policies.WORKSPACE_ITSELF,
    "connections_membership": policies.OWN_ACCOUNT,
    "connections_invitation": policies.OWN_ACCOUNT,
    "connections_connection": policies.OWN_WORKSPACE,
    "connections_oauthapp": policies.OWN_WORKSPACE,
    "connections_apikey": policies.OWN_WORKSPACE,
    "connections_auditevent": policies.OWN_WORKSPACE_OR_ACCOUNT,
    "connections_grant": _CONNECTION,
    "connections_clientlink": _CONNECTION,
    "connections_notice": " OR ".join(
        (
            _CONNECTION,
            policies.belongs_to("connections_invitation", "invitation_id"),
            policies.belongs_to("connections_clientlink", "client_link_id"),
        )
    ),
    "workflows_trigger": policies.OWN_WORKSPACE,
    "workflows_event": policies.OWN_WORKSPACE,
    "workflows_workflow": policies.OWN_WORKSPACE,
    "workflows_run": policies.OWN_WORKSPACE,
    "workflows_actioncall": policies.OWN_WORKSPACE,
    "workflows_replaybatch": policies.OWN_WORKSPACE,
    "workflows_retentionstatement": policies.OWN_WORKSPACE,
    "workflows_hook": policies.OWN_WORKSPACE,
    "workflows_hookdelivery": policies.OWN_WORKSPACE,
    "workflows_triggersecret": _TRIGGER,
    "workflows_helddelivery": _TRIGGER,
    "workflows_turnedaway": _TRIGGER,
    "workflows_watch": _TRIGGER,
    "workflows_subscription": _TRIGGER,
    "workflows_workflowversion": policies.belongs_to("workflows_workflow", "workflow_id"),
    "workflows_steprun": policies.OF_A_RUN,
    "workflows_trace": policies.OF_A_CALL,
    "workflows_hooksecret": policies.belongs_to("workflows_hook", "hook_id"),
}


def functions(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(policies.FUNCTIONS)


def no_functions(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(policies.NO_FUNCTIONS)


def protect(apps, schema_editor):
    policies.protect(schema_editor, TABLES)


def expose(apps, schema_editor):
    policies.expose(schema_editor, TABLES)


class Migration(migrations.Migration):
    dependencies = [
        ("taskjuice", "0002_support_sees_hooks"),
        ("connections", "0011_optional_scopes"),
        ("workflows", "0014_subscriptions"),
    ]
    operations = [migrations.RunPython(functions, no_functions), migrations.RunPython(protect, expose)]
