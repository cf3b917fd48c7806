//! Who may ask. A stranger learns nothing, not even by a clock, of which users there are; trying passwords costs one
//! processor at most, and those who were let in once do not wait behind it.

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

/// A longer header cannot hold a name and a password that are meant.
const HEADER_BYTES: usize = 1024;
/// Requests that may wait for their password to be tried; the next ones are told to come again.
const QUEUE: usize = 16;

/// Those who may ask.
pub(super) struct Users {
    known: BTreeMap<String, User>,
    /// Stands in for whoever is not there.
    stranger: User,
    /// Of this process alone, so what is remembered is of no use elsewhere.
    key: hmac::Key,
    /// The cost of the costliest hash, which every failure has.
    cost: u32,
}

struct User {
    hash: PasswordHash,
    /// The password that was right, as a keyed digest: bcrypt would take a tenth of a second at every scrape.
    verified: OnceLock<hmac::Tag>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Welcome,
    Refused,
    /// Too many are waiting.
    Busy,
}

/// The way to bcrypt: one at a time, and only so many waiting. Outlives the users.
pub(super) struct Turns {
    waiting: Arc<Semaphore>,
    turn: Arc<Semaphore>,
}

/// What a client says of itself.
pub(super) struct Credentials {
    name: String,
    password: Zeroizing<Vec<u8>>,
}

impl Users {
    /// None: there are none, and everybody may ask.
    pub(super) fn new(hashes: BTreeMap<String, PasswordHash>) -> Option<Self> {
        let cost = hashes.values().map(PasswordHash::cost).max()?;
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .expect("the system has random bytes");
        let stranger = User::new(PasswordHash::decoy(cost));
        let known = hashes
            .into_iter()
            .map(|(name, hash)| (name, User::new(hash)));
        Some(Self {
            known: known.collect(),
            stranger,
            key,
            cost,
        })
    }

    pub(super) async fn verdict(
        self: &Arc<Self>,
        credentials: Credentials,
        turns: &Turns,
    ) -> Verdict {
        if self.remembers(&credentials) {
            return Verdict::Welcome;
        }
        let Ok(waiting) = Arc::clone(&turns.waiting).try_acquire_owned() else {
            return Verdict::Busy;
        };
        let Ok(turn) = Arc::clone(&turns.turn).acquire_owned().await else {
            return Verdict::Busy;
        };
        // Whoever came with the same before has paid for it.
        if self.remembers(&credentials) {
            return Verdict::Welcome;
        }
        let users = Arc::clone(self);
        let trying = tokio::task::spawn_blocking(move || {
            // Held to the end, even if the client has gone away by then.
            let _held: [OwnedSemaphorePermit; 2] = [waiting, turn];
            users.try_password(&credentials)
        });
        match trying.await {
            Ok(true) => Verdict::Welcome,
            Ok(false) => Verdict::Refused,
            Err(_) => Verdict::Busy,
        }
    }

    fn remembers(&self, credentials: &Credentials) -> bool {
        let user = self.known.get(&credentials.name);
        let verified = user.unwrap_or(&self.stranger).verified.get();
        verified
            .is_some_and(|tag| hmac::verify(&self.key, &credentials.password, tag.as_ref()).is_ok())
    }

    /// Takes long. A failure always takes as long as the costliest hash: a cheaper one is followed by others, so that
    /// 2^c + 2^c + 2^(c+1) ... come to the same.
    fn try_password(&self, credentials: &Credentials) -> bool {
        let known = self.known.get(&credentials.name);
        let user = known.unwrap_or(&self.stranger);
        let fits = user.hash.fits(&credentials.password);
        if fits && known.is_some() {
            // A password beyond bcrypt's 72 bytes may fit in more than one spelling; the first is remembered.
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

impl Default for Turns {
    fn default() -> Self {
        Self {
            waiting: Arc::new(Semaphore::new(QUEUE)),
            turn: Arc::new(Semaphore::new(1)),
        }
    }
}

impl Credentials {
    /// Of an `Authorization` header (RFC 7617). bcrypt takes "x" and "x\0x" for the same, so no password may hold a zero.
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
