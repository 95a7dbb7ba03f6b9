"""What support staff can be allowed to do here, and the indexes behind their lists.

Staff look at the newest rows of every account at once and drill down by date; the indexes so far begin with one
account, workspace or connection.
"""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('connections', '0002_audit_events_are_final'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='account',
            options={'permissions': [('see_every_account', 'Can see the rows of every account')]},
        ),
        migrations.AlterModelOptions(
            name='apikey',
            options={'ordering': ['-created_at', 'id'], 'permissions': [('revoke_apikey', 'Can revoke API keys')], 'verbose_name': 'API key'},
        ),
        migrations.AlterModelOptions(
            name='connection',
            options={'ordering': ['-created_at', 'id'], 'permissions': [('revoke_connection', 'Can revoke connections')]},
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(fields=['-created_at', 'id'], name='audit_by_time'),
        ),
        migrations.AddIndex(
            model_name='connection',
            index=models.Index(fields=['-created_at', 'id'], name='connection_by_time'),
        ),
    ]
