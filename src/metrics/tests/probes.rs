//! The probes of the golden page: a database with workspaces, one with an unreadable table, and one that does not exist.

use super::*;
use crate::probe::ProbeView;
use crate::sample::access::Name;
use crate::sample::probe::{
    InnerObject, InnerPrivileges, Objects, ProbeAnswer, WorkspaceStatistics, WorkspaceTable,
    WorkspaceValue,
};
use crate::series::slots::SeriesSlots;

pub(super) fn probes() -> BTreeMap<String, Arc<Attachment<Arc<ProbeView>>>> {
    let mut health = Health::of(&["probe"]);
    health.polled(0, Outcome::Ok, Duration::from_millis(4), 1_700_000_050.0);
    let known = Attachment::new(Ok(view(true)), health.clone());
    let hidden = Attachment::new(Ok(view(false)), health);
    let mut failing = Health::of(&["probe"]);
    failing.connect_failed(ConnectFailure::Database);
    let gone = Attachment::new(Err(Down::Connect(ConnectFailure::Database)), failing);
    let probes = [("gone", gone), ("rag", known), ("shop", hidden)];
    let probes = probes.map(|(name, probe)| (name.to_owned(), Arc::new(probe)));
    probes.into()
}

fn name(text: &str) -> Name {
    Name {
        shown: text.to_owned(),
        exact: Some(text.to_owned()),
    }
}

fn view(is_readable: bool) -> Arc<ProbeView> {
    let table = WorkspaceTable {
        oid: 7,
        schema: name("public"),
        name: name("lightrag_doc"),
        rows: 1000.0,
        is_readable,
        has_statistics: is_readable,
        is_empty: false,
        analysed: Some(1_699_990_000.0),
        written: 3,
    };
    let value = |start: &str, rows| WorkspaceValue {
        start: Some(start.to_owned()),
        hash: None,
        rows,
        bytes: None,
    };
    let schema = InnerObject {
        schema: name("public"),
        name: None,
        arguments: String::new(),
    };
    let answer = ProbeAnswer {
        workspaces: Some(WorkspaceStatistics {
            tables: vec![table],
            values: vec![value("acme \"<b>\n", 600.0), value("globex", 250.0)],
        }),
        inside: InnerPrivileges {
            schemas: Objects {
                first: vec![schema],
                total: 1,
            },
            ..InnerPrivileges::default()
        },
    };
    let mut slots = SeriesSlots::default();
    Arc::new(ProbeView::of(answer, &mut slots, Duration::ZERO))
}
