"""Panels about the backups of one server and of one database."""
import queries
import style
import table
from board import path, row
from panels import chart, limit, stat
from queries import DATABASE, ONE_DATABASE, ONE_SERVER as s, SERVER
from table import Column

STATE = {"missing": ("no backup", "red"), "incomplete": ("incomplete", "red"), "unreadable": ("unreadable", "orange"),
         "shrunk": ("shrunk", "orange"), "unproven": ("unproven", "text"), "complete": ("complete", "green")}


def age(scope):
    """A rule adds backups of the whole server. Without the rules, files only."""
    newest = (f"{scope.max(DATABASE, 'pgcommons:database_backup_timestamp_seconds:newest')}\n"
              f"or {scope.max(DATABASE, 'pgcommons_database_backup_newest_timestamp_seconds')}")
    return f"time() - ({newest})"


def max_age(scope):
    return scope.max(DATABASE, "pgcommons_database_backup_max_age_seconds")


def state(scope):
    """The state of the newest file; `missing` for a database without one."""
    by = f"{DATABASE}, state"
    missing = scope.max(DATABASE, "pgcommons_database_backup_missing")
    return (f"{scope.max(by, 'pgcommons_database_backup_state')}\n"
            f'or on ({DATABASE}) label_replace({missing}, "state", "missing", "", "")')


def of_server():
    columns = [
        Column("Database", label="datname", link=path("Tenant", "server", datname="__value.raw") + "&${__url_time_range}"),
        Column("Newest file", state(s), label="state", width=110, texts=STATE),
        Column("Age", age(s), unit=style.SECONDS, decimals=1, width=90),
        Column("Max age", max_age(s), unit=style.SECONDS, decimals=1, width=90),
        Column("Of max age", queries.share(f"({age(s)})", max_age(s)), unit=style.SHARE, decimals=0, width=110,
               steps=style.BACKUP_AGE),
        Column("Size", s.max(DATABASE, "pgcommons_database_backup_newest_size_bytes"), unit=style.BYTES, decimals=1, width=90),
        Column("Missing", s.max(DATABASE, "pgcommons_database_backup_missing"), hidden=True),
    ]
    listed = table.table(
        "Backups", "The state of the newest backup file of each database, and the age and size of the newest complete one: databases "
        "without a backup first, then the oldest against their limits. A backup of the whole server, which another tool made, counts for every database.",
        columns, order=[("Missing", True), ("Of max age", True)], hide=["server"], missing="servers.NAME.backups is not configured")
    return row(
        7, listed,
        stat("No backup", "Databases without a complete backup. Unknown while the server is down or a directory cannot be "
             "listed.", s.max(SERVER, "pgcommons_databases_without_backup"), steps=style.ANY_IS_BAD, decimals=0),
        stat("No database", "Databases that have backups and do not exist: dropped or renamed.",
             s.max(SERVER, "pgcommons_backups_without_database"), steps=style.PLAIN, decimals=0),
        stat("Unreadable", "Directories of backups that cannot be listed completely. A newer backup may be there.",
             s.max(SERVER, "pgcommons_backup_directories_unreadable"), steps=style.ANY_IS_DOUBTFUL, decimals=0),
        widths=(15, 3, 3, 3))


def of_database():
    panel = chart("Age of the newest complete backup", "How old the newest complete backup is, and the age at which it is stale.",
                  [(age(ONE_DATABASE), "age"), (max_age(ONE_DATABASE), "max age")], style.SECONDS,
                  missing="no backup, or not configured")
    limit(panel, "max age")
    return row(
        6, panel,
        table.table("Newest backup file", "Its state: complete; incomplete: cut off, damaged, empty or no dump; shrunk: below half of the "
                    "median size of the last five; unproven: encrypted, or compressed by a method that is not read.",
                    [Column("State", state(ONE_DATABASE), label="state", texts=STATE)], order=[("State", False)],
                    hide=["server", "datname"], missing="unknown"),
        stat("Backup size", "The size of the file of the newest complete backup. With pg_dumpall, of the file with all databases.",
             ONE_DATABASE.max(DATABASE, "pgcommons_database_backup_newest_size_bytes"), style.BYTES, decimals=1),
        widths=(14, 5, 5))
