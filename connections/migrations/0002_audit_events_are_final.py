"""The database itself refuses to change an audit event."""

from django.db import migrations

SQLITE = """
CREATE TRIGGER audit_event_final BEFORE UPDATE ON connections_auditevent
BEGIN SELECT RAISE(ABORT, 'audit events are never changed'); END
"""
POSTGRES = """
CREATE FUNCTION audit_event_final() RETURNS trigger AS $$
BEGIN RAISE EXCEPTION 'audit events are never changed' USING ERRCODE = 'integrity_constraint_violation'; END
$$ LANGUAGE plpgsql;
CREATE TRIGGER audit_event_final BEFORE UPDATE ON connections_auditevent
FOR EACH ROW EXECUTE FUNCTION audit_event_final()
"""


def forwards(apps, schema_editor):
    schema_editor.execute(SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRES)


def backwards(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TRIGGER audit_event_final")
    else:
        schema_editor.execute("DROP TRIGGER audit_event_final ON connections_auditevent")
        schema_editor.execute("DROP FUNCTION audit_event_final()")


class Migration(migrations.Migration):
    dependencies = [("connections", "0001_initial")]
    operations = [migrations.RunPython(forwards, backwards)]
