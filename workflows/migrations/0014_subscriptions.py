"""Webhooks that TaskJuice keeps at a provider itself, and events that may be told twice by them."""

import django.db.models.deletion
import django.utils.timezone
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('connections', '0011_optional_scopes'),
        ('workflows', '0013_watches'),
    ]

    operations = [
        migrations.CreateModel(
            name='Subscription',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('status', models.CharField(choices=[('making', 'Making'), ('on', 'On'), ('replaced', 'Replaced'), ('removing', 'Removing'), ('removed', 'Removed'), ('failed', 'Failed'), ('left', 'Left')], default='making', max_length=10)),
                ('external_id', models.CharField(blank=True, help_text="The provider's id of it", max_length=120)),
                ('reach', models.JSONField(default=dict)),
                ('others', models.JSONField(default=list)),
                ('trouble', models.CharField(blank=True, choices=[('', 'None'), ('disabled', 'Disabled'), ('inactive', 'Inactive')], default='', max_length=10)),
                ('sent_at', models.DateTimeField(null=True)),
                ('made_at', models.DateTimeField(null=True)),
                ('pings', models.PositiveSmallIntegerField(default=0)),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('well_at', models.DateTimeField(null=True)),
                ('tidied_at', models.DateTimeField(null=True)),
                ('gap_since', models.DateTimeField(null=True)),
                ('recovered', models.JSONField(null=True)),
                ('error', models.JSONField(null=True)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('next_attempt_at', models.DateTimeField(default=django.utils.timezone.now, null=True)),
                ('lease_holder', models.UUIDField(null=True)),
                ('lease_until', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('ended_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['-created_at', 'id'],
            },
        ),
        migrations.AddField(
            model_name='event',
            name='happened_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='event',
            name='source',
            field=models.CharField(blank=True, default='', max_length=32),
        ),
        migrations.AddField(
            model_name='trigger',
            name='twins_until',
            field=models.DateTimeField(blank=True, editable=False, help_text='Until then one change may be told twice, under two event ids; see workflows.inbox.same_change', null=True),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('source', ''), _negated=True), fields=['trigger', 'lane'], name='event_twins'),
        ),
        migrations.AddConstraint(
            model_name='event',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('happened_at__isnull', False), ('source', 'recovered')), models.Q(models.Q(('source', 'recovered'), _negated=True), ('happened_at__isnull', True)), _connector='OR'), name='event_recovered_has_date'),
        ),
        migrations.AddField(
            model_name='subscription',
            name='secret',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.RESTRICT, related_name='+', to='workflows.triggersecret'),
        ),
        migrations.AddField(
            model_name='subscription',
            name='trigger',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='subscriptions', to='workflows.trigger'),
        ),
        migrations.AddIndex(
            model_name='subscription',
            index=models.Index(condition=models.Q(('next_attempt_at__isnull', False)), fields=['next_attempt_at'], name='subscription_due'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['making', 'on', 'replaced'])), fields=('trigger', 'status'), name='subscription_one_of_a_kind'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.UniqueConstraint(condition=models.Q(('external_id', ''), _negated=True), fields=('trigger', 'external_id'), name='subscription_id_once'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['making', 'on', 'replaced', 'removing', 'removed', 'failed', 'left'])), name='subscription_status_known'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['on', 'replaced']), _negated=True), models.Q(models.Q(('external_id', ''), _negated=True), ('made_at__isnull', False), ('secret__isnull', False)), _connector='OR'), name='subscription_made_is_known'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['making', 'failed']), _negated=True), ('external_id', ''), _connector='OR'), name='subscription_unmade_has_no_id'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', False), ('status__in', ['removed', 'failed', 'left'])), models.Q(models.Q(('status__in', ['removed', 'failed', 'left']), _negated=True), ('ended_at__isnull', True)), _connector='OR'), name='subscription_ended_has_date'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(('trouble__in', ['', 'disabled', 'inactive'])), name='subscription_trouble_known'),
        ),
    ]
