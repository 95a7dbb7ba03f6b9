"""`python -m bench.bare_loop`: the least that draining one-step runs can cost, without any of the product's code.

A loop over given runs, in psycopg and requests. For each run: the engine's four statements on PostgreSQL, and one POST.
The statements change the same rows as the engine (tests/bench/test_bare_loop.py). Each line of standard input is a
batch as JSON, see `batch`; a line is printed when it is done.
"""

import json
import os
import sys
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import requests
from psycopg.types.json import Jsonb

Database = psycopg.Connection[Any]
Json = dict[str, Any]

CLAIM = """
UPDATE workflows_run SET status = 'running', claims = 1, lease_holder = %(lease)s, lease_until = %(until)s,
  started_at = %(now)s
WHERE seq = %(seq)s AND status = 'pending' AND claims = 0
  AND set_config('synchronous_commit', 'off', true) IS NOT NULL
RETURNING 1"""
CONNECTION = """
SELECT * FROM connections_connection c JOIN connections_grant g ON g.connection_id = c.id
WHERE c.id = %(connection)s AND c.workspace_id = %(workspace)s"""
WRITE_AHEAD = """
WITH held AS (
  SELECT 1 FROM workflows_run WHERE seq = %(seq)s AND lease_holder = %(lease)s FOR NO KEY UPDATE
), counted AS (
  UPDATE connections_requestbudget SET full_until = greatest(full_until, %(second)s) + 80.0 / per_minute
  WHERE key = %(budget)s AND blocked_until <= %(second)s AND EXISTS (SELECT FROM held) RETURNING 1
), call AS (
  INSERT INTO workflows_actioncall (id, workspace_id, connection_id, action, origin, input, status, attempts, rounds,
    unsure, first_sent_at, settles_at, lease_holder, lease_until, fingerprint, created_at)
  SELECT %(call)s, %(workspace)s, %(connection)s, %(action)s, 'step', %(input)s, 'running', 1, 0, true, %(now)s,
    %(settles)s, %(lease)s, %(until)s, %(digest)s, %(now)s
  WHERE EXISTS (SELECT FROM counted)
), step AS (
  INSERT INTO workflows_steprun (id, run_id, position, key, action, status, call_id, started_at)
  SELECT %(step)s, %(seq)s, 0, %(key)s, %(action)s, 'running', %(call)s, %(now)s WHERE EXISTS (SELECT FROM counted)
), trace AS (
  INSERT INTO workflows_trace (account, subject, kind, agent, proof, depth, run_id, call_id, first_at, last_at)
  SELECT %(account)s, %(subject)s, 'incident.annotated', %(agent)s, %(digest)s, 0, %(seq)s, %(call)s, %(now)s, %(now)s
  WHERE EXISTS (SELECT FROM counted)
  ON CONFLICT (call_id, kind, subject) DO UPDATE SET last_at = EXCLUDED.last_at
) SELECT 1 FROM counted"""
SETTLE = """
WITH held AS (
  SELECT 1 FROM workflows_actioncall WHERE id = %(call)s AND lease_holder = %(lease)s FOR NO KEY UPDATE
), run AS (
  UPDATE workflows_run SET status = 'completed', position = 1, lease_holder = NULL, lease_until = NULL,
    finished_at = %(now)s
  WHERE seq = %(seq)s AND lease_holder = %(lease)s AND EXISTS (SELECT FROM held) RETURNING 1
), owed AS (
  INSERT INTO workflows_hookdelivery (id, workspace_id, hook_id, kind, run_id, lane, status, attempts, tries,
    next_attempt_at, created_at)
  SELECT gen_random_uuid(), h.workspace_id, h.id, 'run', %(seq)s, %(lane)s, 'waiting', 0, '[]', %(now)s, %(now)s
  FROM workflows_hook h
  WHERE h.workspace_id = %(workspace)s AND (h.trigger_id IS NULL OR h.trigger_id = %(trigger)s) AND h.runs
    AND h.deleted_at IS NULL AND EXISTS (SELECT FROM run)
  ON CONFLICT DO NOTHING
), step AS (
  UPDATE workflows_steprun SET status = 'completed', finished_at = %(now)s
  WHERE id = %(step)s AND EXISTS (SELECT FROM run)
), call AS (
  UPDATE workflows_actioncall SET status = 'completed', output = %(output)s, finished_at = %(now)s,
    settles_at = NULL, unsure = false, lease_holder = NULL, lease_until = NULL
  WHERE id = %(call)s AND EXISTS (SELECT FROM run)
) SELECT 1 FROM run"""


def walk(database: Database, post: Callable[[Json], Any], job: Json) -> None:
    """Execute one run from claim to end. job: a run of `batch` merged with the batch's common part."""
    now = datetime.now(UTC)
    values = job | {
        "lease": uuid.uuid4(),
        "call": uuid.uuid4(),
        "step": uuid.uuid4(),
        "now": now,
        "second": now.timestamp(),
        "until": now + timedelta(seconds=30),
        "settles": now + timedelta(seconds=20),
        "input": Jsonb(job["input"]),
    }
    for statement in (CLAIM, CONNECTION, WRITE_AHEAD):
        _one(database, statement, values)
    answer = post(job["input"])
    _one(database, SETTLE, values | {"output": Jsonb(answer), "now": datetime.now(UTC)})


def _one(database: Database, statement: str, values: Json) -> None:
    if database.execute(statement, values, prepare=True).fetchone() is None:
        raise RuntimeError(f"found nothing: {statement}")


def batch(database: Database, http: requests.Session, given: Json) -> None:
    """Execute all `runs` of a batch, posting to `url` with `token`. `all`: the common part of its runs."""
    headers = {
        "Accept": "application/vnd.pagerduty+json;version=2",
        "Authorization": f"Bearer {given['token']}",
    }

    def post(step: Json) -> Any:
        answer = http.post(
            f"{given['url']}/incidents/{step['incident_id']}/notes",
            json={"note": {"content": step["content"]}},
            headers=headers | {"From": step["from"]},
            timeout=30,
        )
        answer.raise_for_status()
        return answer.json()

    for run in given["runs"]:
        walk(database, post, given["all"] | run)


def main() -> None:
    http = requests.Session()
    http.trust_env = False
    url = os.environ["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True, options="-c taskjuice.wall=open") as database:
        for line in sys.stdin:
            batch(database, http, json.loads(line))
            print("done", flush=True)


if __name__ == "__main__":
    main()
