"""Until when a request without an answer may still have its effect."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('workflows', '0003_turned_away'),
    ]

    operations = [
        migrations.AddField(
            model_name='actioncall',
            name='settles_at',
            field=models.DateTimeField(null=True),
        ),
    ]
