//! A model of how PostgreSQL checks a login. It opens connections until one is refused; headroom must be that number.

use proptest::prelude::*;

use super::tests::{AGENT_VERSION, clients, info, login, tenant};
use super::*;
use crate::sample::Sessions;

/// PostgreSQL's check of one login: it takes the slot first, then compares the slots that are left.
fn admits(server: &ServerInfo, role: &Role, database: &Database, opened: &[Sessions]) -> bool {
    let mine = |count: &dyn Fn(&Sessions) -> bool| {
        1 + opened
            .iter()
            .filter(|group| count(group))
            .map(|group| group.count)
            .sum::<u32>()
    };
    let taken = mine(&|_| true);
    if taken > server.max_connections {
        return false;
    }
    let free = server.max_connections - taken;
    let reserved = server.reserved_connections.unwrap_or(0);
    let kept = server.superuser_reserved_connections + reserved;
    let slot = role.superuser
        || free >= kept
        || role.uses_reserved_connections && free >= server.superuser_reserved_connections;
    let within =
        |limit: i32, count: u32| limit < 0 || role.superuser || count <= limit.unsigned_abs();
    slot && within(
        role.connection_limit,
        mine(&|group| group.role == Some(role.oid)),
    ) && within(
        database.connection_limit,
        mine(&|group| group.database == Some(database.oid)),
    )
}

/// Opens connections until the model refuses.
fn openable(server: &ServerInfo, role: &Role, database: &Database, opened: &[Sessions]) -> u32 {
    let mut opened = opened.to_vec();
    let mut count = 0;
    while admits(server, role, database, &opened) {
        opened.push(clients(database.oid, role.oid, 1));
        count += 1;
    }
    count
}

proptest! {
    #[test]
    fn headroom_is_what_can_really_be_opened(
        max in 1_u32..40, superuser_reserved in 0_u32..4, reserved in 0_u32..4,
        database_limit in -1_i32..20, role_limit in -1_i32..20,
        superuser in any::<bool>(), uses_reserved in any::<bool>(),
        groups in prop::collection::vec((1_u32..4, 1_u32..4, 1_u32..5), 0..12),
    ) {
        prop_assume!(superuser_reserved + reserved < max);
        let server_info = info(max, superuser_reserved, Some(reserved));
        let slots = ConnectionSlots::of(&server_info, &Policy::default());
        let opened: Vec<Sessions> = groups.into_iter().map(|(d, r, n)| clients(d, r, n)).collect();
        let usage = Usage::count(&opened, AGENT_VERSION);
        let tenant = tenant(database_limit);
        let role_row = Role { superuser, uses_reserved_connections: uses_reserved, ..login(role_limit) };

        let unlimited = Database { oid: 99, connection_limit: -1, ..tenant.clone() };
        prop_assert_eq!(
            role(&role_row, &usage, slots).headroom(),
            Some(openable(&server_info, &role_row, &unlimited, &opened))
        );
        let ordinary = Role { oid: 98, ..login(-1) };
        prop_assert_eq!(
            database(&tenant, None, &usage, slots).headroom(),
            Some(openable(&server_info, &ordinary, &tenant, &opened))
        );
        prop_assert_eq!(
            server(&usage, slots).headroom(),
            Some(openable(&server_info, &ordinary, &unlimited, &opened))
        );
    }
}
