//! A mail internet on loopback, for tests, demo and benchmarks: a DNS server (RFC 1035) and mail servers (RFC 5321) with
//! certificates and manners of every kind, as a *world* file describes them (`mail-lab(1)`).
//!
//! `mail-lab WORLD -- COMMAND` is one process for the DNS and as many workers as the listeners need, since a listener is
//! an open file and open files are counted for each process. Linux only: all of 127.0.0.0/8 is there without being
//! configured.

pub mod command;
pub mod counters;
pub mod dns;
pub mod generate;
pub mod https;
pub mod internet;
pub mod legacy;
pub mod pki;
pub mod presets;
pub mod script;
pub mod session;
pub mod tls;
pub mod worker;
pub mod world;
