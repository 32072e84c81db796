#!/bin/sh
# Run once by the PostgreSQL image on an empty cluster: the two roles of Roster. The owner makes and alters the tables
# (DATABASE_MIGRATION_URL); the application only reads and writes rows (DATABASE_URL). Their passwords are in the URLs.
set -eu

password_in() { sed -E 's#^[a-z]+://[^:]+:([^@]+)@.*$#\1#' "/run/secrets/$1"; }

psql --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname="$POSTGRES_DB" \
  --set=owner="$(password_in database_migration_url)" --set=app="$(password_in database_url)" <<'SQL'
CREATE ROLE roster_owner LOGIN PASSWORD :'owner';
CREATE ROLE roster_app LOGIN PASSWORD :'app';
ALTER DATABASE roster OWNER TO roster_owner;
REVOKE ALL ON DATABASE roster FROM PUBLIC;
GRANT CONNECT ON DATABASE roster TO roster_app;
SQL
