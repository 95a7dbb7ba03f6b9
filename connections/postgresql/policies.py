"""The row-level security of tables, as the migrations put it there. On SQLite there is nothing to do."""

from typing import Any

# Each statement opens what its tables' policies are made of, needed or not, so that is little: while the wall is open
# one comparison, else one list of what can be seen; what it takes to find that out is hidden in functions.
# taskjuice.wall, .accounts and .workspace say what that is; unset means that nothing is seen.
_FUNCTION = "CREATE OR REPLACE FUNCTION {} LANGUAGE sql STABLE PARALLEL SAFE AS $$ {} $$"
_ABOVE = {
    "connections_connection": ("id", "uuid"),
    "connections_invitation": ("id", "uuid"),
    "connections_clientlink": ("id", "uuid"),
    "workflows_trigger": ("id", "uuid"),
    "workflows_workflow": ("id", "uuid"),
    "workflows_run": ("seq", "bigint"),
    "workflows_actioncall": ("id", "uuid"),
    "workflows_hook": ("id", "uuid"),
}
_BODIES = {
    "taskjuice_open() RETURNS boolean": "SELECT coalesce(current_setting('taskjuice.wall', true), '') = 'open'",
    "taskjuice_accounts() RETURNS uuid[]": (
        "SELECT string_to_array(nullif(current_setting('taskjuice.accounts', true), ''), ',')::uuid[]"
    ),
    "taskjuice_workspace() RETURNS uuid": (
        "SELECT nullif(current_setting('taskjuice.workspace', true), '')::uuid"
    ),
    "taskjuice_workspaces() RETURNS uuid[]": (
        "SELECT array(SELECT id FROM connections_workspace"
        " WHERE account_id = ANY (taskjuice_accounts()) OR id = taskjuice_workspace())"
    ),
    **{
        f"taskjuice_sees_{table}({kind}) RETURNS boolean": f"SELECT EXISTS (SELECT 1 FROM {table} WHERE {key} = $1)"
        for table, (key, kind) in _ABOVE.items()
    },
}
FUNCTIONS = "; ".join(_FUNCTION.format(head, body) for head, body in _BODIES.items())
NO_FUNCTIONS = f"DROP FUNCTION {', '.join(head.partition(' RETURNS')[0] for head in _BODIES)}"

# As sub-selects these are worked out once for a statement, not for each row. {table} is the table of the policy.
_ACCOUNTS = "((SELECT taskjuice_accounts())::uuid[])"
_WORKSPACE = "(SELECT taskjuice_workspace())"
OWN_ACCOUNT = "{table}.account_id = ANY " + _ACCOUNTS
OWN_WORKSPACE = "{table}.workspace_id = ANY ((SELECT taskjuice_workspaces())::uuid[])"
OWN_WORKSPACE_OR_ACCOUNT = f"{OWN_WORKSPACE} OR ({{table}}.workspace_id IS NULL AND {OWN_ACCOUNT})"
WORKSPACE_ITSELF = f"{OWN_ACCOUNT} OR {{table}}.id = {_WORKSPACE}"
ACCOUNT_ITSELF = (
    f"{{table}}.id = ANY {_ACCOUNTS} OR {{table}}.id ="
    f" (SELECT own.account_id FROM connections_workspace own WHERE own.id = {_WORKSPACE})"
)


def belongs_to(above: str, column: str) -> str:
    """The condition for rows whose `column` refers to a row of the table `above` that can be seen."""
    return f"taskjuice_sees_{above}({{table}}.{column})"


def protect(schema_editor: Any, tables: dict[str, str]) -> None:
    """Let each of `tables` show and take only rows that meet its condition, also for their owner (FORCE)."""
    if schema_editor.connection.vendor != "postgresql":
        return
    for table, condition in tables.items():
        schema_editor.execute(f"DROP POLICY IF EXISTS tenant_wall ON {table}")
        schema_editor.execute(
            f"CREATE POLICY tenant_wall ON {table} USING (taskjuice_open() OR {condition.format(table=table)})"
        )
        schema_editor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")


def expose(schema_editor: Any, tables: dict[str, str]) -> None:
    """The way back."""
    if schema_editor.connection.vendor != "postgresql":
        return
    for table in tables:
        schema_editor.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY")
        schema_editor.execute(f"DROP POLICY tenant_wall ON {table}")
