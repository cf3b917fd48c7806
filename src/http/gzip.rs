//! Compresses pages for clients that accept gzip.

use std::io::{self, Write};
use std::sync::{LazyLock, Mutex};

use bytes::Bytes;
use flate2::write::ZlibEncoder;
use flate2::{Compress, Compression};
use hyper::header::{ACCEPT_ENCODING, HeaderMap};

/// Base-2 logarithm of the compression window in bytes.
const WINDOW_BITS: u8 = 15;

/// The compressor, made for the first page and reused for all. It needs more memory than the rest of the agent, and allocating it
/// for every scrape would fragment the heap to several times its size.
pub(super) struct Gzip(LazyLock<Mutex<ZlibEncoder<Vec<u8>>>>);

impl Default for Gzip {
    /// Prefers speed to size, because each scraped poll needs a new page.
    fn default() -> Self {
        Self(LazyLock::new(|| {
            let compress = Compress::new_gzip(Compression::fast(), WINDOW_BITS);
            Mutex::new(ZlibEncoder::new_with_compress(Vec::new(), compress))
        }))
    }
}

impl Gzip {
    /// Compresses what `write` writes.
    pub(super) fn page(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Bytes {
        let mut encoder = self.0.lock().expect("no page has panicked");
        let written = write(&mut *encoder).and_then(|()| encoder.reset(Vec::new()));
        let mut page = written.expect("writing to memory cannot fail");
        page.shrink_to_fit(); // the page is kept until the next poll
        page.into()
    }
}

/// Whether the client prefers gzip to the uncompressed page (RFC 9110, section 12.5.3). A named coding takes precedence over `*`, a
/// weight of 0 forbids a coding, and the higher weight decides between gzip and `identity`.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let weighted: Vec<_> = headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(weighted_coding)
        .collect();
    // A coding that is listed twice gets the lower weight, because 0 means that the client cannot read it.
    let weight = |names: &[&str]| {
        let listed = weighted.iter().filter(|(coding, _)| {
            let is = |name: &&str| coding.eq_ignore_ascii_case(name);
            names.iter().any(is)
        });
        listed.map(|(_, weight)| *weight).min()
    };
    let gzip = weight(&["gzip", "x-gzip"]).or_else(|| weight(&["*"]));
    let identity = weight(&["identity"]).unwrap_or(0);
    gzip.is_some_and(|gzip| gzip > 0 && gzip >= identity)
}

/// A coding with its weight in thousandths. None: the weight is invalid, and the coding is treated as not listed.
fn weighted_coding(listed: &str) -> Option<(&str, u16)> {
    let mut parts = listed.split(';').map(str::trim);
    let coding = parts.next()?;
    let weight = parts.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.eq_ignore_ascii_case("q").then_some(value)
    });
    Some((coding, weight.map_or(Some(1000), thousandths)?))
}

/// `qvalue` of RFC 9110: 0 to 1, with up to three digits after the point.
fn thousandths(weight: &str) -> Option<u16> {
    let (whole, digits) = weight.split_once('.').unwrap_or((weight, ""));
    if digits.len() > 3 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let part = format!("{digits:0<3}").parse().ok()?;
    match (whole, part) {
        ("0", part) => Some(part),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn pages_are_compressed_separately_in_the_same_memory() {
        let gzip = Gzip::default();
        let page = |text: &str| gzip.page(|page| page.write_all(text.as_bytes()));
        page("the first\n");
        let (mut second, text) = (Bytes::new(), "# HELP pg_up\n".repeat(500));
        let spent = allocation_counter::measure(|| second = page(&text));
        let mut read = String::new();
        let decoded = GzDecoder::new(&second[..]).read_to_string(&mut read);
        decoded.expect("it is gzip");
        assert_eq!(read, text);
        assert!(spent.bytes_max < 4096, "{} bytes", spent.bytes_max);
    }

    /// Values of `Accept-Encoding`, and whether they accept gzip.
    const ACCEPT_ENCODINGS: &[(&str, bool)] = &[
        ("gzip", true),
        ("deflate, gzip;q=0.5", true),
        ("*", true),
        ("GZIP", true),
        ("gzip;q=0", false),
        ("gzip; q=0.0", false),
        ("br", false),
        ("gzipped", false),
        ("x-gzip", true),
        // A named coding takes precedence over `*`, in any order.
        ("gzip;q=0, *", false),
        ("*, gzip;q=0", false),
        ("*;q=0.5, gzip;q=0.000", false),
        ("*;q=0, gzip", true),
        ("*;q=0", false),
        ("br;q=1, *;q=0.1", true),
        ("gzip, gzip;q=0", false),
        ("gzip;Q=0", false),
        ("gzip;q=0;x=1", false),
        ("gzip ; q=0.001", true),
        // The higher weight decides.
        ("identity, gzip;q=0.5", false),
        ("identity;q=0.5, gzip", true),
        ("identity, gzip", true),
        ("identity;q=0", false),
        ("identity, *;q=0.5", false),
        // Invalid weights.
        ("gzip;q=inf", false),
        ("gzip;q=NaN", false),
        ("gzip;q=1e3", false),
        ("gzip;q=2", false),
        ("gzip;q=1.001", false),
        ("gzip;q=0.0001", false),
        ("gzip;q=", false),
        ("gzip;q=1.000", true),
        ("gzip;q=1.", true),
        ("", false),
    ];

    #[test]
    fn gzip_is_used_only_if_accepted() {
        for (value, accepted) in ACCEPT_ENCODINGS {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(accepts_gzip(&headers), *accepted, "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
