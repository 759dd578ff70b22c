//! What makes two subjects the same one.

use std::borrow::Cow;
use std::net::IpAddr;

/// The key of a record: a run measures each key once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key<'a> {
    /// `domain`, by name.
    Domain(Cow<'a, str>),
    /// `policy`, by domain.
    Policy(Cow<'a, str>),
    /// `sts`, by domain.
    Sts(Cow<'a, str>),
    /// `network`, by address.
    Network(IpAddr),
    /// `smtp`, by address and port.
    Smtp(IpAddr, u16),
    /// `tls`, by address and port, and by server name where each name was asked (`--sni each`).
    Tls(IpAddr, u16, Option<Cow<'a, str>>),
    /// `cert`, by SHA-256.
    Cert(Cow<'a, str>),
}

impl Key<'_> {
    /// Whether a subject of this key costs a connection to somebody's server.
    pub fn costs_a_connection(&self) -> bool {
        matches!(self, Self::Sts(_) | Self::Smtp(..) | Self::Tls(..))
    }
}
