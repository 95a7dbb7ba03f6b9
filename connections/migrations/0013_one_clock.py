"""The time that rows are given comes from core.db.clock. No database knows of that, so none is changed."""

import core.db.clock
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('connections', '0012_second_factor_required'),
    ]

    operations = [migrations.SeparateDatabaseAndState(state_operations=[
        migrations.AlterField(
            model_name='account',
            name='created_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='apikey',
            name='created_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='auditevent',
            name='created_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='clientlink',
            name='created_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='connection',
            name='created_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='grant',
            name='obtained_at',
            field=models.DateTimeField(default=core.db.clock.now),
        ),
        migrations.AlterField(
            model_name='invitation',
            name='created_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='membership',
            name='created_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='notice',
            name='created_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='oauthapp',
            name='created_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
        migrations.AlterField(
            model_name='workspace',
            name='created_at',
            field=models.DateTimeField(default=core.db.clock.now, editable=False),
        ),
    ])]
