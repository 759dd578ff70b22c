//! The network as a guest sees it: which addresses may be connected to, how to connect, and how gently.

pub mod connect;
pub mod exclude;
pub mod pacing;
pub mod range;
pub mod shard;
pub mod special;

use std::net::IpAddr;

use crate::record::Reason;
use exclude::Exclusions;
use range::Range;

/// Which servers may be connected to.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    /// Special-purpose ranges that were opened (`--allow`).
    pub allow: Vec<Range>,
    /// Who asked not to be probed (`--exclude`).
    pub exclude: Exclusions,
}

impl Gate {
    /// Whether `ip` may be connected to, asked about under these names.
    pub fn admit(&self, ip: IpAddr, names: &[&str]) -> Result<(), Reason> {
        let ip = special::unmapped(ip);
        if self.exclude.has_address(ip) || names.iter().any(|name| self.exclude.has_name(name)) {
            return Err(Reason::Excluded);
        }
        if special::block(ip).is_some() && !self.allow.iter().any(|range| range.has(ip)) {
            return Err(Reason::BlockedAddress);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_special_address_is_opened_by_its_range_only() {
        let gate = Gate {
            allow: vec!["127.0.0.0/8".parse().unwrap()],
            exclude: Exclusions::default(),
        };
        assert_eq!(gate.admit("127.1.2.3".parse().unwrap(), &[]), Ok(()));
        assert_eq!(gate.admit("::ffff:127.1.2.3".parse().unwrap(), &[]), Ok(()));
        assert_eq!(
            gate.admit("::ffff:10.0.0.1".parse().unwrap(), &[]),
            Err(Reason::BlockedAddress)
        );
        assert_eq!(gate.admit("8.8.8.8".parse().unwrap(), &[]), Ok(()));
    }

    #[test]
    fn a6_no_form_of_an_address_goes_round_the_gate() {
        let exclude = Exclusions::parse("192.0.2.9\n8.8.8.0-8.8.8.255\n".as_bytes()).unwrap();
        let gate = Gate {
            allow: vec!["192.0.2.0/24".parse().unwrap(), "::/0".parse().unwrap()],
            exclude,
        };
        for ip in [
            "8.8.8.8",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "::ffff:0:8.8.8.8",
            "::8.8.8.8",
        ] {
            let refused = gate.admit(ip.parse().unwrap(), &[]);
            assert_eq!(refused, Err(Reason::Excluded), "{ip}");
        }
        assert_eq!(
            Gate::default().admit("::ffff:0:9.9.9.9".parse().unwrap(), &[]),
            Err(Reason::BlockedAddress)
        );
        assert_eq!(gate.admit("192.0.2.8".parse().unwrap(), &[]), Ok(()));
        assert_eq!(
            gate.admit("64:ff9b::192.0.2.8".parse().unwrap(), &[]),
            Ok(())
        );
    }

    #[test]
    fn an_exclusion_wins_over_an_opened_range() {
        let exclude = Exclusions::parse("127.0.0.9\nexample.org\n".as_bytes()).unwrap();
        let gate = Gate {
            allow: vec!["127.0.0.0/8".parse().unwrap()],
            exclude,
        };
        assert_eq!(
            gate.admit("127.0.0.9".parse().unwrap(), &[]),
            Err(Reason::Excluded)
        );
        assert_eq!(
            gate.admit("127.0.0.8".parse().unwrap(), &["mx.example.org"]),
            Err(Reason::Excluded)
        );
        assert_eq!(
            gate.admit("127.0.0.8".parse().unwrap(), &["notexample.org"]),
            Ok(())
        );
    }
}
