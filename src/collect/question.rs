//! Asks one question within its deadline. When the primary job times out, the source is published as down. When another job
//! times out, only its own readings are lost: if its session hangs, the primary job continues over a second session.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::poller::Poller;
use super::source::{PRIMARY, PollTiming, Session, Source};
use crate::outcome::{Failed, Outcome};
use crate::state::Down;

/// How long the poller waits for the answer after the deadline before it gives up the session. Until then it opens no other
/// session for the primary job: on a frozen server, logins would only accumulate.
const HANG_TIMEOUT: Duration = Duration::from_secs(5);
/// When a second session is open, the first one has this long to answer: its network may have been down for a short time only.
const FIRST_SESSION_GRACE: Duration = Duration::from_millis(200);

type Answer<S> = Result<<<S as Source>::Session as Session>::Answer, Failed<Outcome>>;

/// How a slow job ended whose session may hang.
enum SlowJobResult<S: Source> {
    Answered(Answer<S>),
    /// The answer came after the deadline; the session is still usable.
    TimedOut,
    /// The session hangs, and this one replaces it.
    Replaced(S::Session),
    Lost,
}

impl<S: Source> Poller<S> {
    pub(super) async fn poll_primary(&mut self, session: &mut S::Session) -> Outcome {
        self.observe();
        let Some(question) = self.source.question(PRIMARY, self.now()) else {
            return Outcome::Ok;
        };
        let (started, deadline) = (Instant::now(), self.source.timing().timeout);
        self.keep_current(deadline);
        let answer = self.ask_primary(session, &question, deadline).await;
        let (took, now) = (started.elapsed(), self.now());
        let counted = match &answer {
            Ok(answer) => S::Session::outcome(answer),
            Err(why) => *why,
        };
        self.count(PRIMARY, counted, took);
        match answer {
            Ok(answer) => {
                let cost = self.source.answered(session, answer, took, now);
                self.add_cost(cost);
                self.freshness.primary_ended(took, cost);
                self.mark_current();
                self.publish();
                Outcome::Ok
            }
            Err(why) => {
                self.source.failed(PRIMARY, why, took, now);
                why
            }
        }
    }

    async fn ask_primary(
        &mut self,
        session: &mut S::Session,
        question: &<S::Session as Session>::Question,
        deadline: Duration,
    ) -> Result<<S::Session as Session>::Answer, Outcome> {
        let started = Instant::now();
        let mut answer = pin!(session.ask(question, deadline));
        match timeout(deadline, &mut answer).await {
            // The answer arrived in time, but the agent was stopped and reads it only now: it is out of date.
            Ok(Ok(_)) if started.elapsed() > deadline => {
                self.primary_timed_out();
                Err(Outcome::Timeout)
            }
            Ok(answer) => answer.map_err(|failed| {
                self.log.failed(PRIMARY, &failed);
                failed.why
            }),
            Err(_) => {
                self.primary_timed_out();
                Err(wait_after_timeout(answer).await)
            }
        }
    }

    fn primary_timed_out(&mut self) {
        self.log.timed_out(PRIMARY);
        self.publish_down(Down::Poll(Outcome::Timeout));
    }

    /// Asks the slow jobs that are due, the most overdue first, until the primary job is due again. Their answers are published
    /// at once, because the next poll may be seconds away.
    pub(super) async fn poll_slow_jobs(&mut self, session: &mut S::Session) -> Outcome {
        let next_primary = self.now() + self.interval();
        let mut is_new = false;
        for job in self.due_jobs() {
            let Some(question) = self.source.question(job, self.now()) else {
                continue;
            };
            match self.poll_slow_job(session, job, &question).await {
                Outcome::Lost => return Outcome::Lost,
                Outcome::Ok
                | Outcome::Timeout
                | Outcome::Error
                | Outcome::Denied
                | Outcome::OutOfMemory => is_new = true,
            }
            if !self.is_up {
                return Outcome::Ok; // the agent was stopped during the job
            }
            if self.now() >= next_primary {
                break;
            }
        }
        if is_new {
            self.publish();
        }
        Outcome::Ok
    }

    /// The slow jobs that are due, the most overdue first.
    fn due_jobs(&self) -> Vec<usize> {
        let now = self.now();
        let jobs = (PRIMARY + 1..S::JOBS.len()).filter(|job| self.schedule[*job].is_due(now));
        let mut jobs: Vec<_> = jobs.collect();
        jobs.sort_by_key(|job| self.schedule[*job].due());
        jobs
    }

    async fn poll_slow_job(
        &mut self,
        session: &mut S::Session,
        job: usize,
        question: &<S::Session as Session>::Question,
    ) -> Outcome {
        let (started, PollTiming { timeout, grace, .. }) = (Instant::now(), self.source.timing());
        let limit = self.schedule[job].limit(timeout);
        let (now, interval) = (self.now(), self.source.interval(job));
        self.schedule[job].asked(now, interval);
        self.slow_job_began(job, started);
        self.keep_current(timeout + grace);
        let result = self.ask_slow_job(session, question, limit).await;
        let took = started.elapsed();
        self.slow_job_ended(job, took);
        let outcome = self.take_slow_answer(session, job, result, took);
        let now = self.now();
        match outcome {
            Outcome::Timeout => self.schedule[job].timed_out(now, timeout),
            Outcome::Denied => self.schedule[job].denied(now),
            _ => {}
        }
        if outcome != Outcome::Ok {
            self.source.failed(job, outcome, took, now);
        }
        self.count(job, outcome, took);
        outcome
    }

    fn take_slow_answer(
        &mut self,
        session: &mut S::Session,
        job: usize,
        result: SlowJobResult<S>,
        took: Duration,
    ) -> Outcome {
        match result {
            SlowJobResult::Answered(Ok(answer)) if took <= self.source.timing().timeout => {
                let now = self.now();
                self.schedule[job].answered(took);
                self.source.answered(session, answer, took, now);
                return Outcome::Ok;
            }
            SlowJobResult::Answered(Err(failed)) => {
                self.log.failed(job, &failed);
                return failed.why;
            }
            SlowJobResult::Answered(Ok(_)) | SlowJobResult::TimedOut => {}
            SlowJobResult::Replaced(new) => {
                self.source.abandoned(job, session);
                self.source.replaced(&new);
                *session = new;
            }
            SlowJobResult::Lost => {
                self.log.timed_out(job);
                self.source.abandoned(job, session);
                return Outcome::Lost;
            }
        }
        self.log.timed_out(job);
        Outcome::Timeout
    }

    /// The source itself gives up at `limit`. When no answer comes for some time after that, the session hangs.
    async fn ask_slow_job(
        &mut self,
        session: &mut S::Session,
        question: &<S::Session as Session>::Question,
        limit: Duration,
    ) -> SlowJobResult<S> {
        let deadline = (limit + self.source.timing().timeout) / 2;
        let mut answer = pin!(session.ask(question, limit));
        if let Ok(answer) = timeout(deadline, &mut answer).await {
            return SlowJobResult::Answered(answer);
        }
        self.wait_or_replace(answer).await
    }

    /// The session hangs. Waits for the first of: its answer, another session, [`HANG_TIMEOUT`].
    async fn wait_or_replace(
        &mut self,
        mut answer: Pin<&mut (impl Future<Output = Answer<S>> + Send)>,
    ) -> SlowJobResult<S> {
        let mut opener = std::mem::take(&mut self.opener);
        let (config, mut may_open) = (Arc::clone(self.source.config()), self.source.may_abandon());
        let result = {
            let mut opening = pin!(S::open(config, &mut opener));
            let mut hang_timeout = pin!(sleep(HANG_TIMEOUT));
            loop {
                tokio::select! {
                    biased;
                    late = &mut answer => break after_deadline(late),
                    second = &mut opening, if may_open => match second {
                        Ok(session) => break prefer_first(answer, session).await,
                        Err(_) => may_open = false, // wait for the first session
                    },
                    () = sleep_until(self.current_until()), if self.is_up => {
                        self.primary_timed_out();
                    }
                    () = &mut hang_timeout => break SlowJobResult::Lost,
                }
            }
        };
        self.opener = opener;
        result
    }
}

/// An answer that came after the deadline is not used.
fn after_deadline<S: Source>(answer: Answer<S>) -> SlowJobResult<S> {
    match answer {
        Ok(_) => SlowJobResult::TimedOut,
        Err(failed) => SlowJobResult::Answered(Err(failed)),
    }
}

async fn prefer_first<S: Source>(
    answer: Pin<&mut (impl Future<Output = Answer<S>> + Send)>,
    second: S::Session,
) -> SlowJobResult<S> {
    match timeout(FIRST_SESSION_GRACE, answer).await {
        Ok(answer) if answer.as_ref().err().map(|failed| failed.why) != Some(Outcome::Lost) => {
            after_deadline(answer)
        }
        Ok(_) | Err(_) => SlowJobResult::Replaced(second),
    }
}

/// After the deadline: waits for the answer, to find out whether the session is still usable.
async fn wait_after_timeout<T>(
    answer: impl Future<Output = Result<T, Failed<Outcome>>>,
) -> Outcome {
    match timeout(HANG_TIMEOUT, answer).await {
        Ok(Err(failed)) if failed.why == Outcome::Lost => Outcome::Lost,
        Ok(_) => Outcome::Timeout,
        Err(_) => Outcome::Lost,
    }
}
