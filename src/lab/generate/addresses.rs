//! The addresses of the servers of a made world.

use std::net::{IpAddr, Ipv4Addr};

/// Loopback addresses, 32 in each /24, so that a world has many networks.
#[derive(Debug, Default)]
pub(super) struct Addresses(u32);

impl Addresses {
    const IN_A_NETWORK: u32 = 32;

    /// The next one.
    pub(super) fn next(&mut self) -> IpAddr {
        let network = self.0 / Self::IN_A_NETWORK;
        // 127.16.0.0/24 is the first, so that the addresses of the machine's own services stay free.
        let bytes = (127 << 24 | 16 << 16) + (network << 8) + 1 + self.0 % Self::IN_A_NETWORK;
        self.0 += 1;
        IpAddr::V4(Ipv4Addr::from(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_spread_and_loopback() {
        let mut addresses = Addresses::default();
        let first: Vec<_> = (0..60_000).map(|_| addresses.next()).collect();
        assert_eq!(first[0].to_string(), "127.16.0.1");
        assert_eq!(first[32].to_string(), "127.16.1.1");
        assert!(first.iter().all(IpAddr::is_loopback));
        let distinct: std::collections::HashSet<_> = first.iter().collect();
        assert_eq!(distinct.len(), 60_000);
    }
}
