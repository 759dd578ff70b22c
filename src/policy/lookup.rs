//! What the evaluators want of the DNS: records of one type at one name, or the reason why there are none, with NXDOMAIN
//! (RFC 8020), NODATA (RFC 2308) and a failure told apart.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::dns::name::Name;
use crate::record::{Dnssec, Outcome, Phase, Reason};

/// The strings of one TXT record, joined without anything between them, as every policy wants them (RFC 7208 §3.3,
/// RFC 6376 §3.6.2.2, RFC 8461 §3.1, RFC 9989 §4.5). Any octets.
pub type Txt = Arc<[u8]>;

/// The type of the DNS that says in an NSEC that a name does not exist, where the answer says NOERROR (RFC 9824 §3).
pub const NXNAME: u16 = 128;

/// Asks the DNS on behalf of an evaluator.
///
/// Every question follows CNAMEs to their end, and falls back to TCP, by itself. An implementation may answer from what
/// it has asked before. It fails questions (`Reason::Timeout`, `Reason::TooLong`) once what it may spend on a domain in
/// time, octets or questions is spent, so that no evaluator ever waits without end.
pub trait Lookup: Sync {
    /// TXT at `name`, in the order of the answer.
    fn txt(&self, name: &Name) -> impl Future<Output = LookupAnswer<Txt>> + Send;
    /// TXT at `name`, asked with DO, so that [`LookupAnswer::denial`] is filled where the zone is signed and has no record.
    fn txt_with_denial(&self, name: &Name) -> impl Future<Output = LookupAnswer<Txt>> + Send;
    /// A at `name`.
    fn ipv4(&self, name: &Name) -> impl Future<Output = LookupAnswer<Ipv4Addr>> + Send;
    /// AAAA at `name`.
    fn ipv6(&self, name: &Name) -> impl Future<Output = LookupAnswer<Ipv6Addr>> + Send;
    /// MX at `name`: preference and exchange, in the order of the answer.
    fn mx(&self, name: &Name) -> impl Future<Output = LookupAnswer<(u16, Name)>> + Send;
    /// PTR of the reverse name of `address` (RFC 1035 §3.5, RFC 3596 §2.5), in the order of the answer.
    fn ptr(&self, address: IpAddr) -> impl Future<Output = LookupAnswer<Name>> + Send;
    /// CAA at `name` itself; climbing is for the caller.
    fn caa(&self, name: &Name) -> impl Future<Output = LookupAnswer<CaaProperty>> + Send;
}

/// One CAA record as it came (RFC 8659 §4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaaProperty {
    /// The flags; 128 is "issuer critical".
    pub flags: u8,
    /// The property tag, in the case it came in.
    pub tag: Box<[u8]>,
    /// The property value: any octets.
    pub value: Box<[u8]>,
}

/// What became of a question.
#[derive(Clone, Debug)]
pub struct LookupAnswer<T> {
    /// The records, or why there are none.
    pub found: FoundRecords<T>,
    /// The CNAMEs that were followed, in order; the last one is the name whose records these are.
    pub cname: Vec<Name>,
    /// The weakest DNSSEC state along the way; `None` where no trusted validator told.
    pub dnssec: Option<Dnssec>,
    /// The NSEC and NSEC3 records that came with an answer without records; empty where DO was not asked for, or the
    /// zone is not signed.
    pub denial: Vec<Denial>,
}

/// Records of the type asked for, or why there are none.
#[derive(Clone, Debug)]
pub enum FoundRecords<T> {
    /// One at least.
    Records(Arc<[T]>),
    /// RCODE 0 and no record of this type: the name exists. A signer of compact denial says so of every name, see
    /// [`LookupAnswer::is_compact_nxdomain`].
    NoData,
    /// RCODE 3: the name does not exist, nor any below it (RFC 8020).
    Nxdomain,
    /// No answer. The records may well exist.
    Failed(Outcome),
}

/// An NSEC (RFC 4034 §4) or NSEC3 (RFC 5155 §3) record of a negative answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Its owner; of an NSEC3 the hashed one.
    pub owner: Name,
    /// The types its bitmap names, ascending.
    pub types: Vec<u16>,
    /// It is an NSEC3.
    pub is_hashed: bool,
    /// It is the record of the very name that was asked for, not one that covers it or another.
    pub is_of_name: bool,
    /// The name that comes next in the zone; of an NSEC alone.
    pub next: Option<Name>,
}

impl<T> LookupAnswer<T> {
    /// An answer about which nothing but `found` is known.
    pub fn new(found: FoundRecords<T>) -> Self {
        Self {
            found,
            cname: Vec::new(),
            dnssec: None,
            denial: Vec::new(),
        }
    }

    /// No answer, for `reason`.
    pub fn failed(reason: Reason) -> Self {
        Self::new(FoundRecords::Failed(Outcome::new(Phase::Dns, reason)))
    }

    /// The records; none where there are none, or that is not known.
    pub fn records(&self) -> &[T] {
        match &self.found {
            FoundRecords::Records(records) => records,
            _ => &[],
        }
    }

    /// Why there is no answer, if there is none.
    pub fn failure(&self) -> Option<&Outcome> {
        match &self.found {
            FoundRecords::Failed(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// RCODE 3, or RCODE 0 without records: a "void lookup" (RFC 7208 §4.6.4).
    pub fn is_void(&self) -> bool {
        matches!(self.found, FoundRecords::Nxdomain | FoundRecords::NoData)
    }

    /// NOERROR, of a name that does not exist: its NSEC has the type NXNAME (RFC 9824 §3). Whoever asks without DO takes
    /// the name for one that exists.
    pub fn is_compact_nxdomain(&self) -> bool {
        matches!(self.found, FoundRecords::NoData)
            && (self.denial.iter()).any(|denial| denial.types.contains(&NXNAME))
    }
}

impl<T> From<Vec<T>> for FoundRecords<T> {
    /// Records as they came; [`FoundRecords::NoData`] for none.
    fn from(records: Vec<T>) -> Self {
        match records.is_empty() {
            true => Self::NoData,
            false => Self::Records(records.into()),
        }
    }
}
