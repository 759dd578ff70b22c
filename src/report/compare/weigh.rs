//! What a domain counts for in a comparison: itself, and its users on each counted list.

use super::super::survey::Survey;

/// A number of domains, and of the users that each counted list has at them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weighed {
    /// Domains.
    pub domains: u64,
    /// Users, by the place of the list in [`super::Comparison::lists`].
    pub users: Vec<u64>,
}

impl Weighed {
    /// Counts one domain with its users.
    pub(super) fn add(&mut self, users: &[u64]) {
        self.domains += 1;
        self.users.resize(users.len(), 0);
        for (sum, users) in self.users.iter_mut().zip(users) {
            *sum += users;
        }
    }

    /// Counts what another sum counts.
    pub(super) fn join(&mut self, other: &Self) {
        self.domains += other.domains;
        self.users
            .resize(self.users.len().max(other.users.len()), 0);
        for (sum, users) in self.users.iter_mut().zip(&other.users) {
            *sum += users;
        }
    }

    /// Users of a list; 0 beyond the last.
    pub fn users_of(&self, list: usize) -> u64 {
        self.users.get(list).copied().unwrap_or(0)
    }

    /// The most users that any list has.
    pub fn most_users(&self) -> u64 {
        self.users.iter().copied().max().unwrap_or(0)
    }
}

/// The counted lists of two surveys, by name.
pub(super) struct Weights {
    /// Their names, sorted.
    pub lists: Vec<String>,
    /// Users by row of `name` of the earlier survey; none: it has no such list.
    old: Vec<Option<Vec<u64>>>,
    /// The same of the later one.
    new: Vec<Option<Vec<u64>>>,
}

impl Weights {
    pub fn read(old: &Survey, new: &Survey) -> rusqlite::Result<Self> {
        let mut lists: Vec<String> = Vec::new();
        for survey in [old, new] {
            lists.extend(survey.counted()?.map(|list| list.source.clone()));
        }
        lists.sort();
        lists.dedup();
        let users = |survey: &Survey| -> rusqlite::Result<Vec<Option<Vec<u64>>>> {
            let known: Vec<_> = survey.counted()?.collect();
            let of_list = |name: &String| {
                let list = known.iter().find(|list| list.source == *name);
                list.map(|list| list.users_by_domain())
            };
            Ok(lists.iter().map(of_list).collect())
        };
        Ok(Self {
            old: users(old)?,
            new: users(new)?,
            lists,
        })
    }

    /// The users of a domain then; rows of `name`, 0 where there is none.
    pub fn then(&self, old: u32, into: &mut Vec<u64>) {
        into.clear();
        into.extend(self.old.iter().map(|list| users_at(list.as_ref(), old)));
    }

    /// The users of a domain as they are counted now; where it, or the list, is not there any more, as they were.
    pub fn now(&self, old: u32, new: u32, into: &mut Vec<u64>) {
        into.clear();
        let lists = self.old.iter().zip(&self.new);
        into.extend(lists.map(|(before, after)| match after {
            Some(_) if new != 0 => users_at(after.as_ref(), new),
            _ => users_at(before.as_ref(), old),
        }));
    }
}

fn users_at(list: Option<&Vec<u64>>, domain: u32) -> u64 {
    list.and_then(|users| users.get(domain as usize))
        .copied()
        .unwrap_or(0)
}
