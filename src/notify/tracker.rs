//! Which alerts last, since when, and which are silenced. Pure: `now` is the time since the start, `wall` is in seconds since the epoch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::alert::{Alert, AlertKey, Silence};

/// An alert ends when its problem was absent for so long, as far as the agent could tell.
const MIN_HOLD: Duration = Duration::from_secs(5);
/// The longest hold of an alert that comes again and again.
const MAX_HOLD: Duration = Duration::from_mins(10);
/// An alert that comes again within this time after its end is the same one: it is held four times longer.
const RECENT: Duration = Duration::from_hours(1);
/// The maximum number of alerts. Tenants can cause at most a few per database and role.
pub(super) const MAX_ALERTS: usize = 2000;

/// One alert that lasts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ActiveAlert {
    pub(super) alert: Arc<Alert>,
    /// When it began.
    pub(super) since: Duration,
    pub(super) starts_at: f64,
    /// When the problem was last there, or last unknown.
    pub(super) until: f64,
    /// False: the problem is absent, but not for long enough.
    pub(super) is_present: bool,
    pub(super) is_silenced: bool,
}

/// The alerts of all servers at one time.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct AlertSet {
    pub(super) active: BTreeMap<AlertKey, ActiveAlert>,
    /// How many alerts are left out, because there are more than [`MAX_ALERTS`].
    pub(super) left_out: usize,
}

/// What was found out about one server.
pub(super) struct Observed<'a> {
    pub(super) server: &'a str,
    /// None: nothing is known of it yet.
    pub(super) alerts: Option<BTreeMap<AlertKey, Alert>>,
    /// Whether the absence of an alert means that its problem has ended.
    pub(super) is_known: &'a dyn Fn(&AlertKey) -> bool,
}

#[derive(Debug, Default)]
pub(super) struct Tracker {
    lasting: BTreeMap<AlertKey, Lasting>,
    /// When an alert ended, and how long it was held.
    recent: BTreeMap<AlertKey, (Duration, Duration)>,
    left_out: usize,
}

#[derive(Debug)]
struct Lasting {
    active: ActiveAlert,
    /// Since when the problem is absent.
    absent_since: Option<Duration>,
    hold: Duration,
}

impl Tracker {
    /// Takes what was found out about all servers. A server that is not among them was removed from the configuration, and its alerts end.
    pub(super) fn observe(&mut self, servers: Vec<Observed<'_>>, now: Duration, wall: f64) {
        self.recent.retain(|_, (ended, _)| now < *ended + RECENT);
        self.lasting
            .retain(|key, _| servers.iter().any(|it| it.server == key.server));
        self.left_out = 0;
        for Observed {
            server,
            alerts,
            is_known,
        } in servers
        {
            let Some(alerts) = alerts else { continue };
            self.absent(server, &alerts, is_known, now, wall);
            for alert in alerts.into_values() {
                self.present(alert, now, wall);
            }
        }
    }

    fn absent(
        &mut self,
        server: &str,
        alerts: &BTreeMap<AlertKey, Alert>,
        is_known: &dyn Fn(&AlertKey) -> bool,
        now: Duration,
        wall: f64,
    ) {
        let recent = &mut self.recent;
        self.lasting.retain(|key, lasting| {
            if key.server != server || alerts.contains_key(key) {
                return true;
            }
            if !is_known(key) {
                lasting.active.until = wall;
                return true;
            }
            lasting.active.is_present = false;
            let since = *lasting.absent_since.get_or_insert(now);
            let has_ended = now >= since + lasting.hold;
            if has_ended {
                recent.insert(key.clone(), (now, lasting.hold));
            }
            !has_ended
        });
        while recent.len() > MAX_ALERTS {
            recent.pop_first();
        }
    }

    fn present(&mut self, mut alert: Alert, now: Duration, wall: f64) {
        if let Some(lasting) = self.lasting.get_mut(&alert.key) {
            if alert.is_unknown {
                // It was certain before, and nothing says that it has become better.
                alert.set_level(alert.level.max(lasting.active.alert.level));
            }
            if *lasting.active.alert != alert {
                lasting.active.alert = Arc::new(alert);
            }
            lasting.active.is_present = true;
            lasting.active.until = wall;
            lasting.absent_since = None;
            return;
        }
        if self.lasting.len() >= MAX_ALERTS {
            self.left_out += 1;
            return;
        }
        let before = self.recent.remove(&alert.key);
        let hold = before.map_or(MIN_HOLD, |(_, hold)| (hold * 4).min(MAX_HOLD));
        let lasting = Lasting {
            active: ActiveAlert {
                since: now,
                starts_at: wall,
                until: wall,
                is_present: true,
                is_silenced: false,
                alert: Arc::new(alert),
            },
            absent_since: None,
            hold,
        };
        let key = lasting.active.alert.key.clone();
        self.lasting.insert(key, lasting);
    }

    pub(super) fn alerts(&self) -> AlertSet {
        let mut silences: BTreeMap<&str, Silence> = BTreeMap::new();
        for (key, lasting) in &self.lasting {
            let silence = silences.entry(&key.server).or_default();
            silence.add(key, lasting.active.alert.level);
        }
        let active = self.lasting.iter().map(|(key, lasting)| {
            let active = ActiveAlert {
                is_silenced: silences[&*key.server].covers(key),
                ..lasting.active.clone()
            };
            (key.clone(), active)
        });
        AlertSet {
            active: active.collect(),
            left_out: self.left_out,
        }
    }
}
