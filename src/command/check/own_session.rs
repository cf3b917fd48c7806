//! Excludes the session of the check itself from the counts: it ends with the check.

use crate::sample::{Activity, Oid};

/// `role` and `dbname` identify the session. Its state is active, because it runs the query, and it counts as waiting for nothing. Without `pg_monitor` the session
/// cannot be identified, but then no sessions are counted.
pub(super) fn exclude(activity: &mut Activity, role: Oid, dbname: &str) {
    let mut databases = activity.catalogue.databases.iter();
    let Some(database) = databases.find(|row| row.name == dbname) else {
        return;
    };
    let own = activity.sessions.iter_mut().find(|group| {
        group.role == Some(role)
            && group.database == Some(database.oid)
            && group.state == Some("active")
            && group.wait.is_none()
            && group.backend_type == Some("client backend")
            && group.application_name == crate::postgres::APPLICATION_NAME
    });
    if let Some(own) = own {
        own.count = own.count.saturating_sub(1);
    }
    activity.sessions.retain(|group| group.count > 0);
}
