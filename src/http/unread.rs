//! Limits the memory of unread answers, which clients have not acknowledged yet: pages, and the kernel's buffers of each
//! connection. Above the limit the slowest readers are reset. The newest answer is always sent.

mod slowest;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use bytes::{Buf, Bytes};
use tokio::time::Instant;

use super::client::{Client, SEND_BUFFER};
use super::connection_table::MIN_SERVICE_TIME;
use super::tls::BUFFER;
use crate::health::{CloseReason, ListenerHealth};
use slowest::{AnswerMemory, Page, by_speed, held, limit, slowest_over_limit};

/// `SO_SNDBUF` while less than half of the limit is used: a larger buffer needs fewer wake-ups per page.
const LARGE_SEND_BUFFER: usize = 8 * SEND_BUFFER;
/// The memory of a connection in addition to `SO_SNDBUF`, which Linux doubles for its own bookkeeping and exceeds by one packet.
const CONNECTION_OVERHEAD: usize = 2 * SEND_BUFFER + BUFFER;
/// Kernel memory per byte of an answer in the worst case: a client with a small window gets small packets.
const KERNEL_BYTES_PER_BYTE: usize = 4;
/// The head of an answer and its packet.
const HEAD_BYTES: usize = 4 * 1024;

/// One evicted connection may finish its answer per this many connections of the table.
const CONNECTIONS_PER_EVICTED: usize = 16;

pub(super) struct UnreadAnswers {
    /// How many evicted connections may finish their answers at a time.
    max_evicted: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    answers: Vec<Arc<Answer>>,
    closed: [u64; CloseReason::ALL.len()],
}

/// One answer, until the client has acknowledged it.
struct Answer {
    client: Weak<Client>,
    /// Several answers may share one page, which is in memory once.
    page: Page,
    began: Instant,
    /// Bytes that the connection had sent before this answer.
    written_before: u64,
    /// The maximum that the kernel may buffer of this answer.
    buffered: usize,
    /// The kernel has accepted the whole answer.
    is_handed_over: AtomicBool,
    /// Its connection was evicted and closes after this answer.
    is_evicted: AtomicBool,
}

impl UnreadAnswers {
    pub(super) fn new(max_connections: usize) -> Self {
        Self {
            max_evicted: max_connections / CONNECTIONS_PER_EVICTED,
            inner: Mutex::default(),
        }
    }

    /// Registers an answer before it is sent. Resets the slowest readers if it exceeds the limit.
    pub(super) fn begin(&self, client: &Arc<Client>, body: Bytes) -> TrackedBody {
        let mut inner = self.lock();
        let answers = &mut inner.answers;
        // A connection has one answer at a time. The rest of the previous one is in the kernel's buffer, which this one counts.
        answers.retain(|other| other.is_connected() && !other.is_for(client));
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

    /// Whether an evicted connection may stay open until its client has read the answer. If too many are evicted, the slowest one
    /// is reset.
    pub(super) fn may_finish(&self, client: &Arc<Client>) -> bool {
        let mut inner = self.lock();
        let answers = &mut inner.answers;
        let Some(own) = answers.iter().find(|answer| answer.is_for(client)) else {
            return false;
        };
        let is_first_time = !own.is_evicted.swap(true, Ordering::Relaxed);
        let is_evicted = |index: &usize| answers[*index].is_evicted.load(Ordering::Relaxed);
        let evicted: Vec<_> = (0..answers.len()).filter(is_evicted).collect();
        if evicted.len() > self.max_evicted {
            let memory = memory(answers);
            let slowest = by_speed(&memory)
                .into_iter()
                .find(|index| evicted.contains(index));
            reset(answers, &[slowest.expect("one of them")]);
        }
        is_first_time
    }

    /// Counts a connection that the agent closes.
    pub(super) fn count_closed(&self, reason: CloseReason) {
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
            written_before: client.written(),
            buffered: buffered(body.len(), client.send_buffer()),
            is_handed_over: AtomicBool::new(false),
            is_evicted: AtomicBool::new(false),
        }
    }

    fn is_handed_over(&self) -> bool {
        self.is_handed_over.load(Ordering::Relaxed)
    }

    fn is_connected(&self) -> bool {
        self.client.strong_count() > 0
    }

    fn is_for(&self, client: &Arc<Client>) -> bool {
        self.client.as_ptr() == Arc::as_ptr(client)
    }

    /// Whether the client has not acknowledged the whole answer. This takes three system calls.
    fn is_unread(&self) -> bool {
        let client = self.client.upgrade();
        client.is_some_and(|client| !self.is_handed_over() || !client.has_acknowledged_all())
    }

    fn memory(&self) -> AnswerMemory {
        AnswerMemory {
            page: (!self.is_handed_over()).then_some(self.page),
            buffered: self.buffered,
            bytes_per_second: self.speed(),
        }
    }

    /// Bytes per second. None: the answer began too recently.
    fn speed(&self) -> Option<f64> {
        let (age, client) = (self.began.elapsed(), self.client.upgrade()?);
        let bytes = client.written() - self.written_before;
        (age >= MIN_SERVICE_TIME).then(|| bytes as f64 / age.as_secs_f64())
    }
}

/// The maximum that the kernel and TLS may buffer of an answer of this length.
fn buffered(length: usize, send_buffer: usize) -> usize {
    (KERNEL_BYTES_PER_BYTE * length + HEAD_BYTES).min(2 * send_buffer + CONNECTION_OVERHEAD)
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
            client.slot.close(CloseReason::UnreadLimit);
        }
    }
    let mut index = 0..;
    answers.retain(|_| !slow.contains(&index.next().expect("endless")));
}

/// A body that records when the kernel has accepted all of it.
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
    fn an_answer_holds_no_more_than_its_length_and_the_buffers_allow() {
        assert!(buffered(8, LARGE_SEND_BUFFER) < 5_000);
        let (small, large) = (SEND_BUFFER, LARGE_SEND_BUFFER);
        let page = [small, large].map(|buffer| buffered(MEGABYTE, buffer));
        assert_eq!(page, [80 * 1024, 304 * 1024]);
    }
}
