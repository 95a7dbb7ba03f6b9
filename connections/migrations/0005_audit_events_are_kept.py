"""The database itself refuses to delete an audit event, as it refuses to change one (0002); TRUNCATE: 0019."""

from django.db import migrations

SQLITE = """
CREATE TRIGGER audit_event_kept BEFORE DELETE ON connections_auditevent
BEGIN SELECT RAISE(ABORT, 'audit events are never deleted'); END
"""
POSTGRES = """
CREATE FUNCTION audit_event_kept() RETURNS trigger AS $$
BEGIN RAISE EXCEPTION 'audit events are never deleted' USING ERRCODE = 'integrity_constraint_violation'; END
$$ LANGUAGE plpgsql;
CREATE TRIGGER audit_event_kept BEFORE DELETE ON connections_auditevent
FOR EACH ROW EXECUTE FUNCTION audit_event_kept()
"""


def forwards(apps, schema_editor):
    schema_editor.execute(SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRES)


def backwards(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TRIGGER audit_event_kept")
    else:
        schema_editor.execute("DROP TRIGGER audit_event_kept ON connections_auditevent")
        schema_editor.execute("DROP FUNCTION audit_event_kept()")


class Migration(migrations.Migration):
    dependencies = [("connections", "0004_people_and_client_links")]
    operations = [migrations.RunPython(forwards, backwards)]
