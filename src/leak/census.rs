//! The whole list: users for each domain, and what was not counted. Threads hand their [`ThreadTally`] over from time to time;
//! only here a name is checked, and only names that pass are kept.

use super::names::NameTable;
use super::tally::{Rules, Sums, ThreadTally};

/// The sums of a list.
#[derive(Default)]
pub struct Census {
    /// Users by domain.
    pub names: NameTable,
    /// Users in all.
    pub users: u64,
    /// All that is no name.
    pub sums: Sums,
    /// Users that an alias folded into another domain.
    pub aliased: u64,
}

impl Census {
    /// Takes over the names that a thread has counted.
    pub fn take_names(&mut self, tally: &mut ThreadTally<'_>, rules: &Rules) {
        tally.drain(|raw, users| self.add(raw, users, rules));
    }

    /// Takes over all that a thread has counted of an input.
    pub fn take(&mut self, tally: &mut ThreadTally<'_>, rules: &Rules) {
        self.take_names(tally, rules);
        self.sums.add(&std::mem::take(&mut tally.sums));
    }

    fn add(&mut self, raw: &[u8], users: u64, rules: &Rules) {
        // Only canonical names are in the table, and never an alias: nothing is left to check.
        if self.names.add_known(raw, users) {
            self.users += users;
            return;
        }
        match rules.name(raw) {
            Ok(name) => {
                let target = rules.aliases.resolve(&name);
                if target != &*name {
                    self.aliased += users;
                }
                self.names.add(target, users);
                self.users += users;
            }
            Err(cause) => self.sums.causes[cause as usize] += users,
        }
    }
}
