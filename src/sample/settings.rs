//! The numeric and boolean settings of a server, in base units.

/// One setting.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Setting {
    /// The name in PostgreSQL with `_` for each dot, and with its base unit: `work_mem_bytes`.
    pub(crate) name: Box<str>,
    /// 1 and 0 for on and off. -1 stays -1, whatever the unit: it means no limit, or another setting's value.
    pub(crate) value: f64,
}
