"""Notices become the outbox of all email: texts of their own, retries with back-off, and a state that support sees."""

import core.db.clock
import core.crypto
from django.db import migrations, models


def end_what_is_over(apps, schema_editor):
    notices = apps.get_model("connections", "Notice").objects.using(schema_editor.connection.alias)
    notices.filter(sent_at__isnull=False).update(status="sent")
    notices.filter(sent_at__isnull=True, attempts__gte=10).update(status="failed")


def forget_texts(apps, schema_editor):
    """Before this migration a notice is about a row; its texts are composed when it is sent."""
    notices = apps.get_model("connections", "Notice").objects.using(schema_editor.connection.alias)
    notices.exclude(to="").delete()


class Migration(migrations.Migration):

    dependencies = [
        ('connections', '0013_one_clock'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='notice',
            name='notice_about_one_thing',
        ),
        migrations.RemoveIndex(
            model_name='notice',
            name='notice_unsent',
        ),
        migrations.AddField(
            model_name='notice',
            name='body',
            field=core.crypto.SealedField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='notice',
            name='error',
            field=models.CharField(blank=True, max_length=60),
        ),
        migrations.AddField(
            model_name='notice',
            name='expires_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='notice',
            name='next_attempt_at',
            field=models.DateTimeField(default=core.db.clock.now),
        ),
        migrations.AddField(
            model_name='notice',
            name='status',
            field=models.CharField(choices=[('owed', 'Owed'), ('sent', 'Sent'), ('dropped', 'not needed any more'), ('failed', 'given up')], default='owed', max_length=10),
        ),
        migrations.AddField(
            model_name='notice',
            name='subject',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name='notice',
            name='to',
            field=models.EmailField(blank=True, max_length=254),
        ),
        migrations.RunPython(end_what_is_over, forget_texts),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(condition=models.Q(('status', 'owed')), fields=['next_attempt_at'], name='notice_owed'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(fields=['-created_at', 'id'], name='notice_by_time'),
        ),
        migrations.AddConstraint(
            model_name='notice',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('client_link__isnull', True), ('connection__isnull', False), ('invitation__isnull', True), ('to', '')), models.Q(('client_link__isnull', True), ('connection__isnull', True), ('invitation__isnull', False), ('to', '')), models.Q(('client_link__isnull', False), ('connection__isnull', True), ('invitation__isnull', True), ('to', '')), models.Q(('client_link__isnull', True), ('connection__isnull', True), ('invitation__isnull', True), models.Q(('to', ''), _negated=True)), _connector='OR'), name='notice_about_one_thing'),
        ),
        migrations.AddConstraint(
            model_name='notice',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['owed', 'sent', 'dropped', 'failed'])), name='notice_status_known'),
        ),
        migrations.AddConstraint(
            model_name='notice',
            constraint=models.CheckConstraint(condition=models.Q(('status', 'owed'), ('body__isnull', True), _connector='OR'), name='notice_over_is_erased'),
        ),
    ]
