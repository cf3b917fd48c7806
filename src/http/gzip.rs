//! The page in fewer bytes, for those who accept it.

use std::io::{self, Write};
use std::sync::{LazyLock, Mutex};

use bytes::Bytes;
use flate2::write::ZlibEncoder;
use flate2::{Compress, Compression};
use hyper::header::{ACCEPT_ENCODING, HeaderMap};

/// Base-2 logarithm of how far back repetition is looked for, in bytes.
const WINDOW_BITS: u8 = 15;

/// Made for the first page and kept for all: a compressor takes more memory than the agent holds besides, and what is taken
/// and returned at every scrape leaves the heap in pieces that add up to several times as much.
pub(super) struct Gzip(LazyLock<Mutex<ZlibEncoder<Vec<u8>>>>);

impl Default for Gzip {
    /// Speed before size: the page is made anew at every poll that is looked at.
    fn default() -> Self {
        Self(LazyLock::new(|| {
            let compress = Compress::new_gzip(Compression::fast(), WINDOW_BITS);
            Mutex::new(ZlibEncoder::new_with_compress(Vec::new(), compress))
        }))
    }
}

impl Gzip {
    /// What is written, compressed.
    pub(super) fn page(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Bytes {
        let mut encoder = self.0.lock().expect("no page has panicked");
        let written = write(&mut *encoder).and_then(|()| encoder.reset(Vec::new()));
        let mut page = written.expect("writing to memory cannot fail");
        page.shrink_to_fit(); // it is kept until the next poll
        page.into()
    }
}

pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let codings = headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok());
    codings.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        let quality = parts.find_map(|part| part.strip_prefix("q="));
        named
            && quality
                .is_none_or(|quality| quality.parse::<f32>().is_ok_and(|quality| quality > 0.0))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn pages_are_compressed_each_by_itself_in_the_same_memory() {
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

    #[test]
    fn gzip_is_for_those_who_accept_it() {
        for (value, accepted) in [
            ("gzip", true),
            ("deflate, gzip;q=0.5", true),
            ("*", true),
            ("GZIP", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0", false),
            ("br", false),
            ("gzipped", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(accepts_gzip(&headers), accepted, "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
