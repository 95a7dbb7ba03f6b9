#!/bin/sh
# Run once, by the image, on a new volume: the role that TaskJuice connects as owns its database and nothing more.
# A superuser, or a role with BYPASSRLS, would pass through the row-level security between agencies.
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres -v "password=$DATABASE_PASSWORD" <<'SQL'
CREATE ROLE taskjuice LOGIN PASSWORD :'password' NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
CREATE DATABASE taskjuice OWNER taskjuice;
SQL
