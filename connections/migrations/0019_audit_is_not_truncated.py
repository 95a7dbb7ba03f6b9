"""The database refuses to empty the audit by TRUNCATE too, which fires no trigger of a row (PostgreSQL)."""

from django.db import migrations

POSTGRES = """
CREATE TRIGGER audit_event_not_emptied BEFORE TRUNCATE ON connections_auditevent
FOR EACH STATEMENT EXECUTE FUNCTION audit_event_kept()
"""


def forwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRES)


def backwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TRIGGER audit_event_not_emptied ON connections_auditevent")


class Migration(migrations.Migration):
    dependencies = [("connections", "0018_connection_checks")]
    operations = [migrations.RunPython(forwards, backwards)]
