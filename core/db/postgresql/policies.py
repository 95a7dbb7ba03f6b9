"""The row-level security of tables, as the migrations put it there. On SQLite there is nothing to do."""

from typing import Any

# PostgreSQL initialises a policy's expressions in each statement, needed or not. So a policy is small: one comparison
# for an open scope, else one list of visible keys, computed in functions.
# The scope is in the settings taskjuice.wall, .accounts and .workspace; unset shows no row.
# Function bodies are parsed at creation, so they mean these tables under any search path, pg_dump's too.
_FUNCTION = "CREATE OR REPLACE FUNCTION {} LANGUAGE sql STABLE PARALLEL SAFE RETURN {}"
_ABOVE = (
    "connections_connection",
    "connections_invitation",
    "connections_clientlink",
    "workflows_trigger",
    "workflows_workflow",
    "workflows_hook",
)
_BODIES = {
    # Of a CASE the planner expects one row in two, of a comparison one in 200, and would sort what it takes for few.
    "taskjuice_open() RETURNS boolean": (
        "CASE WHEN current_setting('taskjuice.wall', true) = 'open' THEN true ELSE false END"
    ),
    "taskjuice_accounts() RETURNS uuid[]": (
        "string_to_array(nullif(current_setting('taskjuice.accounts', true), ''), ',')::uuid[]"
    ),
    "taskjuice_workspace() RETURNS uuid": ("nullif(current_setting('taskjuice.workspace', true), '')::uuid"),
    "taskjuice_workspaces() RETURNS uuid[]": (
        "array(SELECT id FROM connections_workspace"
        " WHERE account_id = ANY (taskjuice_accounts()) OR id = taskjuice_workspace())"
    ),
    **{f"taskjuice_own_{table}() RETURNS uuid[]": f"array(SELECT id FROM {table})" for table in _ABOVE},
    "taskjuice_sees_call(uuid) RETURNS boolean": "EXISTS (SELECT 1 FROM workflows_actioncall WHERE id = $1)",
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


# Tables that grow with every run, whose parents are too many for a list.
OF_A_RUN = "EXISTS (SELECT 1 FROM workflows_run above WHERE above.seq = {table}.run_id)"
OF_A_CALL = "taskjuice_sees_call({table}.call_id)"  # read and written by workers alone


def belongs_to(above: str, column: str) -> str:
    """The condition for rows whose `column` refers to a row of the table `above` that can be seen."""
    return f"{{table}}.{column} = ANY ((SELECT taskjuice_own_{above}())::uuid[])"


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
