//! The live page and the page of one tenant, as HTML from a `Status`. Every name that a tenant chooses goes through `html`. The
//! pages work without the script, which only replaces what has changed. They load nothing from elsewhere.

mod chart;
mod databases;
mod html;
mod overview;
mod parts;
mod tenant;
#[cfg(test)]
mod tests;

pub(crate) use overview::{Listed, overview};
pub(crate) use tenant::{TenantPage, tenant};

/// `/page.css`
pub(crate) const STYLE: &str = include_str!("page/page.css");
/// `/page.js`
pub(crate) const SCRIPT: &str = include_str!("page/page.js");

/// No inline script and no inline style, so that a name that is not escaped could do nothing.
pub(crate) const SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
