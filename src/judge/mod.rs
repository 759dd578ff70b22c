//! Judgements: what the facts of a survey amount to, by pure rules. Facts in, judgement out; no database, no network, no
//! clock, so that each rule is tested on values alone and a changed rule needs no new scan.
//!
//! - [`facts`]: three-valued logic, the facts of a server, and the rules *preferred*, *any*, *all* (RFC 5321 §5.1).
//! - [`domain`]: what a domain amounts to, from its exchanges and their servers.
//! - [`dane`]: the six words of DANE for SMTP (RFC 7672); [`rollover`]: a change of key under it (RFC 7671 §8).
//! - [`delivery`]: what becomes of mail, for each kind of sender.
//! - [`destination`]: records read as a sender meets them, for the two that follow.
//! - [`problem`], [`findings`]: what is wrong, with what to do about it, and the rules that find it.
//! - [`weakness`], [`levels`]: what is weak in what a server showed, and its grade by published guidelines.
//!
//! **Adding a judgement.** (1) A file here: a function from facts (records of `crate::record`, or a small struct of
//! yours) to a value, whose closed vocabulary is an enum of the `vocabulary!` macro; its tests beside it. (2) A table
//! for it in `store/schema.sql`, behind the line "Judgements", with a comment for each column; its name among those that
//! `store::judging` empties, so that it is made anew with the others. (3) A file in `store/judging/` that reads the
//! facts in key order, calls the function, and writes the table in key order. (4) `RULES_VERSION` in
//! `store/judging/mod.rs` goes up by one: older databases are judged again when they are opened. (5) A typed query in
//! `store/query/`, a question in `report/questions/` with its line in `QUESTIONS`, and a slow count of the same rows in
//! `tests/report/naive/tables`.

pub mod dane;
pub mod delivery;
pub mod destination;
pub mod domain;
pub mod facts;
pub mod findings;
pub mod levels;
pub mod problem;
pub mod rollover;
pub mod weakness;

pub use facts::{FACTS, Fact, RULES, Rule, Truth, all, any, both, pack, preferred, unpack};
