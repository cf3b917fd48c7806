//! Basic authentication. Neither the answer nor its time shows whether a user exists. Password guessing uses at most one CPU core,
//! and clients whose password was verified before do not wait for it.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use ring::hmac;
use ring::rand::SystemRandom;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use crate::config::PasswordHash;

/// A longer header is rejected: no real name and password need it.
const HEADER_BYTES: usize = 1024;
/// Requests that may wait for bcrypt. Further ones get 503.
const MAX_WAITING: usize = 16;

/// The users of the web file.
pub(super) struct Users {
    known: BTreeMap<String, User>,
    /// Takes the place of a user that does not exist.
    unknown: User,
    /// Random for each process, so that the stored digests are useless elsewhere.
    key: hmac::Key,
    /// The highest cost of all hashes. Every failure takes as long as this one.
    cost: u32,
}

struct User {
    hash: PasswordHash,
    /// A keyed digest of the verified password: bcrypt would take a tenth of a second for every scrape.
    verified: OnceLock<hmac::Tag>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    Rejected,
    /// Too many requests wait for bcrypt.
    Busy,
}

/// Runs bcrypt for one request at a time and limits how many wait. It is kept when the users change.
pub(super) struct BcryptQueue {
    waiting: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

/// The name and the password that a client sends.
pub(super) struct Credentials {
    name: String,
    password: Zeroizing<Vec<u8>>,
}

impl Users {
    /// None: no users are configured, so no password is required.
    pub(super) fn new(hashes: BTreeMap<String, PasswordHash>) -> Option<Self> {
        let cost = hashes.values().map(PasswordHash::cost).max()?;
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .expect("the system has random bytes");
        let unknown = User::new(PasswordHash::decoy(cost));
        let known = hashes
            .into_iter()
            .map(|(name, hash)| (name, User::new(hash)));
        Some(Self {
            known: known.collect(),
            unknown,
            key,
            cost,
        })
    }

    pub(super) async fn authenticate(
        self: &Arc<Self>,
        credentials: Credentials,
        queue: &BcryptQueue,
    ) -> Verdict {
        if self.is_verified(&credentials) {
            return Verdict::Accepted;
        }
        let Ok(waiting) = Arc::clone(&queue.waiting).try_acquire_owned() else {
            return Verdict::Busy;
        };
        let Ok(running) = Arc::clone(&queue.running).acquire_owned().await else {
            return Verdict::Busy;
        };
        // A request with the same password may have been verified meanwhile.
        if self.is_verified(&credentials) {
            return Verdict::Accepted;
        }
        let users = Arc::clone(self);
        let verifying = tokio::task::spawn_blocking(move || {
            // Held until bcrypt ends, even if the client disconnects before.
            let _held: [OwnedSemaphorePermit; 2] = [waiting, running];
            users.verify(&credentials)
        });
        match verifying.await {
            Ok(true) => Verdict::Accepted,
            Ok(false) => Verdict::Rejected,
            Err(_) => Verdict::Busy,
        }
    }

    fn is_verified(&self, credentials: &Credentials) -> bool {
        let user = self.known.get(&credentials.name);
        let verified = user.unwrap_or(&self.unknown).verified.get();
        verified
            .is_some_and(|tag| hmac::verify(&self.key, &credentials.password, tag.as_ref()).is_ok())
    }

    /// Runs bcrypt, so it blocks. Every failure takes as long as the hash with the highest cost: after a hash of cost c, hashes of
    /// cost c, c + 1, ... are computed, because 2^c + 2^c + 2^(c+1) + ... adds up to the same time.
    fn verify(&self, credentials: &Credentials) -> bool {
        let known = self.known.get(&credentials.name);
        let user = known.unwrap_or(&self.unknown);
        let fits = user.hash.fits(&credentials.password);
        if fits && known.is_some() {
            // bcrypt ignores bytes after the 72nd, so several passwords may match. Only the first one is stored.
            user.verified
                .get_or_init(|| hmac::sign(&self.key, &credentials.password));
            return true;
        }
        for cost in user.hash.cost()..self.cost {
            std::hint::black_box(PasswordHash::decoy(cost).fits(&credentials.password));
        }
        false
    }
}

impl User {
    fn new(hash: PasswordHash) -> Self {
        Self {
            hash,
            verified: OnceLock::new(),
        }
    }
}

impl Default for BcryptQueue {
    fn default() -> Self {
        Self {
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
            running: Arc::new(Semaphore::new(1)),
        }
    }
}

impl Credentials {
    /// Parses an `Authorization` header (RFC 7617). A password with a zero byte is rejected, because bcrypt treats "x" and "x\0x"
    /// alike.
    pub(super) fn parse(header: &HeaderValue) -> Option<Self> {
        let header = Some(header.as_bytes()).filter(|bytes| bytes.len() <= HEADER_BYTES)?;
        let (scheme, encoded) = header.split_at_checked(6)?;
        if !scheme.eq_ignore_ascii_case(b"basic ") {
            return None;
        }
        let decoded = Zeroizing::new(STANDARD.decode(encoded.trim_ascii()).ok()?);
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        let (name, password) = decoded.split_at(colon);
        let password = Zeroizing::new(password.strip_prefix(b":")?.to_vec());
        let name = str::from_utf8(name).ok()?.to_owned();
        (!password.contains(&0)).then_some(Self { name, password })
    }
}

#[cfg(test)]
mod tests;
