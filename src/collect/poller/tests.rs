//! The loop with a source made for these tests: answers after a given delay, on a paused clock.

use tokio::sync::watch::Receiver;
use tokio::time::{advance, timeout};

use super::*;
use crate::collect::source::{PollTiming, Publication, Session, SourceId};
use crate::scrapes::ScrapeLog;
use crate::state::{Published, Reload, Server, State};

const SECOND: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(3);
const SLOW: usize = 1;

/// How long each job takes in sessions that are opened with this configuration.
#[derive(Debug, Clone, PartialEq)]
struct Script {
    answers_after: [Duration; 2],
}

struct TestSession(Script);

impl Session for TestSession {
    type Question = usize;
    type Answer = usize;

    async fn ask(&mut self, job: &usize, _: Duration) -> Result<usize, Failed<Outcome>> {
        sleep(self.0.answers_after[*job]).await;
        Ok(*job)
    }

    async fn closed(&mut self) {
        std::future::pending::<()>().await;
    }
}

/// Sessions after the first one answer at once.
struct TestSource {
    script: Arc<Script>,
    abandoned: Option<usize>,
}

impl Source for TestSource {
    type Config = Script;
    type Session = TestSession;
    type Opener = usize;
    const JOBS: &'static [&'static str] = &["primary", "slow"];

    fn new(script: Arc<Script>) -> Self {
        Self {
            script,
            abandoned: None,
        }
    }

    fn id(_: &Script) -> SourceId {
        SourceId {
            server: "test".to_owned(),
            part: None,
        }
    }

    fn config(&self) -> &Arc<Script> {
        &self.script
    }

    fn timing(&self) -> PollTiming {
        PollTiming {
            interval: SECOND,
            timeout: TIMEOUT,
            max_time_fraction: 1.0,
            grace: SECOND,
        }
    }

    async fn open(
        script: Arc<Script>,
        opened: &mut usize,
    ) -> Result<TestSession, Failed<ConnectFailure>> {
        *opened += 1;
        let mut script = Script::clone(&script);
        if *opened > 1 {
            script.answers_after = [Duration::ZERO; 2];
        }
        Ok(TestSession(script))
    }

    fn opened(&mut self, _: &TestSession) {}

    fn replaced(&mut self, _: &TestSession) {}

    fn interval(&self, _: usize) -> Option<Duration> {
        Some(60 * SECOND)
    }

    fn question(&mut self, job: usize, _: Duration) -> Option<usize> {
        (self.abandoned != Some(job)).then_some(job)
    }

    fn answered(&mut self, _: &TestSession, _: usize, _: Duration, _: Duration) -> Duration {
        Duration::ZERO
    }

    fn failed(&mut self, _: usize, _: Outcome, _: Duration, _: Duration) {}

    fn abandoned(&mut self, job: usize, _: &TestSession) {
        self.abandoned = Some(job);
    }

    fn may_abandon(&self) -> bool {
        self.abandoned.is_none()
    }

    fn mark_gap(&mut self) {}

    fn reconfigure(&mut self, script: Arc<Script>, _: Duration) -> bool {
        self.script = script;
        true
    }

    fn version(&self) -> String {
        String::new()
    }

    /// There is no snapshot: a source that is up is published as `starting`.
    fn publish(&self, publisher: &Publisher, publication: Publication) {
        let down = publication.down.unwrap_or(Down::Starting);
        let server = Server::new("test".to_owned(), Err(down), publication.health);
        publisher.send_modify(|state| *state = Arc::new(state.with(server)));
    }
}

fn poller(answers_after: [Duration; 2]) -> (Poller<TestSource>, Published) {
    let reload = Reload {
        successful: true,
        last_success: 0.0,
    };
    let starting = Server::new(
        "test".to_owned(),
        Err(Down::Connect(ConnectFailure::Other)),
        Health::of(TestSource::JOBS),
    );
    let state = State::new(vec![Arc::new(starting)], reload);
    let (publisher, state) = watch::channel(Arc::new(state));
    let script = Arc::new(Script { answers_after });
    let (config, scrapes) = (watch::channel(script).1, ScrapeLog::default().subscribe());
    (Poller::new(config, publisher, scrapes), state)
}

fn shown(state: &Receiver<Arc<State>>) -> Down {
    let status = &state.borrow().servers[0].status;
    status.as_ref().err().copied().expect("no snapshot")
}

/// Opens a session and polls once. Returns the outcome, and the session in use after it.
async fn poll(poller: &mut Poller<TestSource>) -> (Outcome, TestSession) {
    let script = Arc::clone(&poller.source.script);
    let session = TestSource::open(script, &mut poller.opener).await;
    let mut session = session.unwrap_or_else(|_| unreachable!("opening never fails"));
    (poller.poll(&mut session).await, session)
}

#[tokio::test(start_paused = true)]
async fn a_primary_job_that_times_out_shows_the_source_as_down() {
    let (mut poller, state) = poller([TIMEOUT + SECOND, Duration::ZERO]);
    assert_eq!(poll(&mut poller).await.0, Outcome::Timeout);
    assert_eq!(shown(&state), Down::Poll(Outcome::Timeout));
}

#[tokio::test(start_paused = true)]
async fn a_primary_job_that_never_answers_loses_the_session() {
    let (mut poller, _) = poller([TIMEOUT * 100, Duration::ZERO]);
    let before = Instant::now();
    assert_eq!(poll(&mut poller).await.0, Outcome::Lost);
    assert_eq!(before.elapsed(), TIMEOUT + 5 * SECOND);
}

/// The process was stopped, or the machine is busy: the answer is there and the deadline has passed when the agent runs again,
/// and it reads the answer first.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_read_after_the_deadline_is_a_timeout() {
    let (mut poller, state) = poller([SECOND, Duration::ZERO]);
    let late = async {
        tokio::task::yield_now().await;
        advance(TIMEOUT + SECOND).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        (outcome, _) = poll(&mut poller) => assert_eq!(outcome, Outcome::Timeout),
        () = late => {}
    }
    assert_eq!(shown(&state), Down::Poll(Outcome::Timeout));
}

#[tokio::test(start_paused = true)]
async fn a_slow_job_that_times_out_affects_only_itself() {
    let (mut poller, state) = poller([Duration::ZERO, TIMEOUT * 9 / 10]);
    let (outcome, session) = poll(&mut poller).await;
    assert_eq!(outcome, Outcome::Ok);
    assert_eq!(shown(&state), Down::Starting, "it is up");
    let [primary, slow] = poller.health.jobs() else {
        panic!("two jobs");
    };
    assert_eq!(primary.polls(Outcome::Ok), 1);
    assert_eq!(slow.polls(Outcome::Timeout), 1);
    // Another session was opened before the answer came.
    assert_eq!(session.0.answers_after, [Duration::ZERO; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_job_that_hangs_abandons_one_session_and_no_more() {
    let (mut poller, state) = poller([Duration::ZERO, TIMEOUT * 100]);
    let before = Instant::now();
    let (outcome, mut session) = poll(&mut poller).await;
    assert_eq!((outcome, shown(&state)), (Outcome::Ok, Down::Starting));
    assert!(before.elapsed() < TIMEOUT, "the last poll is still current");
    assert_eq!(poller.source.abandoned, Some(SLOW));
    assert_eq!(poller.opener, 2);
    advance(60 * SECOND).await;
    assert_eq!(poller.poll(&mut session).await, Outcome::Ok);
    let slow = poller.health.jobs()[SLOW];
    assert_eq!(slow.polls(Outcome::Timeout), 1, "it is not asked again");
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_begins_late_makes_no_old_data_current() {
    let (mut poller, _) = poller([Duration::ZERO; 2]);
    let (_, mut session) = poll(&mut poller).await;
    let until = poller.current_until();
    assert_eq!(
        until - Instant::now(),
        TIMEOUT + SECOND,
        "set by the slow job"
    );
    advance(TIMEOUT + SECOND * 2).await;
    poller.keep_current(TIMEOUT);
    assert_eq!(poller.current_until(), until);
    assert_eq!(poller.poll(&mut session).await, Outcome::Ok);
    assert!(poller.current_until() > Instant::now());
}

#[tokio::test(start_paused = true)]
async fn a_changed_configuration_opens_another_session() {
    let script = |after| {
        Arc::new(Script {
            answers_after: [after; 2],
        })
    };
    let (changes, config) = watch::channel(script(TIMEOUT * 100));
    let (publisher, state) = watch::channel(Arc::new(State::new(
        Vec::new(),
        Reload {
            successful: true,
            last_success: 0.0,
        },
    )));
    let poller = Poller::<TestSource>::new(config, publisher, ScrapeLog::default().subscribe());
    let run = tokio::spawn(poller.run());
    changes.send_replace(script(Duration::ZERO));
    assert!(timeout(60 * SECOND, run).await.is_err(), "it keeps running");
    drop(state);
}
