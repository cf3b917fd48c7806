//! Answers, and when somebody looked at them.

use tokio::time::advance;

use super::*;
use crate::config::Config;
use crate::state::{Reload, Server, State};

const TIMEOUT: Duration = Duration::from_secs(3);

/// Of a server that is not asked anything.
fn poller() -> Poller {
    let environment = [("PGHOST".to_owned(), "localhost".to_owned())].into();
    let config = Config::load(None, &environment, &[]).expect("defaults");
    let server = Arc::new(config.servers[0].clone());
    assert_eq!(server.cadence.timeout, TIMEOUT);
    let reload = Reload {
        successful: true,
        last_success: 0.0,
    };
    let starting = Server::new(server.name.clone(), Err(Down::Starting), Health::default());
    let state = State::new(vec![Arc::new(starting)], reload);
    Poller::new(watch::channel(server).1, watch::channel(Arc::new(state)).0)
}

async fn ask(poller: &mut Poller, waited: Duration) -> Result<(), Outcome> {
    let answer = async {
        advance(waited).await;
        Ok(())
    };
    poller.ask(Job::Activity, answer).await
}

fn shown(poller: &Poller) -> Result<(), Down> {
    let state = poller.publisher.borrow();
    let status = &state.servers[0].status;
    status.as_ref().map(|_| ()).map_err(|down| *down)
}

/// The process was stopped, or the machine busy: the answer and the end of the waiting are both there when it looks, and
/// the answer comes first.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_found_too_late_is_none() {
    let mut poller = poller();
    assert_eq!(ask(&mut poller, TIMEOUT).await, Ok(()));
    assert_eq!(shown(&poller), Err(Down::Starting));
    let late = TIMEOUT + Duration::from_millis(1);
    assert_eq!(ask(&mut poller, late).await, Err(Outcome::Timeout));
    assert_eq!(shown(&poller), Err(Down::Poll(Outcome::Timeout)));
}
