"""Expressions about the resources that all databases of a server share."""
from queries import DATABASE, SERVER, size

RESOURCE = "server, resource"
HOLDER = "server, datname, resource"
# Full pools of these only make work wait. They are full at times on any busy server.
WAITING = "autovacuum_workers|parallel_workers"
# Shares from which a resource needs attention, as the rules and `pgcommons check` have them: the lock table holds up to 1.9 times
# its nominal size; vacuum has failed for long before half of the ids are used.
LIMITS = (
    ("connections|wal", 0.8, 0.95),
    ("storage", 0.85, 0.95),
    ("transaction_ids|multixact_ids", 0.56, 0.79),
    ("lock_table", 1, 1.4),
    ("worker_processes|logical_replication_workers|wal_senders|replication_slots|prepared_transactions", 0.9, None),
)
STATE = {0: ("critical", "red"), 1: ("warning", "orange"), 2: ("full, work waits", "blue"), 3: ("ok", "green")}
NAMES = {name: (name.replace("_", " ").replace("ids", "IDs").replace("wal", "WAL"), "text") for name in (
    "connections", "storage", "wal", "transaction_ids", "multixact_ids", "lock_table", "worker_processes", "parallel_workers",
    "logical_replication_workers", "autovacuum_workers", "wal_senders", "replication_slots", "prepared_transactions")}


def used(scope, *matchers):
    return scope.max(RESOURCE, "pgcommons_resource_utilization_ratio", *matchers)


def limit(scope):
    return scope.max(RESOURCE, "pgcommons_resource_slots_limit")


def first(scope):
    """The resource of each server that runs out first."""
    refusing = used(scope, f'resource!~"{WAITING}"')
    return f"topk by (server) (1, {refusing})"


def state(scope):
    """A key of STATE for each resource."""
    def of(resources):
        return used(scope, f'resource=~"{resources}"')

    critical = [f"0 * ({of(names)} >= {limit})" for names, _, limit in LIMITS if limit]
    warning = [f"1 + 0 * ({of(names)} >= {limit})" for names, limit, _ in LIMITS]
    return "\nor ".join([*critical, *warning, f"2 + 0 * ({of(WAITING)} >= 1)", f"3 + 0 * {used(scope)}"])


def named(expression, resource):
    return f'label_replace({expression}, "resource", "{resource}", "", "")'


def oldest(scope, metric, resource):
    """The ids in use are the age of the oldest database."""
    ages = named(f"topk by (server) (1, {scope.max(DATABASE, metric)})", resource)
    return f"0 * {ages} + on ({RESOURCE}) group_left () {used(scope)}"


def holders(scope):
    """What each database holds, as a share of the limit."""
    slots = scope.max(HOLDER, "pgcommons_database_resource_slots_used")
    of_server = {
        "connections": (scope.max(DATABASE, "pgcommons_database_connections"), scope.max(SERVER, "pgcommons_server_connections_limit")),
        "storage": (size(scope), capacity(scope)),
        "wal": (scope.max(DATABASE, "pgcommons_database_wal_retained_bytes"),
                scope.max(SERVER, "pg_settings_max_slot_wal_keep_size_bytes")),
    }
    shares = [f"{slots} / on ({RESOURCE}) group_left () {limit(scope)}"]
    shares += [named(f"{held} / on (server) group_left () ({whole} > 0)", name) for name, (held, whole) in of_server.items()]
    shares += [oldest(scope, "pg_database_wraparound_age_datfrozenxid_seconds", "transaction_ids"),
               oldest(scope, "pg_database_wraparound_age_datminmxid_seconds", "multixact_ids")]
    return "\n  or ".join(shares)


def largest(scope):
    """The database that holds most of each resource."""
    return f"topk by ({RESOURCE}) (1, ({holders(scope)}) > 0)"


def capacity(scope):
    """Of the volume of the databases: as measured, or else as configured."""
    return volume_of_databases(scope, "pgcommons_server_storage_capacity_bytes")


def volume_of_databases(scope, metric):
    measured, configured = (scope.max(SERVER, metric, 'volume="data"', f'source="{source}"') for source in ("measured", "configured"))
    return f"({measured} or {configured})"

