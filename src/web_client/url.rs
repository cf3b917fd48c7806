//! The address of a request.

use std::fmt;

use hyper::Uri;
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use rustls::pki_types::ServerName;

/// An `http` or `https` address. Its path and query may be secrets, so messages show only the origin.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Url {
    is_https: bool,
    authority: Authority,
    path: PathAndQuery,
}

impl fmt::Debug for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Url({})", self.origin())
    }
}

impl Url {
    /// What an address must be, for messages.
    pub(crate) const WANT: &str =
        "an http:// or https:// address without a user and a password in it";

    /// None: it is no such address.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parts = text.parse::<Uri>().ok()?.into_parts();
        let scheme = parts.scheme?;
        let authority = parts.authority?;
        let is_https = scheme == Scheme::HTTPS;
        let is_usable = (is_https || scheme == Scheme::HTTP)
            && !authority.as_str().contains('@')
            && !authority.host().is_empty();
        let has_port = authority.as_str().len() == authority.host().len()
            || authority.port_u16().is_some_and(|port| port > 0);
        (is_usable && has_port).then(|| Self {
            is_https,
            authority,
            path: parts
                .path_and_query
                .unwrap_or_else(|| PathAndQuery::from_static("/")),
        })
    }

    /// The same address with `suffix` at the end of its path, and without its query. None: that is no address.
    pub(crate) fn with_path(&self, suffix: &str) -> Option<Self> {
        let path = format!("{}{suffix}", self.path.path().trim_end_matches('/'));
        Some(Self {
            path: path.parse().ok()?,
            ..self.clone()
        })
    }

    /// The path without its last part, and that part: `/a` and `b` of `/a/b`.
    pub(crate) fn split_last(&self) -> (Self, &str) {
        let path = self.path.path().trim_end_matches('/');
        let (parent, last) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = if parent.is_empty() { "/" } else { parent };
        let path = parent.parse().expect("a part of a path is a path");
        let parent = Self {
            path,
            ..self.clone()
        };
        (parent, last)
    }

    /// The address as it is sent to a browser. It may be a secret.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.origin(), self.path)
    }

    /// `https://example.org:8443`, for messages.
    pub(crate) fn origin(&self) -> String {
        let scheme = if self.is_https { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }

    pub(super) fn is_https(&self) -> bool {
        self.is_https
    }

    pub(super) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// Without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> &str {
        self.authority.host().trim_matches(['[', ']'])
    }

    pub(super) fn port(&self) -> u16 {
        let default = if self.is_https { 443 } else { 80 };
        self.authority.port_u16().unwrap_or(default)
    }

    /// The name that the certificate must have. None: the host is neither a name nor an address.
    pub(super) fn server_name(&self) -> Option<ServerName<'static>> {
        ServerName::try_from(self.host().to_owned()).ok()
    }

    pub(super) fn path_and_query(&self) -> Uri {
        Uri::from(self.path.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(String, u16, String)> {
        let url = Url::parse(text)?;
        let target = url.path_and_query().to_string();
        Some((url.host().to_owned(), url.port(), target))
    }

    #[test]
    fn addresses_have_a_host_a_port_and_a_target() {
        for (text, host, port, target) in [
            ("http://am:9093", "am", 9093, "/"),
            ("https://ntfy.sh/topic", "ntfy.sh", 443, "/topic"),
            ("http://[::1]:80/a?b=c", "::1", 80, "/a?b=c"),
        ] {
            let found = parsed(text).expect(text);
            assert_eq!(found, (host.to_owned(), port, target.to_owned()), "{text}");
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        for text in [
            "",
            "example.org",
            "/path",
            "ftp://example.org/",
            "https://user:secret@example.org/",
            "https://",
            "http://host:0/",
            "http://host:99999/",
            "http://a b/",
        ] {
            assert_eq!(Url::parse(text), None, "{text}");
        }
    }

    #[test]
    fn messages_show_no_path() {
        let url = Url::parse("https://hooks.example.org/T0/secret?token=1").expect("an address");
        assert_eq!(format!("{url:?}"), "Url(https://hooks.example.org)");
    }

    #[test]
    fn paths_are_joined_and_split() {
        let url = Url::parse("http://host/base/").expect("an address");
        let joined = url.with_path("/api/v2/alerts").expect("an address");
        assert_eq!(joined.text(), "http://host/base/api/v2/alerts");
        let (parent, last) = joined.split_last();
        assert_eq!(
            (parent.text().as_str(), last),
            ("http://host/base/api/v2", "alerts")
        );
        let topic = Url::parse("http://host/topic").expect("an address");
        let (root, name) = topic.split_last();
        assert_eq!((root.text().as_str(), name), ("http://host/", "topic"));
    }
}
