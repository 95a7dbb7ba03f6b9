"""What support staff can be allowed to do here, and the indexes behind their lists.

Staff look at the newest rows of every account at once and drill down by date; the indexes so far begin with one
workspace, trigger, workflow or connection.
"""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('connections', '0003_support_permissions'),
        ('workflows', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='event',
            options={'ordering': ['-seq'], 'permissions': [('requeue_event', 'Can put failed events back into the queue')]},
        ),
        migrations.AlterModelOptions(
            name='trigger',
            options={'ordering': ['-created_at', 'id'], 'permissions': [('pause_trigger', 'Can pause and resume triggers')]},
        ),
        migrations.AlterModelOptions(
            name='workflow',
            options={'ordering': ['-created_at', 'id'], 'permissions': [('pause_workflow', 'Can pause and resume workflows')]},
        ),
        migrations.AddIndex(
            model_name='actioncall',
            index=models.Index(fields=['-created_at', 'id'], name='call_by_time'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['received_at'], name='event_by_time'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(fields=['created_at'], name='run_by_time'),
        ),
    ]
