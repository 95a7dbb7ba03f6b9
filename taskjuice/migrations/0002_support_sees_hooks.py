"""Support staff look at hooks and what was sent to them, as at everything else of an agency."""

from django.db import migrations

GROUPS = ["Support", "Agency support"]
MODELS = {"hook": "hook", "hooksecret": "hook secret", "hookdelivery": "hook delivery"}


def permissions(apps, database):
    """The permission to view each, made where it is missing: Django makes them only after all migrations."""
    types = apps.get_model("contenttypes", "ContentType").objects.using(database)
    known = apps.get_model("auth", "Permission").objects.using(database)
    for model, words in MODELS.items():
        content_type, _ = types.get_or_create(app_label="workflows", model=model)
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
        ("taskjuice", "0001_support_groups"),
        ("workflows", "0007_hooks"),
    ]
    operations = [migrations.RunPython(allow, take_back)]
