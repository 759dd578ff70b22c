//! The lab's DNS server (RFC 1035): a table of names in little memory, answers without allocation, faults on request.

mod answer;
mod serve;
mod zones;

pub use answer::{LabAnswer, Transport, reply};
pub use serve::{DnsCounters, DnsServer};
pub use zones::{TlsaLeaf, Zones};
