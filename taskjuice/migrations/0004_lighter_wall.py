"""The same policies as those of 0003, made of less that each statement has to open.

A database that is made now has them from 0003 already.
"""

from importlib import import_module

from django.db import migrations

tenant_wall = import_module("taskjuice.migrations.0003_tenant_wall")


class Migration(migrations.Migration):
    dependencies = [("taskjuice", "0003_tenant_wall")]
    operations = [
        migrations.RunPython(tenant_wall.functions, migrations.RunPython.noop),
        migrations.RunPython(tenant_wall.protect, migrations.RunPython.noop),
    ]
