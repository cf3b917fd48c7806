//! One question under its deadline. A primary job that is late shows the source as down. Any other that is late costs only its
//! own readings: if its session hangs, the primary job goes on over a second one.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::poller::Poller;
use super::source::{Beat, PRIMARY, Session, Source};
use crate::outcome::{Failed, Outcome};
use crate::state::Down;

/// How long a session that missed its deadline is waited for before it is given up. Until then no other is opened for the
/// primary job: logins to a frozen server would only accumulate.
const PATIENCE: Duration = Duration::from_secs(5);
/// A second session waits this long for the first one, which may only have been behind a network that was gone for a while.
const PREFERENCE: Duration = Duration::from_millis(200);

type Answer<S> = Result<<<S as Source>::Session as Session>::Answer, Failed<Outcome>>;

/// How a question over a session that may hang has ended.
enum Ended<S: Source> {
    Answered(Answer<S>),
    /// No answer in time; the session is still good.
    Late,
    /// The session hangs, and there is another.
    Replaced(S::Session),
    Lost,
}

impl<S: Source> Poller<S> {
    pub(super) async fn poll_primary(&mut self, session: &S::Session) -> Outcome {
        let Some(question) = self.source.question(PRIMARY, self.now()) else {
            return Outcome::Ok;
        };
        let (started, deadline) = (Instant::now(), self.source.beat().timeout);
        self.keep_current(deadline);
        let mut answer = pin!(session.ask(&question, deadline));
        let answer = match timeout(deadline, &mut answer).await {
            // It came in time and was not read in time: a process that was stopped reads what was true when it was stopped.
            Ok(Ok(_)) if started.elapsed() > deadline => {
                self.is_late();
                Err(Outcome::Timeout)
            }
            Ok(answer) => answer.map_err(|failed| {
                self.log.failed(PRIMARY, &failed);
                failed.why
            }),
            Err(_) => {
                self.is_late();
                Err(wait_for_late(answer).await)
            }
        };
        let (took, now) = (started.elapsed(), self.now());
        let outcome = answer.as_ref().err().copied().unwrap_or(Outcome::Ok);
        self.count(PRIMARY, outcome, took);
        match answer {
            Ok(answer) => {
                let cost = self.source.answered(session, answer, took, now);
                self.spent(cost);
                self.is_current();
                self.publish();
            }
            Err(why) => self.source.failed(PRIMARY, why, took, now),
        }
        outcome
    }

    fn is_late(&mut self) {
        self.log.late(PRIMARY);
        self.publish_down(Down::Poll(Outcome::Timeout));
    }

    /// The jobs that are due, the one that has waited longest first, until the primary job is due again. What they bring is
    /// shown at once, because the next poll may be long in coming.
    pub(super) async fn poll_slow_jobs(&mut self, session: &mut S::Session) -> Outcome {
        let next_primary = self.now() + self.interval();
        let mut is_new = false;
        for job in self.due_jobs() {
            let Some(question) = self.source.question(job, self.now()) else {
                continue;
            };
            match self.poll_slow_job(session, job, &question).await {
                Outcome::Lost => return Outcome::Lost,
                Outcome::Ok | Outcome::Timeout | Outcome::Error => is_new = true,
            }
            if !self.is_up {
                return Outcome::Ok; // the agent was stopped meanwhile
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
        let (started, Beat { timeout, grace, .. }) = (Instant::now(), self.source.beat());
        let limit = self.schedule[job].limit(timeout);
        let (now, interval) = (self.now(), self.source.interval(job));
        self.schedule[job].asked(now, interval);
        self.keep_current(timeout + grace);
        let ended = self.ask_slow_job(session, question, limit).await;
        let (took, now) = (started.elapsed(), self.now());
        let outcome = match ended {
            Ended::Answered(Ok(answer)) if took <= timeout => {
                self.schedule[job].answered(took);
                self.source.answered(session, answer, took, now);
                Outcome::Ok
            }
            Ended::Answered(Err(failed)) => {
                self.log.failed(job, &failed);
                failed.why
            }
            Ended::Answered(Ok(_)) | Ended::Late => {
                self.log.late(job);
                Outcome::Timeout
            }
            Ended::Replaced(new) => {
                self.log.late(job);
                self.source.abandoned(job, session);
                *session = new;
                Outcome::Timeout
            }
            Ended::Lost => {
                self.log.late(job);
                self.source.abandoned(job, session);
                Outcome::Lost
            }
        };
        if outcome == Outcome::Timeout {
            self.schedule[job].late(now, timeout);
        }
        if outcome != Outcome::Ok {
            self.source.failed(job, outcome, took, now);
        }
        self.count(job, outcome, took);
        outcome
    }

    /// The source gives up at `limit`. If no answer comes for some time after that, its session hangs.
    async fn ask_slow_job(
        &mut self,
        session: &S::Session,
        question: &<S::Session as Session>::Question,
        limit: Duration,
    ) -> Ended<S> {
        let deadline = (limit + self.source.beat().timeout) / 2;
        let mut answer = pin!(session.ask(question, limit));
        if let Ok(answer) = timeout(deadline, &mut answer).await {
            return Ended::Answered(answer);
        }
        self.wait_or_replace(answer).await
    }

    /// The session hangs: what comes first, its answer, another session, or the end of the patience.
    async fn wait_or_replace(
        &mut self,
        mut answer: Pin<&mut (impl Future<Output = Answer<S>> + Send)>,
    ) -> Ended<S> {
        let mut opener = std::mem::take(&mut self.opener);
        let (config, mut may_open) = (Arc::clone(self.source.config()), self.source.may_abandon());
        let ended = {
            let mut opening = pin!(S::open(config, &mut opener));
            let mut patience = pin!(sleep(PATIENCE));
            loop {
                tokio::select! {
                    biased;
                    late = &mut answer => break ended_late(late),
                    second = &mut opening, if may_open => match second {
                        Ok(session) => break prefer_first(answer, session).await,
                        Err(_) => may_open = false, // it is the first session that counts
                    },
                    () = sleep_until(self.current_until()), if self.is_up => {
                        self.is_late();
                    }
                    () = &mut patience => break Ended::Lost,
                }
            }
        };
        self.opener = opener;
        ended
    }
}

fn ended_late<S: Source>(answer: Answer<S>) -> Ended<S> {
    match answer {
        Ok(_) => Ended::Late,
        Err(failed) => Ended::Answered(Err(failed)),
    }
}

async fn prefer_first<S: Source>(
    answer: Pin<&mut (impl Future<Output = Answer<S>> + Send)>,
    second: S::Session,
) -> Ended<S> {
    match timeout(PREFERENCE, answer).await {
        Ok(answer) if answer.as_ref().err().map(|failed| failed.why) != Some(Outcome::Lost) => {
            ended_late(answer)
        }
        Ok(_) | Err(_) => Ended::Replaced(second),
    }
}

/// After the deadline: whether the session is still good.
async fn wait_for_late<T>(answer: impl Future<Output = Result<T, Failed<Outcome>>>) -> Outcome {
    match timeout(PATIENCE, answer).await {
        Ok(Err(failed)) if failed.why == Outcome::Lost => Outcome::Lost,
        Ok(_) => Outcome::Timeout,
        Err(_) => Outcome::Lost,
    }
}
