"""What the provider showed before a write was first sent."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("workflows", "0024_deadlines")]

    operations = [
        migrations.AddField(
            model_name="actioncall",
            name="baseline",
            field=models.JSONField(
                help_text="What the provider showed before the write was first sent, which is not its effect",
                null=True,
            ),
        ),
    ]
