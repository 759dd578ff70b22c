//! How every stage that asks the DNS makes its resolver from its options.

use std::sync::Arc;

use crate::dns::client::ClientSettings;
use crate::dns::resolve::Resolve;
use crate::dns::upstream;
use crate::program::asking::Asking;

/// The resolver, and the name servers that it asks, for the `run` line.
///
/// # Errors
/// A name server that cannot be read from the options, or none that the system knows.
pub fn resolver(asking: &Asking) -> anyhow::Result<(Arc<dyn Resolve>, Vec<String>)> {
    let settings = ClientSettings {
        servers: Vec::new(),
        try_timeout: asking.try_timeout,
        tries: asking.tries as u32,
        rate_per_server: asking.rate_per_server,
        trust_ad: asking.trust_ad,
    };
    upstream::resolver(&asking.nameserver, settings)
}
