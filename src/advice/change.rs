//! What becomes of the limit of one database: what it should have, and what the slots leave of that.

use super::limit::{Wanted, with_margin};
use super::server::Measured;
use super::tenant::Verdict;
use super::text;

/// The database for administration, which belongs to no tenant.
const MAINTENANCE: &str = "postgres";

/// What becomes of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LimitChange {
    /// Nothing is known, or its history is not enough.
    Withheld,
    /// The limit is right, or none is needed.
    Keep,
    /// The limit is 0: the database is closed on purpose.
    Closed,
    /// It used more than was declared, which must be decided first.
    AboveDeclared {
        declared: u32,
    },
    Set {
        limit: u32,
        is_reduced: bool,
    },
    /// The limit itself is unknown.
    Compare {
        limit: u32,
    },
    /// It needs more, and the server has no slots for it.
    NoSlots {
        wanted: u32,
    },
    /// Its pools can open more than the server has slots.
    PoolsAboveSlots {
        ceiling: u32,
        slots: u32,
    },
}

/// What one database should have, without regard to the others.
pub(super) fn wish(measured: &Measured, is_alone: bool) -> LimitChange {
    let facts = &measured.facts;
    let Some(peak) = measured.peak else {
        return LimitChange::Withheld;
    };
    if facts.limit == Some(0) {
        return LimitChange::Closed;
    }
    let declared = facts.declared();
    if let Some(declared) = declared.filter(|declared| peak > *declared) {
        return LimitChange::AboveDeclared { declared };
    }
    let limit = with_margin(peak).min(declared.unwrap_or(u32::MAX));
    let set = LimitChange::Set {
        limit,
        is_reduced: false,
    };
    match facts.limit {
        Some(own) if is_reached(peak, own) && limit > own => set,
        _ if !measured.evidence.is_enough() => LimitChange::Withheld,
        Some(own) if u64::from(limit) * 5 <= u64::from(own) * 4 => set,
        Some(_) => LimitChange::Keep,
        None if is_alone || facts.datname == MAINTENANCE => LimitChange::Keep,
        None if facts.is_unlimited => set,
        None => LimitChange::Compare { limit },
    }
}

/// At 90 % of a limit.
fn is_reached(peak: u32, limit: u32) -> bool {
    u64::from(peak) * 10 >= u64::from(limit) * 9
}

/// What a database takes of the slots.
pub(super) fn wanted(wish: LimitChange, measured: &Measured) -> Wanted {
    let peak = measured.peak.unwrap_or(0);
    let limit = match wish {
        LimitChange::Set { limit, .. } | LimitChange::Compare { limit } => limit,
        // A limit that stays may be far above what is used: then it counts as what its database needs.
        LimitChange::Withheld
        | LimitChange::Keep
        | LimitChange::Closed
        | LimitChange::AboveDeclared { .. }
        | LimitChange::NoSlots { .. }
        | LimitChange::PoolsAboveSlots { .. } => {
            with_margin(peak).min(measured.facts.limit.unwrap_or(u32::MAX))
        }
    };
    Wanted { peak, limit }
}

/// The wish, with what the slots leave. None: not even the peaks fit.
pub(super) fn fitting(wish: LimitChange, measured: &Measured, left: Option<u32>) -> LimitChange {
    let LimitChange::Set { limit: wanted, .. } = wish else {
        return wish;
    };
    let own = measured.facts.limit;
    let is_lower = own.is_some_and(|own| wanted < own);
    match (left, own) {
        _ if is_lower && left.is_none() => wish,
        (Some(left), Some(own)) if !is_lower && left <= own => LimitChange::NoSlots { wanted },
        (Some(left), _) => LimitChange::Set {
            limit: left,
            is_reduced: left < wanted,
        },
        (None, _) => LimitChange::NoSlots { wanted },
    }
}

impl LimitChange {
    /// The limit that the database should have.
    pub(super) fn recommended(self, own: Option<u32>) -> Option<u32> {
        match self {
            Self::Set { limit, .. } | Self::Compare { limit } => Some(limit),
            Self::Keep => own,
            Self::Withheld
            | Self::Closed
            | Self::AboveDeclared { .. }
            | Self::NoSlots { .. }
            | Self::PoolsAboveSlots { .. } => None,
        }
    }

    pub(super) fn is_set(self) -> bool {
        matches!(self, Self::Set { .. })
    }

    pub(super) fn verdict(self) -> Verdict {
        match self {
            Self::Withheld | Self::Keep | Self::Closed => Verdict::Stay,
            Self::AboveDeclared { .. } | Self::Compare { .. } => Verdict::Watch,
            Self::Set { .. } => Verdict::SetLimit,
            Self::NoSlots { .. } | Self::PoolsAboveSlots { .. } => Verdict::AddPooler,
        }
    }

    pub(super) fn reasons(self, measured: &Measured) -> Vec<String> {
        if measured.peak.is_none() && self == Self::Withheld {
            return Vec::new();
        }
        let is_reduced = matches!(self, Self::Set { is_reduced, .. } if is_reduced);
        let reduced = "its margin is smaller, because all limits together must fit into the slots";
        let mut reasons = vec![self.reason(measured)];
        reasons.extend(is_reduced.then(|| reduced.to_owned()));
        reasons.extend(exhausted(measured));
        reasons
    }

    fn reason(self, measured: &Measured) -> String {
        let peak = measured.peak.unwrap_or(0);
        let days = measured.evidence.days().unwrap_or(0.0);
        let days = text::days(days);
        let own = measured.facts.limit;
        let of = own.map_or_else(String::new, |own| format!(" of {own}"));
        let seen = format!("its peak in {days} was {peak}{of}");
        match self {
            Self::Withheld | Self::Keep => seen,
            Self::Closed => "its limit is 0: it is closed on purpose".to_owned(),
            Self::AboveDeclared { declared } => format!(
                "{seen}, more than the {declared} of its budget or its pools: correct the declaration or the pools first"
            ),
            Self::Set { limit, .. } => match own {
                None => {
                    format!("{seen}, and it has no limit: {limit} protects the slots of others")
                }
                Some(own) if limit < own => format!("{seen}: {limit} is enough"),
                Some(_) => format!("{seen}: {limit} leaves room"),
            },
            Self::Compare { limit } => {
                format!("{seen}: compare its limit, which is unknown here, with {limit}")
            }
            Self::NoSlots { wanted } => format!(
                "{seen}, and {wanted} connections do not fit into the slots beside the others: put a pooler before it"
            ),
            Self::PoolsAboveSlots { ceiling, slots } => format!(
                "its pools may open {ceiling} connections, and the server has {slots} slots: put a pooler before it"
            ),
        }
    }
}

fn exhausted(measured: &Measured) -> Option<String> {
    let seconds = measured.facts.exhausted.filter(|it| *it >= 1.0)?;
    let fatal = measured.facts.fatal.filter(|it| *it >= 1.0);
    let fatal = fatal.map_or_else(String::new, |fatal| {
        format!("; {fatal:.0} sessions ended with a fatal error, refused logins among them")
    });
    Some(format!(
        "it had no free connection for {seconds:.0} s{fatal}"
    ))
}
