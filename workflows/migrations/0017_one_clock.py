"""The time that rows are given comes from core.db.clock. No database knows of that, so none is changed."""

import core.db.clock
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('workflows', '0016_run_paused'),
    ]

    operations = [migrations.SeparateDatabaseAndState(state_operations=[
        migrations.AlterField(
            model_name='actioncall',
            name='created_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='event',
            name='received_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='helddelivery',
            name='received_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='hook',
            name='created_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='hookdelivery',
            name='created_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='hookdelivery',
            name='next_attempt_at',
            field=models.DateTimeField(default=core.db.clock.now, null=True),
        ),
        migrations.AlterField(
            model_name='hooksecret',
            name='created_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='replaybatch',
            name='created_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='retentionstatement',
            name='started_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='retentionstatement',
            name='worked_at',
            field=models.DateTimeField(default=core.db.clock.now),
        ),
        migrations.AlterField(
            model_name='run',
            name='created_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='run',
            name='due_at',
            field=models.DateTimeField(default=core.db.clock.now),
        ),
        migrations.AlterField(
            model_name='steprun',
            name='started_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='subscription',
            name='created_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='subscription',
            name='next_attempt_at',
            field=models.DateTimeField(default=core.db.clock.now, null=True),
        ),
        migrations.AlterField(
            model_name='trigger',
            name='created_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='triggersecret',
            name='created_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='watch',
            name='next_look_at',
            field=models.DateTimeField(default=core.db.clock.now),
        ),
        migrations.AlterField(
            model_name='workflow',
            name='created_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='workflowversion',
            name='published_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
    ])]
