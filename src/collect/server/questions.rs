//! What a PostgreSQL server is asked, and how each question goes to the session.

use std::sync::Arc;
use std::time::Duration;

use crate::collect::source::Session;
use crate::outcome::{Failed, Outcome};
use crate::postgres;
use crate::postgres::view::Update;
use crate::sample::{Activity, Backend, Catalogue, Oid, SizeMeasurement};

pub(crate) enum Question {
    Activity {
        orphan: Option<Backend>,
        known: Option<Arc<Catalogue>>,
    },
    /// An index in [`crate::postgres::view::SLOW`].
    Slow(usize),
    Sizes {
        databases: Vec<Oid>,
        permitted: bool,
    },
}

pub(crate) enum Answer {
    Activity(Activity),
    Slow(Update),
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
            Question::Activity { orphan, known } => {
                let activity = self.activity(*orphan, known.clone()).await;
                activity.map(Answer::Activity)
            }
            Question::Slow(view) => self.slow(*view, limit).await.map(Answer::Slow),
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

    async fn closed(&mut self) {
        self.closed().await;
    }
}
