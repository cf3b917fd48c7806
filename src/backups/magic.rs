//! Recognizes the content of a file by its first bytes.

/// How a file is compressed or encrypted, by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    None,
    Gzip,
    Zstd,
    /// A compression that is not read here.
    Other(&'static str),
    Encrypted,
}

const SIGNATURES: [(&[u8], Container); 11] = [
    (b"\x1f\x8b", Container::Gzip),
    (b"\x28\xb5\x2f\xfd", Container::Zstd),
    (b"\xfd7zXZ\0", Container::Other("xz")),
    (b"BZh", Container::Other("bzip2")),
    (b"\x04\x22\x4d\x18", Container::Other("lz4")),
    (b"7z\xbc\xaf\x27\x1c", Container::Other("7z")),
    (b"PK\x03\x04", Container::Other("zip")),
    (b"age-encryption.org/", Container::Encrypted),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", Container::Encrypted),
    (b"-----BEGIN PGP MESSAGE-----", Container::Encrypted),
    (b"Salted__", Container::Encrypted), // openssl enc
];

/// Suffixes of encrypted files. Binary messages of `OpenPGP` have no signature of their own.
const ENCRYPTED: [&[u8]; 4] = [b".age", b".gpg", b".pgp", b".enc"];

pub(super) fn container(head: &[u8], name: &[u8]) -> Container {
    let found = SIGNATURES
        .iter()
        .find(|(signature, _)| head.starts_with(signature));
    match found {
        Some((_, container)) => *container,
        None if ENCRYPTED.iter().any(|suffix| name.ends_with(suffix)) => Container::Encrypted,
        // A skippable frame of zstd, such as pzstd writes first.
        None if matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]) => Container::Zstd,
        None => Container::None,
    }
}
