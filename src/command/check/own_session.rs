//! The session of the check itself. It ends with the check and takes nothing from a tenant, so it counts against no limit.

use crate::sample::{Activity, Oid};

/// `role` and `dbname` are those of the session. It is active, because it asks. Without the privilege to see all sessions it
/// cannot be told apart, and nothing is counted.
pub(super) fn leave_out(activity: &mut Activity, role: Oid, dbname: &str) {
    let mut databases = activity.catalogue.databases.iter();
    let Some(database) = databases.find(|row| row.name == dbname) else {
        return;
    };
    let own = activity.sessions.iter_mut().find(|group| {
        group.role == Some(role)
            && group.database == Some(database.oid)
            && group.state == Some("active")
            && group.backend_type == Some("client backend")
            && group.application_name == crate::postgres::APPLICATION_NAME
    });
    if let Some(own) = own {
        own.count = own.count.saturating_sub(1);
    }
    activity.sessions.retain(|group| group.count > 0);
}
