//! A judgement as series show it: numbers, and which database or role has which finding. Without texts and SQL, because the agent
//! keeps it until the next one.

use std::collections::{BTreeMap, BTreeSet};

use super::{Judgement, Kind, UnmetRole};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// The number of findings of each kind that was checked. A kind that was skipped is absent.
    pub(crate) counts: BTreeMap<Kind, usize>,
    /// Findings about a database, by its name.
    pub(crate) databases: BTreeMap<String, BTreeSet<Kind>>,
    /// Findings about a role and no database, by its name.
    pub(crate) roles: BTreeMap<String, BTreeSet<Kind>>,
    /// As in the judgement; None: it could not be made.
    pub(crate) unmet: Option<Vec<UnmetRole>>,
    /// The login roles that may connect to a database and do not belong to it.
    pub(crate) foreign: BTreeMap<String, usize>,
}

impl From<Judgement> for Summary {
    fn from(judgement: Judgement) -> Self {
        let mut counts: BTreeMap<_, _> = Kind::of_server().map(|kind| (kind, 0)).collect();
        for skipped in &judgement.skipped {
            counts.remove(&skipped.kind);
        }
        let is_judged = counts.contains_key(&Kind::PublicConnect);
        let mut summary = Self {
            counts,
            unmet: is_judged.then_some(judgement.unmet),
            foreign: judgement.foreign,
            ..Self::default()
        };
        for finding in judgement.findings {
            if let Some(count) = summary.counts.get_mut(&finding.kind) {
                *count += 1;
            }
            let (by_name, name) = match (finding.datname, finding.rolname) {
                (Some(datname), _) => (&mut summary.databases, datname),
                (None, Some(rolname)) => (&mut summary.roles, rolname),
                (None, None) => continue,
            };
            by_name.entry(name).or_default().insert(finding.kind);
        }
        summary
    }
}
