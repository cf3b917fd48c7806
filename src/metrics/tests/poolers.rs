//! The poolers of the golden page: one that answers, and one that does not.

use super::*;
use crate::pooler::{PoolerTracker, PoolerView};
use crate::sample::pooler::{
    Alias, AliasFigure, AliasTotals, Pool as PoolRow, PoolFigure, PoolerAnswer, PoolerSettings,
    TotalFigure,
};

pub(super) fn poolers() -> BTreeMap<String, Arc<Attachment<Arc<PoolerView>>>> {
    let mut health = Health::of(&["pooler"]);
    health.polled(0, Outcome::Ok, Duration::from_micros(400), 1_700_000_099.0);
    let edge = Attachment::new(Ok(Arc::new(view())), health);
    let spare = Down::Connect(ConnectFailure::Refused);
    let spare = Attachment::new(Err(spare), Health::of(&["pooler"]));
    let poolers = [("edge", edge), ("spare", spare)];
    let poolers = poolers.map(|(name, pooler)| (name.to_owned(), Arc::new(pooler)));
    poolers.into()
}

/// 1, 2, 3 and so on, so that two columns cannot be confused.
fn figures<const N: usize>() -> [Option<f64>; N] {
    std::array::from_fn(|n| Some(n as f64 + 1.0))
}

fn view() -> PoolerView {
    let alias = Alias {
        name: "shop_ro".to_owned(),
        host: "10.0.0.5".to_owned(),
        port: "5432".to_owned(),
        datname: "shop".to_owned(),
        force_user: String::new(),
        pool_mode: "transaction".to_owned(),
        figures: figures::<{ AliasFigure::COUNT }>(),
    };
    let pool = PoolRow {
        alias: "shop_ro".to_owned(),
        user: "shop \"<b>".to_owned(),
        figures: figures::<{ PoolFigure::COUNT }>(),
    };
    let totals = AliasTotals {
        alias: "shop_ro".to_owned(),
        figures: figures::<{ TotalFigure::COUNT }>(),
    };
    let items = [
        "databases",
        "users",
        "pools",
        "free_clients",
        "used_clients",
    ];
    let servers = ["login_clients", "free_servers", "used_servers"];
    let dns = ["dns_names", "dns_zones", "dns_queries"];
    let lists = items.into_iter().chain(servers).chain(dns);
    let settings = PoolerSettings {
        version: "PgBouncer 1.18.0".to_owned(),
        clients: Some(BTreeMap::from([(
            ["shop_ro", "shop", "worker", "active"].map(str::to_owned),
            3,
        )])),
        aliases: vec![alias],
        users: Vec::new(),
        totals: vec![totals],
        lists: lists
            .zip(1..)
            .map(|(item, n)| (item.to_owned(), f64::from(n)))
            .collect(),
        max_clients: Some(100.0),
        max_user_connections: Some(0.0),
    };
    let mut tracker = PoolerTracker::default();
    let mut view = None;
    for seconds in [0, 2] {
        let answer = PoolerAnswer {
            pools: vec![pool.clone()],
            settings: Some(settings.clone()),
        };
        let (now, window) = (Duration::from_secs(seconds), Duration::from_mins(2));
        view = Some(tracker.observe(answer, &[], now, window));
    }
    view.expect("two polls")
}
