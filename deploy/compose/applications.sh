#!/usr/bin/env bash
# Creates a role and a database for each application, revokes access to the
# databases of the others, and creates the role of pgcommons. The official
# PostgreSQL image runs it from /docker-entrypoint-initdb.d when it initializes a
# server. Run it again to add an application, change limits or change passwords:
#   docker compose exec postgres /docker-entrypoint-initdb.d/applications.sh
# It reads APPLICATIONS, such as "shop:20 wiki:10" (name and maximum number of
# connections), and the password of each from /run/secrets/NAME.
set -euo pipefail
export LC_ALL=C
: "${POSTGRES_USER:=postgres}" "${SECRETS:=/run/secrets}"
read -r -d '' -a applications <<<"${APPLICATIONS:-}" || true

fail() {
    echo "applications.sh: $1" >&2
    exit 1
}

# Validates all input before it changes anything.
check() {
    local application name names=" "
    ((${#applications[@]})) || fail "APPLICATIONS is empty; want NAME:CONNECTIONS ..."
    for application in "${applications[@]}"; do
        [[ $application =~ ^[a-z_][a-z0-9_]{0,62}:[1-9][0-9]{0,3}$ ]] ||
            fail "'$application' in APPLICATIONS: want NAME:CONNECTIONS, the name of a-z, 0-9 and _"
        name=${application%:*}
        case $name in
            postgres | pgcommons | pg_* | template0 | template1 | public | none | "$POSTGRES_USER") fail "$name cannot be an application" ;;
        esac
        [[ $names != *" $name "* ]] || fail "$name is listed twice in APPLICATIONS"
        names+="$name "
        check_secret "$name"
    done
    check_secret pgcommons
    check_superusers "$names"
}

# UTF-8 without NUL, line feed and carriage return, as hexadecimal digits, because a variable cannot hold a NUL byte.
readonly TEXT='^([1-7].|0[1-9bcef]|(c[2-9a-f]|d.)[89ab].|(e0[ab].|e[1-9abcef][89ab].|ed[89].)[89ab].|(f0[9ab].|f[1-3][89ab].|f48.)([89ab].){2})+$'

check_secret() {
    local file=$SECRETS/$1 bytes
    [[ -r $file ]] || fail "the password file $file is missing, or $(id -un) may not read it"
    bytes=$(od -An -v -tx1 <"$file" | tr -d ' \n')
    while [[ $bytes == *0[ad] ]]; do bytes=${bytes%??}; done
    [[ $bytes ]] || fail "the password file $file is empty"
    [[ $bytes =~ $TEXT ]] || fail "the password file $file is not one line of UTF-8 text"
    # PostgreSQL would store such a text as a verifier, not as a password.
    [[ ! $(tr -d '\r\n' <"$file") =~ ^(SCRAM-SHA-256\$|md5[0-9a-f]{32}$) ]] ||
        fail "the password file $file holds a verifier (SCRAM-SHA-256 or md5), not a password"
}

# Refuses superusers, because this script would make them ordinary roles.
check_superusers() {
    local superuser
    superuser=$(
        sql names="$1" <<'SQL'
SELECT min(rolname::text) FROM pg_roles
    WHERE rolsuper AND rolname::text = ANY (string_to_array(:'names', ' ') || 'pgcommons'::text)
SQL
    )
    [[ ! $superuser ]] || fail "the role $superuser is a superuser, and this script would change that"
}

# sql [NAME=VALUE...]: runs standard input as the superuser. No password appears in the server log or in the process list.
# The search_path excludes the schema public, where other roles may have created functions.
sql() {
    {
        printf 'SET %s;\n' "client_min_messages = warning" "search_path = pg_catalog" "password_encryption = 'scram-sha-256'" "log_statement = 'none'" \
            "log_min_duration_statement = -1" "log_min_error_statement = 'panic'"
        cat
    } | psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 "${@/#/--set=}" --username="$POSTGRES_USER" --dbname=postgres
}

# The limit of the database applies to all its connections, the limit of the role to all connections of the role. Neither
# applies to superusers.
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

# The same statements as `pgcommons role-sql`.
monitor() {
    SECRET=$SECRETS/pgcommons sql <<'SQL'
\set password `tr -d '\r\n' <"$SECRET"`
SELECT 'CREATE ROLE pgcommons' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgcommons') \gexec
ALTER ROLE pgcommons LOGIN INHERIT NOSUPERUSER CONNECTION LIMIT 3 PASSWORD :'password';
GRANT pg_monitor TO pgcommons;
GRANT CONNECT ON DATABASE postgres TO pgcommons;
ALTER ROLE pgcommons SET default_transaction_read_only = on;
ALTER ROLE pgcommons SET search_path = pg_catalog;
-- PostgreSQL 16 and later: allows the use of slots that reserved_connections keeps free.
SELECT 'GRANT pg_use_reserved_connections TO pgcommons'
    WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = 'pg_use_reserved_connections') \gexec
SQL
}

# By default PUBLIC may connect to every database, and may create temporary tables, which fill the shared disk.
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
