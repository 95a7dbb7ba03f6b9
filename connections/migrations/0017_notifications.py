"""Notifications in the app and by email; they take the place of the notices about connections."""

import core.db.clock
import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models
from django.db.models import F

from core.db.postgresql import policies

TABLES = {
    "connections_notificationfact": policies.OWN_WORKSPACE,
    "connections_notification": policies.OWN_ACCOUNT,
    "connections_notificationreceipt": policies.OWN_ACCOUNT,
    "connections_notificationpreference": policies.OWN_ACCOUNT,
}


def take_over(apps, schema_editor):
    """What agencies were told of a consent's end is not told again; what they are owed becomes a notification."""
    database = schema_editor.connection.alias
    models = {name: apps.get_model("connections", name).objects.using(database) for name in _MODELS}
    told = models["Notice"].filter(connection__isnull=False, created_at__gte=F("connection__grant__obtained_at"))
    for kind, which in (("consent_ends_in_a_month", "month"), ("consent_ends_in_a_week", "week")):
        connections = told.filter(kind=kind).values("connection")
        models["Grant"].filter(connection__in=connections).update(consent_told=which)
    owed = models["Notice"].filter(connection__isnull=False, status="owed")
    for notice in owed.filter(kind="reconnection_needed", connection__status="error").select_related("connection"):
        models["NotificationFact"].create(
            workspace_id=notice.connection.workspace_id,
            kind="connection_broken",
            group=str(notice.connection_id),
            data={
                "title": f"Reconnection needed: {notice.connection.label}",
                "reason": notice.connection.status_reason,
                "path": f"/settings/connections/{notice.connection_id}/",
            },
        )
    owed.update(status="dropped")


_MODELS = ("Notice", "Grant", "NotificationFact")


def protect(apps, schema_editor):
    policies.protect(schema_editor, TABLES)


def expose(apps, schema_editor):
    policies.expose(schema_editor, TABLES)


class Migration(migrations.Migration):

    dependencies = [
        ('connections', '0016_client_link_ending_words'),
        ('taskjuice', '0003_tenant_wall'),  # the functions that policies are made of
    ]

    operations = [
        migrations.AddField(
            model_name='grant',
            name='consent_told',
            field=models.CharField(blank=True, default='', help_text='Which notice ahead of its end was given', max_length=10),
        ),
        migrations.CreateModel(
            name='Notification',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=40)),
                ('group', models.CharField(max_length=120)),
                ('window', models.DateTimeField()),
                ('title', models.CharField(max_length=200)),
                ('reason', models.CharField(blank=True, max_length=600)),
                ('path', models.CharField(help_text='The page to go to', max_length=300)),
                ('count', models.PositiveIntegerField(default=1)),
                ('first_at', models.DateTimeField()),
                ('last_at', models.DateTimeField(db_index=True)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='connections.account')),
                ('workspace', models.ForeignKey(help_text='None: the whole agency', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='connections.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='NotificationFact',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=40)),
                ('group', models.CharField(max_length=120)),
                ('data', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(default=core.db.clock.now, editable=False)),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='connections.workspace')),
            ],
        ),
        migrations.CreateModel(
            name='NotificationPreference',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=40)),
                ('email', models.CharField(choices=[('at_once', 'At once'), ('hourly', 'Hourly summary'), ('off', 'Off')], max_length=10)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='connections.account')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='NotificationReceipt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('read_at', models.DateTimeField(blank=True, null=True)),
                ('email_due_at', models.DateTimeField(blank=True, null=True)),
                ('emailed_at', models.DateTimeField(blank=True, null=True)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='connections.account')),
                ('notification', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='receipts', to='connections.notification')),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.AddConstraint(
            model_name='notification',
            constraint=models.UniqueConstraint(fields=('account', 'kind', 'group', 'window'), name='notification_once_a_window'),
        ),
        migrations.AddConstraint(
            model_name='notificationpreference',
            constraint=models.UniqueConstraint(fields=('account', 'user', 'kind'), name='notification_preference_once'),
        ),
        migrations.AddConstraint(
            model_name='notificationpreference',
            constraint=models.CheckConstraint(condition=models.Q(('email__in', ['at_once', 'hourly', 'off'])), name='notification_email_known'),
        ),
        migrations.AddIndex(
            model_name='notificationreceipt',
            index=models.Index(fields=['account'], name='receipt_by_account'),
        ),
        migrations.AddIndex(
            model_name='notificationreceipt',
            index=models.Index(fields=['user', '-at', '-id'], name='receipt_by_person'),
        ),
        migrations.AddIndex(
            model_name='notificationreceipt',
            index=models.Index(condition=models.Q(('read_at__isnull', True)), fields=['user'], name='receipt_unread'),
        ),
        migrations.AddIndex(
            model_name='notificationreceipt',
            index=models.Index(condition=models.Q(('email_due_at__isnull', False)), fields=['email_due_at'], name='receipt_email_due'),
        ),
        migrations.AddConstraint(
            model_name='notificationreceipt',
            constraint=models.UniqueConstraint(fields=('notification', 'user'), name='notification_receipt_once'),
        ),
        migrations.RunPython(take_over, migrations.RunPython.noop),
        migrations.RunPython(protect, expose),
    ]
