//! One question under its deadline. A primary job that is late shows the source as down. Any other that is late costs only its
//! own readings: if its session hangs, the primary job goes on over a second one.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::poller::Poller;
use super::source::{PRIMARY, PollTiming, Session, Source};
use crate::outcome::{Failed, Outcome};
use crate::state::Down;

/// How long a session that missed its deadline is waited for before it is given up. Until then no other is opened for the
/// primary job: logins to a frozen server would only accumulate.
const HANG_TIMEOUT: Duration = Duration::from_secs(5);
/// A second session waits this long for the first one, which may only have been behind a network that was gone for a while.
const FIRST_SESSION_GRACE: Duration = Duration::from_millis(200);

type Answer<S> = Result<<<S as Source>::Session as Session>::Answer, Failed<Outcome>>;

/// How a question over a session that may hang has ended.
enum SlowJobResult<S: Source> {
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
        let (started, deadline) = (Instant::now(), self.source.timing().timeout);
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

    /// Those that are due. What they bring is shown at once, because the next poll may be long in coming.
    pub(super) async fn poll_slow_jobs(&mut self, session: &mut S::Session) -> Outcome {
        let mut is_new = false;
        for job in PRIMARY + 1..S::JOBS.len() {
            let now = self.now();
            if !self.schedule[job].is_due(now) {
                continue;
            }
            let Some(question) = self.source.question(job, now) else {
                continue;
            };
            match self.poll_slow_job(session, job, &question).await {
                Outcome::Lost => return Outcome::Lost,
                Outcome::Ok | Outcome::Timeout | Outcome::Error => is_new = true,
            }
            if !self.is_up {
                return Outcome::Ok; // the agent was stopped meanwhile
            }
        }
        if is_new {
            self.publish();
        }
        Outcome::Ok
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
        self.keep_current(timeout + grace);
        let ended = self.ask_slow_job(session, question, limit).await;
        let (took, now) = (started.elapsed(), self.now());
        let outcome = match ended {
            SlowJobResult::Answered(Ok(answer)) if took <= timeout => {
                self.schedule[job].answered(took);
                self.source.answered(session, answer, took, now);
                Outcome::Ok
            }
            SlowJobResult::Answered(Err(failed)) => {
                self.log.failed(job, &failed);
                failed.why
            }
            SlowJobResult::Answered(Ok(_)) | SlowJobResult::Late => {
                self.log.late(job);
                Outcome::Timeout
            }
            SlowJobResult::Replaced(new) => {
                self.log.late(job);
                self.source.abandoned(job, session);
                *session = new;
                Outcome::Timeout
            }
            SlowJobResult::Lost => {
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
    ) -> SlowJobResult<S> {
        let deadline = (limit + self.source.timing().timeout) / 2;
        let mut answer = pin!(session.ask(question, limit));
        if let Ok(answer) = timeout(deadline, &mut answer).await {
            return SlowJobResult::Answered(answer);
        }
        self.wait_or_replace(answer).await
    }

    /// The session hangs: what comes first, its answer, another session, or the end of the patience.
    async fn wait_or_replace(
        &mut self,
        mut answer: Pin<&mut (impl Future<Output = Answer<S>> + Send)>,
    ) -> SlowJobResult<S> {
        let mut opener = std::mem::take(&mut self.opener);
        let (config, mut may_open) = (Arc::clone(self.source.config()), self.source.may_abandon());
        let ended = {
            let mut opening = pin!(S::open(config, &mut opener));
            let mut patience = pin!(sleep(HANG_TIMEOUT));
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
                    () = &mut patience => break SlowJobResult::Lost,
                }
            }
        };
        self.opener = opener;
        ended
    }
}

fn ended_late<S: Source>(answer: Answer<S>) -> SlowJobResult<S> {
    match answer {
        Ok(_) => SlowJobResult::Late,
        Err(failed) => SlowJobResult::Answered(Err(failed)),
    }
}

async fn prefer_first<S: Source>(
    answer: Pin<&mut (impl Future<Output = Answer<S>> + Send)>,
    second: S::Session,
) -> SlowJobResult<S> {
    match timeout(FIRST_SESSION_GRACE, answer).await {
        Ok(answer) if answer.as_ref().err().map(|failed| failed.why) != Some(Outcome::Lost) => {
            ended_late(answer)
        }
        Ok(_) | Err(_) => SlowJobResult::Replaced(second),
    }
}

/// After the deadline: whether the session is still good.
async fn wait_for_late<T>(answer: impl Future<Output = Result<T, Failed<Outcome>>>) -> Outcome {
    match timeout(HANG_TIMEOUT, answer).await {
        Ok(Err(failed)) if failed.why == Outcome::Lost => Outcome::Lost,
        Ok(_) => Outcome::Timeout,
        Err(_) => Outcome::Lost,
    }
}
