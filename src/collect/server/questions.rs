//! What a PostgreSQL server is asked, and how each question goes to the session.

use std::time::Duration;

use super::access::AccessQuestion;
use crate::collect::source::Session;
use crate::outcome::{Failed, Outcome};
use crate::postgres::view::Update;
use crate::postgres::{self, ActivityQuestion};
use crate::sample::access::Access;
use crate::sample::statements::Statements;
use crate::sample::{Activity, Oid, SizeMeasurement};

pub(crate) enum Question {
    Activity(ActivityQuestion),
    /// An index in [`crate::postgres::view::SLOW`].
    Slow(usize),
    Access(AccessQuestion),
    Statements,
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
            Question::Sizes {
                databases,
                permitted,
            } => {
                let sizes = self.sizes(databases, *permitted, limit).await;
                sizes.map(Answer::Sizes)
            }
        };
        answer.map_err(|error| Failed {
            why: error.outcome(),
            error: error.into(),
        })
    }

    fn outcome(answer: &Answer) -> Outcome {
        match answer {
            Answer::Activity(activity) if activity.is_reduced => Outcome::OutOfMemory,
            Answer::Activity(_)
            | Answer::Slow(_)
            | Answer::Access(_)
            | Answer::Statements(_)
            | Answer::Sizes(_) => Outcome::Ok,
        }
    }

    async fn closed(&mut self) {
        self.closed().await;
    }
}
