//! What a PostgreSQL server is asked, and how each question goes to the session.

use std::time::Duration;

use super::access::AccessQuestion;
use crate::collect::source::Session;
use crate::host::{self, HostError, HostQuestion, HostReading};
use crate::outcome::{Failed, Outcome};
use crate::postgres::view::Update;
use crate::postgres::{self, ActivityQuestion, QueryError};
use crate::sample::access::Access;
use crate::sample::statements::Statements;
use crate::sample::{Activity, Oid, SizeMeasurement};

pub(crate) enum Question {
    Activity(ActivityQuestion),
    /// An index in [`crate::postgres::view::SLOW`].
    Slow(usize),
    Access(AccessQuestion),
    Statements,
    Processes(HostQuestion),
    Sizes {
        databases: Vec<Oid>,
        permitted: bool,
    },
}

pub(crate) enum Answer {
    Activity(Activity),
    Slow(Update),
    /// None: nothing has changed.
    Access(Option<(Access, i64)>),
    Statements(Option<Statements>),
    Processes(HostReading),
    Sizes(Vec<SizeMeasurement>),
}

impl Session for postgres::Session {
    type Question = Question;
    type Answer = Answer;

    async fn ask(
        &mut self,
        question: &Question,
        limit: Duration,
    ) -> Result<Answer, Failed<Outcome>> {
        let answer = match question {
            Question::Activity(question) => self.activity(question).await.map(Answer::Activity),
            Question::Slow(view) => self.slow(*view, limit).await.map(Answer::Slow),
            Question::Access(question) => {
                let access = self.changed_access(question.known(), limit).await;
                access.map(Answer::Access)
            }
            Question::Statements => self.statements(limit).await.map(Answer::Statements),
            Question::Processes(question) => return processes(self, question.clone(), limit).await,
            Question::Sizes {
                databases,
                permitted,
            } => {
                let sizes = self.sizes(databases, *permitted, limit).await;
                sizes.map(Answer::Sizes)
            }
        };
        answer.map_err(failed)
    }

    fn outcome(answer: &Answer) -> Outcome {
        match answer {
            Answer::Activity(activity) if activity.is_reduced => Outcome::OutOfMemory,
            Answer::Activity(_)
            | Answer::Slow(_)
            | Answer::Access(_)
            | Answer::Statements(_)
            | Answer::Processes(_)
            | Answer::Sizes(_) => Outcome::Ok,
        }
    }

    async fn closed(&mut self) {
        self.closed().await;
    }
}

fn failed(error: QueryError) -> Failed<Outcome> {
    Failed {
        why: error.outcome(),
        error: error.into(),
    }
}

/// The kernel's files are read on another thread, at once: processes end while the answer waits.
async fn processes(
    session: &postgres::Session,
    question: HostQuestion,
    limit: Duration,
) -> Result<Answer, Failed<Outcome>> {
    let (own, asked) = (session.backend(), host::boot_clock());
    let listed = session.processes(limit).await.map_err(failed)?;
    let look = move || host::look(own, &question, &listed, asked);
    let looked = tokio::task::spawn_blocking(look).await;
    let looked = looked.expect("reading files does not panic, and nothing cancels it");
    looked.map(Answer::Processes).map_err(unreadable)
}

fn unreadable(error: HostError) -> Failed<Outcome> {
    Failed {
        why: Outcome::Error,
        error: error.into(),
    }
}
