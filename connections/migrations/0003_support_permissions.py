from django.db import migrations
class Migration(migrations.Migration):
    dependencies = [("connections", "0002_audit_events_are_final")]
    operations = []
