//! What was printed before of the same questions: the columns beside today's numbers. Whoever knows a publication says so
//! through [`Published`]; the report itself knows none.

use std::fmt::Debug;

/// Numbers of earlier publications, in percent. None: nothing was printed of it.
pub trait Published: Debug + Sync {
    /// A measure, of all domains.
    fn of_domains(&self, measure: &str) -> Option<f64> {
        let _ = measure;
        None
    }

    /// A measure, of all domains with a mail server, by a second publication.
    fn of_domains_later(&self, measure: &str) -> Option<f64> {
        let _ = measure;
        None
    }

    /// A measure among the first `rank` domains.
    fn by_rank(&self, rank: u64, measure: &str) -> Option<f64> {
        let _ = (rank, measure);
        None
    }

    /// The ranks of [`Published::by_rank`] that a curve shows.
    fn ranks(&self) -> &'static [u64] {
        &[]
    }

    /// A measure of the users of a list, or of those at its `first` largest domains.
    fn of_users(&self, source: &str, measure: &str, first: Option<u64>) -> Option<f64> {
        let _ = (source, measure, first);
        None
    }

    /// The users of a list at one domain.
    fn at_domain(&self, source: &str, domain: &str) -> Option<f64> {
        let _ = (source, domain);
        None
    }

    /// A cipher suite, by OpenSSL's name.
    fn cipher(&self, name: &str) -> Option<f64> {
        let _ = name;
        None
    }

    /// The domains that a provider hosts, by our id of it.
    fn hosting(&self, provider: &str) -> Option<f64> {
        let _ = provider;
        None
    }

    /// What other surveys found of a value of a policy, with their base, in a few words.
    fn of_policies(&self, what: &str, value: &str) -> Option<&'static str> {
        let _ = (what, value);
        None
    }

    /// The protocol of mail from one registered domain to another.
    fn received(&self, from: &str, by: &str) -> Option<&'static str> {
        let _ = (from, by);
        None
    }
}

/// No publication.
#[derive(Clone, Copy, Debug)]
pub struct NoPublication;

impl Published for NoPublication {}
