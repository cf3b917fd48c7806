#!/usr/bin/env bash
# Makes a role and a database for each application, closes every database to
# the others, and makes the role of pgcommons. The official image of PostgreSQL
# runs it from /docker-entrypoint-initdb.d when it makes a new server. It may be
# run again at any time, to add an application, change limits or renew passwords:
#   docker compose exec postgres /docker-entrypoint-initdb.d/applications.sh
# It reads APPLICATIONS, as in "shop:20 wiki:10" (name and most connections),
# and the password of each in the file of its name below /run/secrets.
set -euo pipefail
: "${POSTGRES_USER:=postgres}" "${SECRETS:=/run/secrets}"
read -r -d '' -a applications <<<"${APPLICATIONS:-}" || true

fail() {
    echo "applications.sh: $1" >&2
    exit 1
}

# Everything is looked at before anything is changed.
check() {
    local application name
    ((${#applications[@]})) || fail "APPLICATIONS is empty; want NAME:CONNECTIONS ..."
    for application in "${applications[@]}"; do
        [[ $application =~ ^[a-z_][a-z0-9_]{0,62}:[1-9][0-9]{0,3}$ ]] ||
            fail "'$application' in APPLICATIONS: want NAME:CONNECTIONS, the name of a-z, 0-9 and _"
        name=${application%:*}
        case $name in
            postgres | pgcommons | pg_* | template0 | template1 | "$POSTGRES_USER") fail "$name cannot be an application" ;;
        esac
        check_secret "$name"
    done
    check_secret pgcommons
}

check_secret() {
    [[ -r $SECRETS/$1 ]] || fail "the password file $SECRETS/$1 is missing, or $(id -un) may not read it"
    [[ $(tr -d '\r\n' <"$SECRETS/$1") ]] || fail "the password file $SECRETS/$1 is empty"
}

# sql [NAME=VALUE...]: runs what comes in as the superuser. No password gets into the log of the server, nor into the list
# of processes; and nothing is called that others may have put into the schema public.
sql() {
    {
        printf 'SET %s;\n' "client_min_messages = warning" "search_path = pg_catalog" "password_encryption = 'scram-sha-256'" "log_statement = 'none'" \
            "log_min_duration_statement = -1" "log_min_error_statement = 'panic'"
        cat
    } | psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 "${@/#/--set=}" --username="$POSTGRES_USER" --dbname=postgres
}

# The limit of the database binds all that connect there, that of the role all its connections. Neither binds a superuser.
application() {
    SECRET=$SECRETS/$1 sql name="$1" connections="$2" <<'SQL'
\set password `tr -d '\r\n' <"$SECRET"`
SELECT format('CREATE ROLE %I', :'name') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
ALTER ROLE :"name" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    CONNECTION LIMIT :connections PASSWORD :'password';
SELECT format('CREATE DATABASE %I', :'name') WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
ALTER DATABASE :"name" OWNER TO :"name";
ALTER DATABASE :"name" CONNECTION LIMIT :connections;
SQL
}

# What `pgcommons role-sql` prints.
monitor() {
    SECRET=$SECRETS/pgcommons sql <<'SQL'
\set password `tr -d '\r\n' <"$SECRET"`
SELECT 'CREATE ROLE pgcommons' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgcommons') \gexec
ALTER ROLE pgcommons LOGIN INHERIT NOSUPERUSER CONNECTION LIMIT 3 PASSWORD :'password';
GRANT pg_monitor TO pgcommons;
GRANT CONNECT ON DATABASE postgres TO pgcommons;
ALTER ROLE pgcommons SET default_transaction_read_only = on;
ALTER ROLE pgcommons SET search_path = pg_catalog;
-- A slot that applications cannot take, since 16; it exists once reserved_connections is 1 or more.
SELECT 'GRANT pg_use_reserved_connections TO pgcommons'
    WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = 'pg_use_reserved_connections') \gexec
SQL
}

# Every role may connect to every database until PUBLIC may not; and to temporary tables, which fill the disk of all.
close_databases() {
    sql <<'SQL'
SELECT format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', datname) FROM pg_database WHERE datallowconn \gexec
SQL
}

check
for application in "${applications[@]}"; do
    application "${application%:*}" "${application#*:}"
done
monitor
close_databases
