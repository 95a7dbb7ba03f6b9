"""Support staff look at email that is owed or was sent, never at its text."""

from django.db import migrations

GROUPS = ["Support", "Agency support"]
MODELS = {"notice": "notice"}


def permissions(apps, database):
    """The permission to view each, made where it is missing: Django makes them only after all migrations."""
    types = apps.get_model("contenttypes", "ContentType").objects.using(database)
    known = apps.get_model("auth", "Permission").objects.using(database)
    for model, words in MODELS.items():
        content_type, _ = types.get_or_create(app_label="connections", model=model)
        yield known.get_or_create(
            content_type=content_type, codename=f"view_{model}", defaults={"name": f"Can view {words}"}
        )[0]


def allow(apps, schema_editor):
    database = schema_editor.connection.alias
    views = list(permissions(apps, database))
    for group in apps.get_model("auth", "Group").objects.using(database).filter(name__in=GROUPS):
        group.permissions.add(*views)


def take_back(apps, schema_editor):
    database = schema_editor.connection.alias
    views = list(permissions(apps, database))
    for group in apps.get_model("auth", "Group").objects.using(database).filter(name__in=GROUPS):
        group.permissions.remove(*views)


class Migration(migrations.Migration):
    dependencies = [
        ("taskjuice", "0004_lighter_wall"),
        ("connections", "0014_mail_outbox"),
    ]
    operations = [migrations.RunPython(allow, take_back)]
