"""Deadlines of triggers for what does not happen in time."""

import django.db.models.deletion
from django.db import migrations, models

from core.db.postgresql import policies

TABLES = {"workflows_deadline": policies.belongs_to("workflows_trigger", "trigger_id")}


def protect(apps, schema_editor):
    policies.protect(schema_editor, TABLES)


def expose(apps, schema_editor):
    policies.expose(schema_editor, TABLES)


class Migration(migrations.Migration):

    dependencies = [
        ('workflows', '0023_words'),
        ('taskjuice', '0003_tenant_wall'),  # the functions that policies are made of
    ]

    operations = [
        migrations.CreateModel(
            name='Deadline',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('subject', models.CharField(max_length=200)),
                ('status', models.CharField(choices=[('open', 'Open'), ('passed', 'Passed'), ('cancelled', 'Cancelled')], default='open', max_length=10)),
                ('since', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('told_at', models.DateTimeField()),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('next_attempt_at', models.DateTimeField(null=True)),
                ('lease_holder', models.UUIDField(null=True)),
                ('lease_until', models.DateTimeField(null=True)),
                ('trouble', models.JSONField(null=True)),
                ('trouble_since', models.DateTimeField(null=True)),
                ('reason', models.CharField(blank=True, default='', max_length=300)),
                ('ended_at', models.DateTimeField(null=True)),
                ('cause', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='deadlines', to='workflows.trace')),
                ('trigger', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deadlines', to='workflows.trigger')),
            ],
            options={
                'ordering': ['due_at', 'id'],
                'indexes': [models.Index(condition=models.Q(('next_attempt_at__isnull', False)), fields=['next_attempt_at'], name='deadline_due'), models.Index(condition=models.Q(('next_attempt_at__isnull', False)), fields=['trigger', 'due_at'], name='deadline_open'), models.Index(condition=models.Q(('ended_at__isnull', False)), fields=['ended_at'], name='deadline_ended'), models.Index(condition=models.Q(('cause__isnull', False)), fields=['cause'], name='deadline_by_cause')],
                'constraints': [models.UniqueConstraint(fields=('trigger', 'subject'), name='deadline_once'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('next_attempt_at__isnull', False), ('status', 'open')), models.Q(('ended_at__isnull', False), ('lease_until__isnull', True), ('next_attempt_at__isnull', True), ('status__in', ['passed', 'cancelled']), ('trouble__isnull', True)), _connector='OR'), name='deadline_open_or_ended'), models.CheckConstraint(condition=models.Q(('due_at__gt', models.F('since'))), name='deadline_is_later'), models.CheckConstraint(condition=models.Q(models.Q(('lease_holder__isnull', True), ('lease_until__isnull', True)), models.Q(('lease_holder__isnull', False), ('lease_until__isnull', False)), _connector='OR'), name='deadline_lease_whole'), models.CheckConstraint(condition=models.Q(models.Q(('trouble__isnull', True), ('trouble_since__isnull', True)), models.Q(('trouble__isnull', False), ('trouble_since__isnull', False)), _connector='OR'), name='deadline_trouble_has_date')],
            },
        ),
        migrations.RunPython(protect, expose),
    ]
