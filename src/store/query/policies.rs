//! What stands behind the policies of domains: faults, texts, receivers of reports, keys, certificate authorities. Each question gives its
//! rows by domain (a row of `name`).

use rusqlite::Connection;

/// A fault of a part of a domain's policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFaultRow {
    /// Row of `name`.
    pub domain: u32,
    /// The part: `spf`, `dmarc`, and so on.
    pub part: String,
    /// The word of the fault.
    pub fault: String,
}

/// Every fault of every domain.
pub fn policy_faults(
    connection: &Connection,
    mut each: impl FnMut(PolicyFaultRow),
) -> rusqlite::Result<()> {
    let mut statement = connection
        .prepare("SELECT domain, part, fault FROM policy_fault ORDER BY domain, part, fault")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(PolicyFaultRow {
            domain: row.get(0)?,
            part: row.get(1)?,
            fault: row.get(2)?,
        });
    }
    Ok(())
}

/// The number of the text of every domain's own record of a part (`spf`, `dmarc`).
pub fn policy_texts(
    connection: &Connection,
    part: &str,
    mut each: impl FnMut(u32, i64),
) -> rusqlite::Result<()> {
    let mut statement = connection
        .prepare("SELECT domain, digest FROM policy_text WHERE part = ?1 ORDER BY domain")?;
    let mut rows = statement.query([part])?;
    while let Some(row) = rows.next()? {
        each(row.get(0)?, row.get(1)?);
    }
    Ok(())
}

/// The text of a part of a domain's policies; none where it is no text.
pub fn policy_text(
    connection: &Connection,
    domain: u32,
    part: &str,
) -> rusqlite::Result<Option<String>> {
    let path = format!("$.{part}.text[0]");
    connection
        .prepare_cached(
            "SELECT CASE json_type(line, ?2) WHEN 'text' THEN json_extract(line, ?2) END FROM policy WHERE domain = ?1",
        )?
        .query_row((domain, path), |row| row.get(0))
}

/// Who gets the reports of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverRow {
    /// Row of `name`.
    pub domain: u32,
    /// `dmarc`, `dmarc_failure` or `tls_rpt`.
    pub kind: String,
    /// The domain of the address, or the host.
    pub receiver: String,
    /// Whether it wants them, as far as it was asked.
    pub authorised: Option<bool>,
}

/// Every receiver of every domain.
pub fn policy_receivers(
    connection: &Connection,
    mut each: impl FnMut(ReceiverRow),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT domain, kind, receiver, authorised FROM policy_receiver ORDER BY domain, kind, receiver",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(ReceiverRow {
            domain: row.get(0)?,
            kind: row.get(1)?,
            receiver: row.get(2)?,
            authorised: row.get(3)?,
        });
    }
    Ok(())
}

/// A DKIM key of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkimKeyRow {
    /// Row of `name`.
    pub domain: u32,
    /// The word of its state.
    pub state: String,
    /// Its type.
    pub key_type: Option<String>,
    /// Its length.
    pub bits: Option<u32>,
    /// It is no longer in use.
    pub revoked: Option<bool>,
    /// It says that it is a test.
    pub testing: Option<bool>,
    /// SHA-256 of the key.
    pub key: Option<String>,
}

/// Every key of every domain.
pub fn dkim_keys(
    connection: &Connection,
    mut each: impl FnMut(DkimKeyRow),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT domain, state, key_type, bits, revoked, testing, key FROM dkim_key ORDER BY domain, selector",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(DkimKeyRow {
            domain: row.get(0)?,
            state: row.get(1)?,
            key_type: row.get(2)?,
            bits: row.get(3)?,
            revoked: row.get(4)?,
            testing: row.get(5)?,
            key: row.get(6)?,
        });
    }
    Ok(())
}

/// Whom CAA records let issue for a name of a domain's mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaaRow {
    /// Row of `name`.
    pub domain: u32,
    /// `domain`, `exchange` or `policy_host`.
    pub role: String,
    /// Certificates of servers: `any`, `named`, `nobody`; none: not known.
    pub issue: Option<String>,
    /// Certificates of mailboxes.
    pub issue_mail: Option<String>,
}

/// Every name of every domain.
pub fn policy_caa(connection: &Connection, mut each: impl FnMut(CaaRow)) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT domain, role, issue, issue_mail FROM policy_caa ORDER BY domain, role, name",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(CaaRow {
            domain: row.get(0)?,
            role: row.get(1)?,
            issue: row.get(2)?,
            issue_mail: row.get(3)?,
        });
    }
    Ok(())
}
