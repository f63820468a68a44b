#!/bin/sh
# Runs once, when PostgreSQL makes its data: the application's role beside the owner. Table rights come from migrations.
set -eu
: "${ONPOINT_APP_PASSWORD:?is not set}"
# The password reaches psql by its environment, never by a command line others can read.
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv password ONPOINT_APP_PASSWORD
\getenv database POSTGRES_DB
CREATE ROLE onpoint_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO onpoint_app;
GRANT USAGE ON SCHEMA public TO onpoint_app;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
SQL
