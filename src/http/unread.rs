//! Answers that clients have not taken yet, and the memory that they hold: pages, and what the kernel keeps for each connection.
//! It has a limit; beyond that the slowest readers are reset. An answer that has just been made is sent in any case.

mod slowest;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use bytes::{Buf, Bytes};
use tokio::time::Instant;

use super::client::{Client, SEND_BUFFER};
use super::seats::SERVICE;
use super::tls::BUFFER;
use crate::health::{CloseReason, ListenerHealth};
use slowest::{AnswerMemory, Page, by_speed, held, limit, slowest_over_limit};

/// `SO_SNDBUF` while less than half of the limit is used: with a larger buffer a page is sent in fewer turns.
const LARGE_SEND_BUFFER: usize = 8 * SEND_BUFFER;
/// What a connection may hold beside `SO_SNDBUF`, which Linux doubles for its own bookkeeping, and exceeds by a packet.
const CONNECTION: usize = 2 * SEND_BUFFER + BUFFER;
/// Memory of the kernel for each byte of an answer, at worst: a client with a tiny window gets tiny packets.
const BYTE: usize = 4;
/// The head of an answer, and the packet that it is in.
const HEAD: usize = 4 * 1024;

/// Places for each connection that may finish its answer after it has lost its own.
const PLACES_FOR_ONE_MORE: usize = 16;

pub(super) struct UnreadAnswers {
    /// Connections that may stay without a place.
    most_placeless: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    answers: Vec<Arc<Answer>>,
    closed: [u64; CloseReason::ALL.len()],
}

/// One answer, from the moment it is made until the client has taken it.
struct Answer {
    client: Weak<Client>,
    /// Several clients may be sent the same page, which is in memory once.
    page: Page,
    began: Instant,
    /// What the client's connection had sent before.
    written: u64,
    /// The most that the kernel may keep of it.
    buffered: usize,
    /// The kernel has all of it.
    is_handed_over: AtomicBool,
    /// Its connection has lost its place, and ends with this answer.
    is_placeless: AtomicBool,
}

impl UnreadAnswers {
    /// There are so many places for connections.
    pub(super) fn new(places: usize) -> Self {
        Self {
            most_placeless: places / PLACES_FOR_ONE_MORE,
            inner: Mutex::default(),
        }
    }

    /// The answer to a client is about to be sent. Slower readers are reset if it takes memory that is not there.
    pub(super) fn begin(&self, client: &Arc<Client>, body: Bytes) -> TrackedBody {
        let mut inner = self.lock();
        let answers = &mut inner.answers;
        // A connection has one answer at a time: of the one before, the rest is in the kernel's buffer, which counts with this one.
        answers.retain(|other| other.is_under_way() && !other.is_of(client));
        if !has_room(answers) {
            answers.retain(|other| other.is_unread());
        }
        client.set_send_buffer(if has_room(answers) {
            LARGE_SEND_BUFFER
        } else {
            SEND_BUFFER
        });
        let answer = Arc::new(Answer::new(client, &body));
        answers.push(Arc::clone(&answer));
        let memory = memory(answers);
        reset(answers, &slowest_over_limit(&memory, limit(&memory)));
        TrackedBody { body, answer }
    }

    /// Whether a connection that has lost its place may stay until its client has taken the answer. Few may; if there are
    /// more, the slowest has to go.
    pub(super) fn may_stay(&self, client: &Arc<Client>) -> bool {
        let mut inner = self.lock();
        let answers = &mut inner.answers;
        let Some(own) = answers.iter().find(|answer| answer.is_of(client)) else {
            return false;
        };
        let is_first_time = !own.is_placeless.swap(true, Ordering::Relaxed);
        let placeless = |index: &usize| answers[*index].is_placeless.load(Ordering::Relaxed);
        let placeless: Vec<_> = (0..answers.len()).filter(placeless).collect();
        if placeless.len() > self.most_placeless {
            let memory = memory(answers);
            let slow = by_speed(&memory)
                .into_iter()
                .find(|index| placeless.contains(index));
            reset(answers, &[slow.expect("one of them")]);
        }
        is_first_time
    }

    /// The agent closes a connection.
    pub(super) fn closed(&self, reason: CloseReason) {
        self.lock().closed[reason as usize] += 1;
    }

    pub(super) fn health(&self) -> ListenerHealth {
        let mut inner = self.lock();
        inner.answers.retain(|answer| answer.is_unread());
        ListenerHealth {
            unread_bytes: held(&memory(&inner.answers)),
            closed: inner.closed,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().expect("nothing here panics")
    }
}

impl Answer {
    fn new(client: &Arc<Client>, body: &Bytes) -> Self {
        Self {
            client: Arc::downgrade(client),
            page: Page {
                address: body.as_ptr().addr(),
                length: body.len(),
            },
            began: Instant::now(),
            written: client.written(),
            buffered: buffered(body.len(), client.send_buffer()),
            is_handed_over: AtomicBool::new(false),
            is_placeless: AtomicBool::new(false),
        }
    }

    fn is_handed_over(&self) -> bool {
        self.is_handed_over.load(Ordering::Relaxed)
    }

    fn is_under_way(&self) -> bool {
        self.client.strong_count() > 0
    }

    fn is_of(&self, client: &Arc<Client>) -> bool {
        self.client.as_ptr() == Arc::as_ptr(client)
    }

    /// Whether the kernel still has a part of it, or waits for one. Asks the kernel, with three system calls.
    fn is_unread(&self) -> bool {
        let client = self.client.upgrade();
        client.is_some_and(|client| !self.is_handed_over() || !client.has_taken_all())
    }

    fn memory(&self) -> AnswerMemory {
        AnswerMemory {
            page: (!self.is_handed_over()).then_some(self.page),
            buffered: self.buffered,
            bytes_per_second: self.speed(),
        }
    }

    /// None: it is too early to tell.
    fn speed(&self) -> Option<f64> {
        let (age, client) = (self.began.elapsed(), self.client.upgrade()?);
        let bytes = client.written() - self.written;
        (age >= SERVICE).then(|| bytes as f64 / age.as_secs_f64())
    }
}

/// What the kernel, and TLS, may keep of an answer of this length.
fn buffered(length: usize, send_buffer: usize) -> usize {
    (BYTE * length + HEAD).min(2 * send_buffer + CONNECTION)
}

fn memory(answers: &[Arc<Answer>]) -> Vec<AnswerMemory> {
    answers.iter().map(|answer| answer.memory()).collect()
}

/// Whether less than half of the limit is used.
fn has_room(answers: &[Arc<Answer>]) -> bool {
    let memory = memory(answers);
    held(&memory) < limit(&memory) / 2
}

fn reset(answers: &mut Vec<Arc<Answer>>, slow: &[usize]) {
    for index in slow {
        if let Some(client) = answers[*index].client.upgrade() {
            client.seat.leave(CloseReason::UnreadLimit);
        }
    }
    let mut index = 0..;
    answers.retain(|_| !slow.contains(&index.next().expect("endless")));
}

/// A body that tells when the kernel has all of it.
pub(super) struct TrackedBody {
    body: Bytes,
    answer: Arc<Answer>,
}

impl Buf for TrackedBody {
    fn remaining(&self) -> usize {
        self.body.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.body.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.body.advance(count);
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        self.answer.is_handed_over.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEGABYTE: usize = 1 << 20;

    #[test]
    fn small_answers_hold_little_and_large_ones_no_more_than_the_buffers() {
        assert!(buffered(8, LARGE_SEND_BUFFER) < 5_000);
        let (small, large) = (SEND_BUFFER, LARGE_SEND_BUFFER);
        let of_a_page = [small, large].map(|buffer| buffered(MEGABYTE, buffer));
        assert_eq!(of_a_page, [80 * 1024, 304 * 1024]);
    }
}
