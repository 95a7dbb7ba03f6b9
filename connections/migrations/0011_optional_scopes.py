"""A client link may ask for the optional scopes as well."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('connections', '0010_request_budget'),
    ]

    operations = [
        migrations.AddField(
            model_name='clientlink',
            name='optional_scopes',
            field=models.BooleanField(default=False, help_text="Ask for the provider's optional scopes, too"),
        ),
    ]
