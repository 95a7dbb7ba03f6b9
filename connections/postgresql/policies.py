"""The row-level security of tables, as the migrations put it there. On SQLite there is nothing to do."""

from typing import Any

# What taskjuice.wall, .accounts and .workspace say; unset means that nothing is seen.
FUNCTIONS = """
CREATE FUNCTION taskjuice_open() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT coalesce(current_setting('taskjuice.wall', true), '') = 'open' $$;
CREATE FUNCTION taskjuice_accounts() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT string_to_array(nullif(current_setting('taskjuice.accounts', true), ''), ',')::uuid[] $$;
CREATE FUNCTION taskjuice_workspace() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('taskjuice.workspace', true), '')::uuid $$;
"""
NO_FUNCTIONS = "DROP FUNCTION taskjuice_open(), taskjuice_accounts(), taskjuice_workspace()"

# As sub-selects these are worked out once for a statement, not for each row. {table} is the table of the policy.
_ACCOUNTS = "((SELECT taskjuice_accounts())::uuid[])"
_WORKSPACE = "(SELECT taskjuice_workspace())"
OWN_ACCOUNT = "{table}.account_id = ANY " + _ACCOUNTS
OWN_WORKSPACE = (
    "{table}.workspace_id IN (SELECT own.id FROM connections_workspace own"
    f" WHERE own.account_id = ANY {_ACCOUNTS} OR own.id = {_WORKSPACE})"
)
OWN_WORKSPACE_OR_ACCOUNT = f"{OWN_WORKSPACE} OR ({{table}}.workspace_id IS NULL AND {OWN_ACCOUNT})"
WORKSPACE_ITSELF = f"{OWN_ACCOUNT} OR {{table}}.id = {_WORKSPACE}"
ACCOUNT_ITSELF = (
    f"{{table}}.id = ANY {_ACCOUNTS} OR {{table}}.id ="
    f" (SELECT own.account_id FROM connections_workspace own WHERE own.id = {_WORKSPACE})"
)


def belongs_to(above: str, column: str, key: str = "id") -> str:
    """The condition for rows whose `column` refers to a row of the table `above` that can be seen."""
    return f"EXISTS (SELECT 1 FROM {above} above WHERE above.{key} = {{table}}.{column})"


def protect(schema_editor: Any, tables: dict[str, str]) -> None:
    """Let each of `tables` show and take only rows that meet its condition, also for their owner (FORCE)."""
    if schema_editor.connection.vendor != "postgresql":
        return
    for table, condition in tables.items():
        schema_editor.execute(
            f"CREATE POLICY tenant_wall ON {table}"
            f" USING ((SELECT taskjuice_open()) OR {condition.format(table=table)})"
        )
        schema_editor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")


def expose(schema_editor: Any, tables: dict[str, str]) -> None:
    """The way back."""
    if schema_editor.connection.vendor != "postgresql":
        return
    for table in tables:
        schema_editor.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY")
        schema_editor.execute(f"DROP POLICY tenant_wall ON {table}")
