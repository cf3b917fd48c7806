//! Which alerts last, what is due to a receiver, and what the messages say.

mod bounds;
mod messages;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use wildmatch::WildMatch;

use super::alert::{Alert, AlertKey, Level};
use super::batch::Batch;
use super::delivery::Delivery;
use super::receiver::{Address, Destination, Login, Receiver};
use super::tracker::{AlertSet, Observed, Tracker};
use crate::findings::{Concern, Scope};
use crate::web_client::Url;

const WALL: f64 = 1_795_953_907.0;

pub(super) fn alert(scope: Scope, subject: Option<&str>, concern: Concern, level: Level) -> Alert {
    let mut alert = Alert {
        key: AlertKey {
            server: "main".to_owned(),
            scope,
            subject: subject.map(str::to_owned),
            concern,
            part: None,
        },
        level,
        labels: BTreeMap::from([("team".to_owned(), "web".to_owned())]),
        text: format!("{} is full", subject.unwrap_or("the server")),
        remedy: Some("SELECT 1".to_owned()),
        min_wait: Duration::ZERO,
        is_unknown: false,
    };
    alert.set_level(level);
    alert
}

fn shop(level: Level) -> Alert {
    alert(Scope::Database, Some("shop"), Concern::Connections, level)
}

fn receiver() -> Receiver {
    let url = Url::parse("http://localhost/hook").expect("an address");
    Receiver {
        name: "webhook".to_owned(),
        destination: Destination::Webhook(Address::Given(url)),
        login: Login::None,
        ca_file: None,
        min_severity: Some(Level::Warning),
        matchers: BTreeMap::new(),
        wait: Duration::from_secs(5),
        repeat_interval: Duration::from_hours(4),
        send_resolved: true,
        heartbeat: None,
    }
}

/// A tracker with one receiver, second by second.
struct Scene {
    tracker: Tracker,
    delivery: Delivery,
    now: u64,
}

impl Scene {
    fn new(receiver: Receiver) -> Self {
        Self {
            tracker: Tracker::default(),
            delivery: Delivery::new(Arc::new(receiver)),
            now: 0,
        }
    }

    fn observe(&mut self, alerts: Option<&[Alert]>, is_known: bool) -> AlertSet {
        self.now += 1;
        let alerts = alerts.map(|alerts| {
            let pairs = alerts.iter().map(|it| (it.key.clone(), it.clone()));
            pairs.collect()
        });
        let observed = Observed {
            server: "main",
            alerts,
            is_known: &|_| is_known,
        };
        let (now, wall) = (Duration::from_secs(self.now), WALL + self.now as f64);
        self.tracker.observe(vec![observed], now, wall);
        let set = self.tracker.alerts();
        self.delivery.observe(&set, now);
        set
    }

    /// What is delivered in this many seconds, each with its second.
    fn run(&mut self, seconds: u64, alerts: &[Alert]) -> Vec<(u64, Batch)> {
        let mut sent = Vec::new();
        for _ in 0..seconds {
            self.observe(Some(alerts), true);
            sent.extend(self.deliver().map(|batch| (self.now, batch)));
        }
        sent
    }

    fn deliver(&mut self) -> Option<Batch> {
        let now = Duration::from_secs(self.now);
        let batch = self.delivery.due(now)?;
        self.delivery.delivered(&batch, now);
        Some(batch)
    }
}

#[test]
fn an_alert_is_told_after_it_has_lasted_and_again_when_it_has_ended() {
    let mut scene = Scene::new(receiver());
    let sent = scene.run(60, &[shop(Level::Critical)]);
    let [(at, batch)] = &sent[..] else {
        panic!("one notification: {sent:?}");
    };
    assert_eq!((*at, batch.is_resolved()), (6, false));
    let sent = scene.run(60, &[]);
    let [(at, batch)] = &sent[..] else {
        panic!("one notification: {sent:?}");
    };
    assert_eq!((*at, batch.is_resolved()), (66, true));
    let [it] = &batch.alerts[..] else {
        panic!("one alert");
    };
    assert_eq!((it.starts_at, it.ends_at), (WALL + 1.0, Some(WALL + 60.0)));
}

#[test]
fn a_problem_of_one_moment_is_not_told() {
    let mut scene = Scene::new(receiver());
    assert_eq!(scene.run(1, &[shop(Level::Critical)]), []);
    assert_eq!(scene.run(60, &[]), []);
}

#[test]
fn an_alert_lasts_while_its_state_is_unknown() {
    let mut scene = Scene::new(receiver());
    assert_eq!(scene.run(10, &[shop(Level::Critical)]).len(), 1);
    for _ in 0..600 {
        scene.observe(Some(&[]), false); // the server does not answer
        scene.observe(None, true); // the agent has not polled it yet
        assert_eq!(scene.deliver(), None);
    }
    assert!(
        scene
            .run(60, &[])
            .iter()
            .all(|(_, batch)| batch.is_resolved())
    );
}

#[test]
fn an_unknown_figure_keeps_the_severity() {
    let mut scene = Scene::new(receiver());
    scene.run(10, &[shop(Level::Critical)]);
    let unknown = Alert {
        is_unknown: true,
        ..shop(Level::Warning)
    };
    let set = scene.observe(Some(&[unknown]), true);
    let (_, active) = set.active.first_key_value().expect("it lasts");
    assert_eq!(active.alert.level, Level::Critical);
    assert_eq!(active.alert.labels["severity"], "critical");
}

/// For an hour it is there for ten seconds in each half minute.
#[test]
fn an_alert_that_comes_and_goes_is_told_less_and_less_often() {
    let mut scene = Scene::new(receiver());
    let mut told = 0;
    for _ in 0..120 {
        told += scene.run(10, &[shop(Level::Critical)]).len();
        told += scene.run(20, &[]).len();
    }
    assert!((2..=8).contains(&told), "{told}");
}

#[test]
fn a_full_server_silences_its_tenants_and_no_other_concern() {
    let mut scene = Scene::new(receiver());
    let server = alert(Scope::Server, None, Concern::Connections, Level::Critical);
    let size = alert(Scope::Database, Some("shop"), Concern::Size, Level::Warning);
    let sent = scene.run(30, &[server, size, shop(Level::Critical)]);
    let [(_, batch)] = &sent[..] else {
        panic!("one notification: {sent:?}");
    };
    let told: Vec<_> = batch.alerts.iter().map(|it| &*it.alert.text).collect();
    assert_eq!(told, ["the server is full", "shop is full"]);
    assert_eq!(batch.alerts[1].alert.key.concern, Concern::Size);
    // Without the finding of the server, the tenant's own is told.
    let sent = scene.run(60, &[shop(Level::Critical)]);
    let told = sent.iter().flat_map(|(_, batch)| &batch.alerts);
    let concerns: Vec<_> = told
        .map(|it| (it.alert.key.concern, it.ends_at.is_none()))
        .collect();
    assert!(
        concerns.contains(&(Concern::Connections, true)),
        "{concerns:?}"
    );
}

#[test]
fn a_severity_that_rises_is_told_at_once() {
    let mut scene = Scene::new(receiver());
    assert_eq!(scene.run(10, &[shop(Level::Warning)]).len(), 1);
    let sent = scene.run(10, &[shop(Level::Critical)]);
    let [(at, batch)] = &sent[..] else {
        panic!("one notification: {sent:?}");
    };
    assert_eq!((*at, batch.level()), (11, Level::Critical));
}

#[test]
fn an_alert_that_lasts_is_repeated() {
    let mut scene = Scene::new(receiver());
    let sent = scene.run(9 * 3600, &[shop(Level::Critical)]);
    assert_eq!(sent.len(), 3, "at once, after 4 and after 8 hours");
}

/// A receiver that was away gets what has ended, too.
#[test]
fn a_receiver_that_was_away_is_told_of_both_times() {
    let mut scene = Scene::new(receiver());
    for _ in 0..20 {
        scene.observe(Some(&[shop(Level::Critical)]), true);
    }
    for _ in 0..20 {
        scene.observe(Some(&[]), true);
    }
    let batch = scene.deliver().expect("it is due");
    assert!(batch.is_resolved());
    let it = &batch.alerts[0];
    assert_eq!((it.starts_at, it.ends_at), (WALL + 1.0, Some(WALL + 20.0)));
    assert_eq!(scene.deliver(), None);
}

#[test]
fn a_receiver_gets_what_it_asks_for() {
    let web = ("team".to_owned(), WildMatch::new("w*"));
    let data = ("team".to_owned(), WildMatch::new("data"));
    let owner = ("owner".to_owned(), WildMatch::new("?*"));
    for (matchers, least, expected) in [
        (vec![], Some(Level::Warning), true),
        (vec![], Some(Level::Critical), false),
        (vec![], None, false),
        (vec![web.clone()], Some(Level::Info), true),
        (vec![web.clone(), data], Some(Level::Info), false),
        (vec![web, owner], Some(Level::Info), false),
    ] {
        let receiver = Receiver {
            matchers: matchers.into_iter().collect(),
            min_severity: least,
            ..receiver()
        };
        assert_eq!(
            receiver.wants(&shop(Level::Warning)),
            expected,
            "{receiver:?}"
        );
    }
}

#[test]
fn resolved_alerts_are_not_told_unless_asked_for() {
    let mut scene = Scene::new(Receiver {
        send_resolved: false,
        ..receiver()
    });
    assert_eq!(scene.run(10, &[shop(Level::Critical)]).len(), 1);
    assert_eq!(scene.run(60, &[]), []);
}

#[test]
fn an_alertmanager_is_told_each_minute() {
    let url = Url::parse("http://localhost:9093").expect("an address");
    let mut scene = Scene::new(Receiver {
        destination: Destination::Alertmanager(Address::Given(url)),
        ..receiver()
    });
    let sent = scene.run(6 + 10 * 60, &[shop(Level::Critical)]);
    assert_eq!(sent.len(), 11);
}
