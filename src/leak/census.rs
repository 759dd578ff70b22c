//! The whole list: users for each domain, and what was not counted. Threads hand their [`Tally`] over from time to time;
//! only here a name is checked, and only names that pass are kept.

use super::address::Cause;
use super::names::Names;
use super::tally::{Rules, Tally};

/// The sums of a list.
#[derive(Default)]
pub struct Census {
    /// Users by domain.
    pub names: Names,
    /// Users in all.
    pub users: u64,
    /// Lines read.
    pub lines: u64,
    /// Lines and addresses that were not counted, by cause.
    pub causes: [u64; Cause::ALL.len()],
    /// Lines of column names.
    pub headers: u64,
    /// Addresses that were there before, where each counts once.
    pub repeated: u64,
    /// Users that an alias folded into another domain.
    pub aliased: u64,
}

impl Census {
    /// Takes over what a thread has counted, and leaves it empty.
    pub fn take(&mut self, tally: &mut Tally<'_>, rules: &Rules) {
        tally.drain(|raw, users| self.add(raw, users, rules));
        for (sum, count) in self.causes.iter_mut().zip(&mut tally.causes) {
            *sum += std::mem::take(count);
        }
        self.lines += std::mem::take(&mut tally.lines);
        self.headers += std::mem::take(&mut tally.headers);
        self.repeated += std::mem::take(&mut tally.repeated);
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
            Err(cause) => self.causes[cause as usize] += users,
        }
    }
}
