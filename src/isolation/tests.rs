//! Facts that a real server shows only with effort: what is hidden, what is too much, names that are not UTF-8.

use super::{Judgement, Kind, Question, judge};
use crate::policy::Policy;
use crate::sample::Oid;
use crate::sample::access::{
    Access, DatabaseAccess, Grant, Membership, Name, RoleAccess, SessionCount,
};

const ADMIN: Oid = 10;
const AGENT: Oid = 11;

fn name(text: &str) -> Name {
    Name {
        shown: text.to_owned(),
        exact: Some(text.to_owned()),
    }
}

fn role(oid: Oid, text: &str) -> RoleAccess {
    RoleAccess {
        oid,
        name: name(text),
        can_login: true,
        superuser: oid == ADMIN,
        attributes: Vec::new(),
        connection_limit: -1,
    }
}

fn grant(grantee: Option<Oid>) -> Grant {
    Grant {
        grantee,
        grantor: ADMIN,
        connect: true,
        temporary: false,
        create: grantee.is_some(),
    }
}

fn database(oid: Oid, grantees: &[Option<Oid>]) -> DatabaseAccess {
    DatabaseAccess {
        oid,
        name: name(&format!("db{oid}")),
        owner: ADMIN,
        connection_limit: -1,
        accepts_connections: true,
        is_template: false,
        grants: grantees.iter().copied().map(grant).collect(),
    }
}

fn membership(group: Oid, member: Oid) -> Membership {
    Membership {
        group,
        member,
        grantor: ADMIN,
        inherit: true,
        set: true,
        admin: false,
    }
}

/// As many tenants as given, each with a role and a database of its own.
fn tenants(count: Oid, public: bool) -> Access {
    let mut access = Access {
        roles: vec![role(ADMIN, "postgres"), role(AGENT, "agent")],
        sessions: Some(Vec::new()),
        ..Access::default()
    };
    for n in 0..count {
        access.roles.push(role(1000 + n, &format!("r{n}")));
        let grantees = [Some(1000 + n), None];
        let grantees = &grantees[..=usize::from(public)];
        access.databases.push(database(100_000 + n, grantees));
    }
    access
}

fn judged(access: &Access) -> Judgement {
    judge(Question {
        access,
        policy: &Policy::default(),
        own_role: AGENT,
        own_database: "postgres",
        major: 15,
    })
}

fn of_kind(judgement: &Judgement, kind: Kind) -> Vec<&super::Finding> {
    let findings = judgement.findings.iter();
    findings.filter(|finding| finding.kind == kind).collect()
}

#[test]
fn a_thousand_tenants_have_one_finding_each_and_not_one_for_each_pair() {
    let judgement = judged(&tenants(1000, true));
    let open = of_kind(&judgement, Kind::PublicConnect);
    assert_eq!(open.len(), 1000);
    assert!(
        open.iter()
            .all(|it| it.roles.total == 1000 && it.roles.first.len() == 20)
    ); // the agent, too
    assert_eq!(judgement.foreign.len(), 1000);
    assert!(of_kind(&judgement, Kind::ForeignConnect).is_empty());
}

#[test]
fn many_roles_with_privileges_on_one_database_are_one_finding() {
    let mut access = tenants(100, false);
    access.databases[0]
        .grants
        .extend((0..100).map(|n| grant(Some(1000 + n))));
    let judgement = judged(&access);
    let foreign = of_kind(&judgement, Kind::ForeignConnect);
    // Each role has CREATE on two databases now, so none belongs to the first.
    assert_eq!(
        foreign
            .iter()
            .filter(|it| it.datname.as_deref() == Some("db100000"))
            .count(),
        1
    );
}

#[test]
fn an_answer_that_is_not_whole_skips_all_checks() {
    let access = Access {
        truncated: Some("roles"),
        ..tenants(2, true)
    };
    let judgement = judged(&access);
    assert!(judgement.findings.is_empty());
    let skipped: Vec<_> = judgement.skipped.iter().map(|it| it.kind).collect();
    assert_eq!(skipped, Kind::of_server().collect::<Vec<_>>());
}

/// 2,500 roles, each a member of the one before it: three million memberships to follow.
#[test]
fn nested_roles_cannot_keep_the_judgement_busy() {
    const ROLES: Oid = 2500;
    let mut access = tenants(2, true);
    access.roles.truncate(2);
    let roles = (0..ROLES).map(|n| role(1000 + n, &format!("r{n}")));
    access.roles.extend(roles);
    access.memberships = (1..ROLES)
        .map(|n| membership(1000 + n - 1, 1000 + n))
        .collect();
    let judgement = judged(&access);
    assert!(judgement.findings.is_empty());
    assert_eq!(judgement.skipped.len(), Kind::of_server().count());
    for membership in &mut access.memberships {
        membership.inherit = false;
    }
    let judgement = judged(&access);
    let skipped: Vec<_> = judgement.skipped.iter().map(|it| it.kind).collect();
    assert_eq!(skipped, [Kind::ElevatedMembership]);
    assert_eq!(of_kind(&judgement, Kind::PublicConnect).len(), 2);
}

#[test]
fn nothing_is_repaired_without_a_decision_while_sessions_are_hidden() {
    let access = Access {
        sessions: None,
        ..tenants(2, true)
    };
    let judgement = judged(&access);
    let open = of_kind(&judgement, Kind::PublicConnect);
    assert!(
        open.iter()
            .all(|it| !it.repair.is_safe() && it.breaks.is_none())
    );
    assert_eq!(judgement.skipped.len(), 3);
}

#[test]
fn a_name_that_is_not_utf_8_has_no_sql() {
    let mut access = tenants(1, true);
    access.databases[0].name.exact = None;
    let judgement = judged(&access);
    let open = of_kind(&judgement, Kind::PublicConnect);
    assert!(open[0].repair.sql().is_none() && open[0].repair.decide.is_some());
}

#[test]
fn sessions_without_tls_are_found_for_each_database() {
    let mut access = tenants(1, false);
    access.sessions = Some(vec![SessionCount {
        database: 100_000,
        role: 1000,
        count: 3,
        cleartext: 2,
    }]);
    let judgement = judged(&access);
    let found = of_kind(&judgement, Kind::CleartextSessions);
    let broken = found[0].breaks.as_ref().expect("sessions are visible");
    assert_eq!((broken[0].rolname.as_str(), broken[0].sessions), ("r0", 2));
}
