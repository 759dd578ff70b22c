//! The packed facts of `judged_domain` and `judged_server`, in SQL: two bits a fact and rule.

use crate::judge::facts::shift;
use crate::judge::{Fact, Rule};

/// The expression that takes a fact out of the column `facts`.
fn column(fact: Fact, rule: Rule) -> String {
    format!("((facts >> {}) & 3)", shift(fact, rule))
}

/// The expression that spells a packed fact.
pub(super) fn spelled(fact: Fact, rule: Rule) -> String {
    format!(
        "CASE {} WHEN 1 THEN 'no' WHEN 2 THEN 'yes' WHEN 3 THEN 'mixed' ELSE 'unknown' END",
        column(fact, rule)
    )
}
