//! What the terms of a record come to one behind the other, for the clients of each family.

use super::space::{IPV4, IPV6, Space};
use crate::record::{PolicyState, SpfResult};

/// What a record comes to, for each family.
#[derive(Clone, Debug)]
pub(super) struct Walked {
    /// For a client that no mechanism matches.
    pub(super) result: [SpfResult; 2],
    /// Whom it lets pass.
    pub(super) pass: [Space; 2],
    /// The qualifier of the `all` that was reached.
    pub(super) all: Option<SpfResult>,
}

/// What a mechanism matches, as far as that does not hang on the client.
pub(super) enum Reach {
    /// These networks.
    Networks([Space; 2]),
    /// Whoever passes the included record.
    Included(Walked),
    /// It hangs on the client.
    Client,
}

impl Reach {
    /// Every client.
    pub(super) fn everybody() -> Self {
        Self::Networks([Space::all(IPV4), Space::all(IPV6)])
    }

    /// No client.
    pub(super) fn nobody() -> Self {
        Self::Networks(Default::default())
    }
}

/// Where one stands in a record, for one family.
#[derive(Clone, Default)]
pub(super) struct FamilyReading {
    /// Addresses that a term has matched already.
    pub(super) decided: Space,
    pub(super) pass: Space,
    /// How it ended.
    pub(super) result: Option<SpfResult>,
    /// Every client has been matched: nobody reads on.
    pub(super) is_over: bool,
}

impl FamilyReading {
    /// A term matched these addresses.
    pub(super) fn matched(&mut self, space: &Space, qualifier: SpfResult, family: usize) {
        if self.result.is_some() || space.is_empty() {
            return;
        }
        if qualifier == SpfResult::Pass {
            self.pass.add(space.without(&self.decided));
        }
        self.decided.add(space.clone());
        if self.decided.is_all(family) {
            self.result = Some(qualifier);
            self.is_over = true;
        }
    }

    /// It ends in an error here. What else is wrong is read nevertheless.
    pub(super) fn ended(&mut self, result: SpfResult) {
        match self.result {
            None => self.result = Some(result),
            // What is wrong for certain counts before what is not known.
            Some(SpfResult::Temperror) if result == SpfResult::Permerror => {
                self.result = Some(result);
            }
            _ => {}
        }
    }

    pub(super) fn break_off(&mut self) {
        self.ended(SpfResult::Permerror);
    }

    /// The rest is as the record says that is redirected to.
    pub(super) fn take_over(&mut self, walked: Result<&Walked, &SpfResult>, family: usize) {
        match walked {
            Ok(walked) => {
                if self.result.is_none() {
                    let new = walked.pass[family].without(&self.decided);
                    self.pass.add(new);
                }
                self.ended(walked.result[family]);
            }
            Err(result) => self.ended(*result),
        }
    }
}

/// A record is broken when it is for everybody who matches nothing, and unknown where that hangs on a failed question.
pub(super) fn state_of(result: [SpfResult; 2]) -> PolicyState {
    match result {
        [SpfResult::Permerror, SpfResult::Permerror] => PolicyState::Invalid,
        [one, other] if one == SpfResult::Temperror || other == SpfResult::Temperror => {
            PolicyState::Unknown
        }
        _ => PolicyState::Ok,
    }
}
