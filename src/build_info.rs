//! What was built: the version of the package and the revision it was built from.

/// The version of the package.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The revision it was built from; `unknown` outside a checkout.
pub(crate) const REVISION: &str = env!("PGCOMMONS_REVISION");

/// What `--version` prints.
pub(crate) const VERSION_LINE: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (revision ",
    env!("PGCOMMONS_REVISION"),
    ")"
);
