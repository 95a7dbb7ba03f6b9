"""Runs that test a draft: they follow the draft as it was, no version."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('connections', '0009_retention'),
        ('workflows', '0009_workflow_form_key'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='run',
            name='run_once',
        ),
        migrations.AddField(
            model_name='run',
            name='once',
            field=models.CharField(blank=True, default='', max_length=32),
        ),
        migrations.AddField(
            model_name='run',
            name='tested',
            field=models.JSONField(help_text='Of a test: the draft that it follows', null=True),
        ),
        migrations.AlterField(
            model_name='run',
            name='version',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workflows.workflowversion'),
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.UniqueConstraint(condition=models.Q(('version__isnull', False)), fields=('workflow', 'event', 'replay'), name='run_once'),
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.UniqueConstraint(condition=models.Q(('version__isnull', True)), fields=('workflow', 'once'), name='run_test_once'),
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('once', ''), ('tested__isnull', True), ('version__isnull', False)), models.Q(('batch__isnull', True), ('replay', 0), ('tested__isnull', False), ('version__isnull', True), models.Q(('once', ''), _negated=True)), _connector='OR'), name='run_of_version_or_test'),
        ),
    ]
