//! Series limits: which names have series of their own, and which databases and roles are exported one by one.

pub(crate) mod slots;
pub(crate) mod tenants;
