"""Two groups for staff of the Django admin, each with just what its members need.

Django makes permissions only after all migrations have run, so those that the groups hold are made here.
"""

from django.db import migrations

# Model → what may be done with its rows beyond looking at them.
ROWS = {
    "connections.account": [],
    "connections.workspace": [],
    "connections.membership": [],
    "connections.connection": [("revoke_connection", "Can revoke connections")],
    "connections.grant": [],
    "connections.apikey": [("revoke_apikey", "Can revoke API keys")],
    "connections.auditevent": [],
    "workflows.trigger": [("pause_trigger", "Can pause and resume triggers")],
    "workflows.triggersecret": [],
    "workflows.event": [("requeue_event", "Can put failed events back into the queue")],
    "workflows.workflow": [("pause_workflow", "Can pause and resume workflows")],
    "workflows.workflowversion": [],
    "workflows.run": [],
    "workflows.steprun": [],
    "workflows.actioncall": [],
}
# What belongs to no account: only for those who see every account.
WHOLE_PRODUCT = {
    "connections.account": [("see_every_account", "Can see the rows of every account")],
    "django_q.schedule": [],
    "django_q.ormq": [],
    "django_q.success": [],
    "django_q.failure": [],
}
GROUPS = {"Support": [ROWS, WHOLE_PRODUCT], "Agency support": [ROWS]}


def make_groups(apps, schema_editor):
    database = schema_editor.connection.alias
    groups = apps.get_model("auth", "Group").objects.using(database)
    for name, tables in GROUPS.items():
        group, _ = groups.get_or_create(name=name)
        group.permissions.set(
            permission
            for table in tables
            for model, beyond in table.items()
            for permission in permissions_of(apps, database, apps.get_model(model), beyond)
        )


def permissions_of(apps, database, model, beyond):
    """The permission to view rows of `model`, and those named in `beyond`, made where they are missing."""
    options = model._meta
    content_type, _ = (
        apps.get_model("contenttypes", "ContentType")
        .objects.using(database)
        .get_or_create(app_label=options.app_label, model=options.model_name)
    )
    view = (f"view_{options.model_name}", f"Can view {options.verbose_name_raw}")
    known = apps.get_model("auth", "Permission").objects.using(database)
    for codename, name in [view, *beyond]:
        permission, _ = known.get_or_create(
            content_type=content_type, codename=codename, defaults={"name": name}
        )
        yield permission


def remove_groups(apps, schema_editor):
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    groups.filter(name__in=GROUPS).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("connections", "0003_support_permissions"),
        ("workflows", "0002_support_permissions"),
        ("django_q", "0019_alter_task_options_alter_ormq_key_alter_ormq_lock_and_more"),
    ]
    operations = [migrations.RunPython(make_groups, remove_groups)]
