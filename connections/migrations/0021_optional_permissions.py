"""Which optional permissions a client link asks for: their keys, where there was one choice of all.

Until now the only ones were those for webhooks.
"""

from django.db import migrations, models

_WEBHOOKS = "webhooks"


def name_them(apps, schema_editor):
    links = apps.get_model("connections", "ClientLink").objects.using(schema_editor.connection.alias)
    links.filter(optional_scopes=True).update(optional_permissions=[_WEBHOOKS])


def count_them(apps, schema_editor):
    links = apps.get_model("connections", "ClientLink").objects.using(schema_editor.connection.alias)
    links.exclude(optional_permissions=[]).update(optional_scopes=True)


class Migration(migrations.Migration):
    dependencies = [("connections", "0020_words")]

    operations = [
        migrations.AddField(
            model_name="clientlink",
            name="optional_permissions",
            field=models.JSONField(
                blank=True, default=list, help_text="Keys of the provider's optional permissions to request, too"
            ),
        ),
        migrations.RunPython(name_them, count_them, elidable=True),
        migrations.RemoveField(model_name="clientlink", name="optional_scopes"),
    ]
