//! Numbers for people.

use bytesize::ByteSize;

/// A size in bytes, as in 1.5 GiB.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a size outside of the range becomes its end"
)]
pub(super) fn bytes(size: f64) -> String {
    ByteSize(size as u64).to_string()
}

/// A share as whole percent.
pub(super) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// A time in days; a long one without its fraction, and less than one in hours.
pub(super) fn days(days: f64) -> String {
    if days < 1.0 {
        format!("{:.0} hours", (days * 24.0).ceil())
    } else if days < 10.0 {
        format!("{days:.1} days")
    } else {
        format!("{days:.0} days")
    }
}
