//! The addresses and their sets, by row: who judges asks for them a million times.

use std::net::{IpAddr, Ipv4Addr};

use rusqlite::Connection;

/// Every address, and which of them make which set.
pub(super) struct AddressSets {
    /// By row of `address`.
    ips: Vec<IpAddr>,
    /// By row of `address_set`: where its members begin in `members`; they end where those of the next begin.
    first: Vec<u32>,
    /// Rows of `address`, set by set; in a set by address, IPv4 first.
    members: Vec<u32>,
}

impl AddressSets {
    /// Reads them: 20 bytes for an address, four for a set and for each member.
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut ips = vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED)];
        let mut statement = connection.prepare("SELECT id, ip FROM address ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id = row.get::<_, u32>(0)? as usize;
            ips.resize(id + 1, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
            if let Some(ip) = row.get_ref(1)?.as_str().ok().and_then(|ip| ip.parse().ok()) {
                ips[id] = ip;
            }
        }
        let (mut first, mut members): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
        let mut statement = connection.prepare(
            "SELECT address_set, address FROM address_of_set ORDER BY address_set, address",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let set = row.get::<_, u32>(0)? as usize;
            // Sets without a member, and this one where it begins.
            while first.len() <= set {
                first.push(members.len() as u32);
            }
            members.push(row.get(1)?);
        }
        first.push(members.len() as u32);
        for bounds in first.windows(2) {
            members[bounds[0] as usize..bounds[1] as usize]
                .sort_unstable_by_key(|&address| ips.get(address as usize));
        }
        Ok(Self {
            ips,
            first,
            members,
        })
    }

    /// The members of a set (a row of `address_set`), by address.
    pub(super) fn members(&self, set: u32) -> &[u32] {
        let bound = |set: usize| self.first.get(set).map(|&first| first as usize);
        match (bound(set as usize), bound(set as usize + 1)) {
            (Some(first), Some(end)) => &self.members[first..end],
            _ => &[],
        }
    }

    /// An address by its row.
    pub(super) fn ip(&self, address: u32) -> Option<IpAddr> {
        self.ips.get(address as usize).copied()
    }

    /// All rows of `address` are below this.
    pub(super) fn rows(&self) -> usize {
        self.ips.len()
    }
}
