//! Memberships of roles: which login roles have the privileges of a role, and which roles a login role can make its own. Follows
//! `roles_is_member_of` in PostgreSQL's `acl.c`.

use std::collections::HashMap;

use crate::sample::Oid;
use crate::sample::access::{Access, Membership, RoleAccess};

/// Following memberships takes at most this many steps, about 0.1 s. Roles can be nested so that the number grows with the
/// square of theirs.
const MAX_STEPS: usize = 2_000_000;

pub(super) struct Graph<'a> {
    pub(super) roles: &'a [RoleAccess],
    at: HashMap<Oid, usize>,
    named: HashMap<&'a str, usize>,
    /// For each role the memberships that it has.
    groups: Vec<Vec<Membership>>,
    /// For each role the login roles that have its privileges, itself included. Superusers are left out: they have all.
    heirs: Vec<Vec<usize>>,
}

/// A role that a login role reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reached {
    pub(super) role: usize,
    /// By SET ROLE, so with the attributes of that role; otherwise only with its privileges.
    pub(super) set: bool,
}

impl<'a> Graph<'a> {
    /// None if there are too many memberships to follow.
    pub(super) fn of(access: &'a Access) -> Option<Self> {
        let roles = &access.roles[..];
        let at: HashMap<_, _> = roles
            .iter()
            .enumerate()
            .map(|(n, it)| (it.oid, n))
            .collect();
        let mut groups = vec![Vec::new(); roles.len()];
        for membership in &access.memberships {
            if let Some(member) = at.get(&membership.member) {
                groups[*member].push(*membership);
            }
        }
        let mut graph = Self {
            roles,
            at,
            named: roles
                .iter()
                .enumerate()
                .map(|(n, it)| (&*it.name.shown, n))
                .collect(),
            groups,
            heirs: vec![Vec::new(); roles.len()],
        };
        let mut steps = 0;
        for login in 0..roles.len() {
            if graph.is_ordinary_login(login) {
                for role in graph.inherited(login, &mut steps)? {
                    graph.heirs[role].push(login);
                }
            }
        }
        Some(graph)
    }

    pub(super) fn at(&self, oid: Oid) -> Option<usize> {
        self.at.get(&oid).copied()
    }

    pub(super) fn named(&self, name: &str) -> Option<usize> {
        self.named.get(name).copied()
    }

    pub(super) fn heirs(&self, role: usize) -> &[usize] {
        &self.heirs[role]
    }

    pub(super) fn groups(&self, member: usize) -> &[Membership] {
        &self.groups[member]
    }

    pub(super) fn logins(&self) -> impl Iterator<Item = usize> {
        (0..self.roles.len()).filter(|at| self.is_ordinary_login(*at))
    }

    pub(super) fn is_ordinary_login(&self, at: usize) -> bool {
        self.roles[at].can_login && !self.roles[at].superuser
    }

    /// The role itself and all roles whose privileges it has without SET ROLE (`has_privs_of_role`).
    pub(super) fn inherited(&self, role: usize, steps: &mut usize) -> Option<Vec<usize>> {
        let mut found = vec![role];
        if self.groups[role].is_empty() {
            return Some(found);
        }
        let mut seen = RoleSet::empty(self.roles.len());
        seen.insert(role);
        let mut next = 0;
        while let Some(role) = found.get(next).copied() {
            next += 1;
            for edge in &self.groups[role] {
                *steps += 1;
                if *steps > MAX_STEPS {
                    return None;
                }
                let Some(group) = self.at(edge.group).filter(|_| edge.inherit) else {
                    continue;
                };
                if seen.insert(group) {
                    found.push(group);
                }
            }
        }
        Some(found)
    }

    /// All roles that this one can make its own, without itself: by inheritance, by SET ROLE, and by granting itself a role of
    /// which it has ADMIN OPTION. A chain of SET ROLE must allow SET in each link; inherited roles may follow at its end.
    /// None if there are too many memberships to follow.
    pub(super) fn reached(&self, role: usize, steps: &mut usize) -> Option<Vec<Reached>> {
        let start = Reached { role, set: true };
        let (mut found, mut next) = (vec![start], 0);
        let mut seen = [(); 2].map(|()| RoleSet::empty(self.roles.len())); // without SET, with SET
        seen[usize::from(start.set)].insert(role);
        while let Some(from) = found.get(next).copied() {
            next += 1;
            for edge in &self.groups[from.role] {
                *steps += 1;
                if *steps > MAX_STEPS {
                    return None;
                }
                let set = (edge.set && from.set) || edge.admin;
                let Some(role) = self.at(edge.group).filter(|_| set || edge.inherit) else {
                    continue;
                };
                if !seen[1].contains(role) && seen[usize::from(set)].insert(role) {
                    found.push(Reached { role, set });
                }
            }
        }
        found.remove(0);
        Some(found)
    }
}

/// A set of roles, by their position.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct RoleSet(Vec<u64>);

impl RoleSet {
    pub(super) fn empty(roles: usize) -> Self {
        Self(vec![0; roles.div_ceil(64)])
    }

    /// False if it was there already.
    pub(super) fn insert(&mut self, at: usize) -> bool {
        let is_new = !self.contains(at);
        self.0[at / 64] |= 1 << (at % 64);
        is_new
    }

    pub(super) fn contains(&self, at: usize) -> bool {
        self.0[at / 64] & (1 << (at % 64)) != 0
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        let bits = |(n, word): (usize, &u64)| {
            let word = *word;
            (0..64)
                .filter(move |bit| word & (1 << bit) != 0)
                .map(move |bit| n * 64 + bit)
        };
        let used = self.0.iter().enumerate().filter(|(_, word)| **word != 0);
        used.flat_map(bits)
    }

    /// The roles that are in this set and not in the other.
    pub(super) fn without(&self, other: &Self) -> Self {
        let words = self.0.iter().zip(&other.0);
        Self(words.map(|(one, other)| one & !other).collect())
    }
}
