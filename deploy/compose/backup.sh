#!/bin/sh
# Dumps every database of PGHOST into the current folder, each night at HOUR (UTC) and at the first start. `backup.sh once` dumps them
# once. A dump gets its name when it is complete. Dumps older than KEEP_DAYS days are removed after a night without a failure.
set -eu
umask 027 # the agent reads the files as a member of the group
export PGUSER="${PGUSER:-postgres}" LC_ALL=C
PGPASSWORD="${PGPASSWORD:-$(cat "${SECRETS:-/run/secrets}/postgres")}"
export PGPASSWORD

# databases: the names, each with a NUL after it. A name may have any other character.
databases() {
    PGDATABASE=postgres psql -XAtq0 --set=ON_ERROR_STOP=1 --command="
        SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate AND datconnlimit <> -2 ORDER BY 1"
}

# dump NAME: not as an argument of pg_dump, which would take `host=...` for a connection string. The file names the database inside.
dump() {
    file=$(printf %s "$1" | tr -c 'A-Za-z0-9_-' _)
    [ "$file" = "$1" ] || file=$file.$(printf %s "$1" | cksum | cut -d ' ' -f 1)
    file=$file-$(date +%s).dump
    PGDATABASE=$1 pg_dump --format=custom --file="$file.part" && mv -- "$file.part" "$file"
}

dump_all() {
    rm -f -- *.part # of a dump that was interrupted
    PGDATABASE=postgres pg_dumpall --globals-only >globals.part # the roles
    mv globals.part "globals-$(date +%s).sql"
    databases >.databases
    xargs -0 -n 1 "$0" dump <.databases
    find . -name '*-*.dump' -mtime "+${KEEP_DAYS:-14}" -exec rm -f {} +
    find . -name 'globals-*.sql' -mtime "+${KEEP_DAYS:-14}" -exec rm -f {} +
}

case "${1:-}" in
    dump) dump "$2" ;;
    once) dump_all ;;
    *)
        while :; do
            "$0" once || echo "backup.sh: not all databases were dumped" >&2
            sleep $((86400 - ($(date +%s) - ${HOUR:-2} * 3600) % 86400))
        done
        ;;
esac
