//! Judgements: pure rules, facts in, verdict out.
pub mod delivery;
pub mod problem;
