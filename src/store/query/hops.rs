//! Hops of real mail, between organisations.

use rusqlite::Connection;

use crate::record::Evidence;

/// Hops from one organisation to another that say the same.
#[derive(Clone, Debug)]
pub struct HopGroup {
    /// Registered domain of the sending end.
    pub from: String,
    /// Registered domain of the receiving end.
    pub by: String,
    /// Whether they went encrypted.
    pub encrypted: Option<bool>,
    /// What says so.
    pub evidence: Evidence,
    /// TLS version.
    pub version: Option<String>,
    /// Protocol.
    pub protocol: Option<String>,
    /// How many.
    pub count: u64,
}

/// The hops between organisations, grouped.
pub fn hop_groups(connection: &Connection) -> rusqlite::Result<Vec<HopGroup>> {
    let mut statement = connection.prepare(
        "SELECT from_registered_domain, by_registered_domain, encrypted, evidence, version, protocol, count(*) FROM hop \
         WHERE inter_organisation = 1 GROUP BY 1, 2, 3, 4, 5, 6",
    )?;
    let mut groups = Vec::new();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        // Both ends of such a hop have one; a record of another program may not.
        let (Some(from), Some(by)) = (row.get(0)?, row.get(1)?) else {
            continue;
        };
        groups.push(HopGroup {
            from,
            by,
            encrypted: row.get(2)?,
            evidence: (row.get::<_, Option<String>>(3)?)
                .map_or(Evidence::Unreadable, |word| Evidence::from(word.as_str())),
            version: row.get(4)?,
            protocol: row.get(5)?,
            count: row.get(6)?,
        });
    }
    Ok(groups)
}

/// Mail in clear to a receiver whose servers take TLS.
#[derive(Clone, Debug)]
pub struct ClearThoughOffered {
    /// Registered domain of the sending end.
    pub sender: Option<String>,
    /// Registered domain of the receiving end.
    pub receiver: Option<String>,
    /// Hops in clear.
    pub hops: u64,
    /// When the last was.
    pub last: Option<String>,
    /// Servers of the receiver that answered.
    pub servers: u64,
    /// Those that accept STARTTLS.
    pub accepted: u64,
    /// The best version that was seen.
    pub version: Option<String>,
}

/// The pairs with most such hops, at most `limit`.
pub fn clear_though_offered(
    connection: &Connection,
    limit: usize,
) -> rusqlite::Result<Vec<ClearThoughOffered>> {
    let mut statement = connection.prepare(
        "WITH clear AS (SELECT from_registered_domain AS sender, by_registered_domain AS receiver, \
           count(*) AS hops, max(time) AS last FROM hop WHERE inter_organisation = 1 AND encrypted = 0 GROUP BY 1, 2), \
         offer AS (SELECT e.registered_domain AS operator, count(DISTINCT j.address) AS servers, \
           count(DISTINCT CASE WHEN s.accepted = 1 OR t.accepted = 1 THEN j.address END) AS accepted, max(t.version) AS version \
           FROM exchange e JOIN exchange_address ea ON ea.exchange = e.id \
           JOIN judged_server j ON j.address = ea.address AND j.answered = 1 \
           LEFT JOIN smtp s ON s.id = j.smtp LEFT JOIN tls t ON t.id = j.tls \
           WHERE e.registered_domain IN (SELECT receiver FROM clear) GROUP BY 1) \
         SELECT sender, receiver, hops, last, servers, accepted, version FROM clear JOIN offer ON operator = receiver \
         WHERE accepted > 0 ORDER BY hops DESC, sender, receiver LIMIT ?1",
    )?;
    let rows = statement.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
        Ok(ClearThoughOffered {
            sender: row.get(0)?,
            receiver: row.get(1)?,
            hops: row.get(2)?,
            last: row.get(3)?,
            servers: row.get(4)?,
            accepted: row.get(5)?,
            version: row.get(6)?,
        })
    })?;
    rows.collect()
}
