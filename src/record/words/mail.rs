//! What is told of domains, exchanges and mail servers.

use super::vocabulary;

vocabulary! {
    /// What is wrong with a domain's MX set (RFC 5321 §5.1, RFC 7505).
    MxFault {
        /// The same exchange stands in the set more than once.
        DuplicateExchange = "duplicate_exchange",
        /// A null MX has a preference that is not 0.
        NullMxPreference = "null_mx_preference",
        /// A null MX stands beside real exchanges.
        NullMxWithOthers = "null_mx_with_others",
        /// There are more exchanges than the 100 that are looked up.
        TooManyExchanges = "too_many_exchanges",
    }
}

vocabulary! {
    /// What is wrong with an exchange.
    ExchangeFault {
        /// An IP address stands where a name should be.
        AddressLiteral = "address_literal",
        /// The name of the exchange is an alias, which RFC 5321 §5.1 forbids.
        Cname = "cname",
        /// The name stands in the set already.
        Duplicate = "duplicate",
        /// The exchange is called localhost.
        Localhost = "localhost",
        /// An address of it is of a special-purpose block.
        SpecialAddress = "special_address",
        /// The name bears an underscore, which no host name may.
        Underscore = "underscore",
        /// The name does not exist, or has no address.
        Unresolvable = "unresolvable",
    }
}

vocabulary! {
    /// A special-purpose block of addresses (RFC 6890, the IANA registries of 2025).
    SpecialBlock {
        /// 6to4, addresses made of IPv4 ones (RFC 3056).
        SixToFour = "6to4",
        /// Relays of 6to4, deprecated (RFC 7526).
        SixToFourRelay = "6to4_relay",
        /// Measurements between network devices (RFC 2544).
        Benchmarking = "benchmarking",
        /// Everybody on the same link (RFC 8190).
        Broadcast = "broadcast",
        /// A hole that packets vanish in (RFC 6666).
        Discard = "discard",
        /// Examples in documents (RFC 5737, RFC 3849).
        Documentation = "documentation",
        /// Addresses to write down where there is none to write (RFC 9780).
        Dummy = "dummy",
        /// IPv4 addresses in IPv6's form, deprecated (RFC 4291 §2.5.5.1).
        Ipv4Compatible = "ipv4_compatible",
        /// IPv4 addresses that a translator writes in IPv6's form (RFC 2765).
        Ipv4Translated = "ipv4_translated",
        /// Addresses of one link (RFC 3927, RFC 4291).
        LinkLocal = "link_local",
        /// NAT64 of one network (RFC 8215).
        LocalNat64 = "local_nat64",
        /// The machine itself (RFC 1122, RFC 4291).
        Loopback = "loopback",
        /// Groups of receivers (RFC 5771, RFC 4291).
        Multicast = "multicast",
        /// Networks that are not part of the Internet (RFC 1918).
        Private = "private",
        /// Assignments of the IETF to protocols (RFC 6890, RFC 2928).
        ProtocolAssignments = "protocol_assignments",
        /// Set aside for a use to come (RFC 1112).
        Reserved = "reserved",
        /// Segment identifiers of SRv6 (RFC 9602).
        SegmentRouting = "segment_routing",
        /// Addresses between a provider's NAT and its customers (RFC 6598).
        Shared = "shared",
        /// Addresses of one site, deprecated (RFC 3879).
        SiteLocal = "site_local",
        /// Hosts of this network (RFC 791).
        ThisNetwork = "this_network",
        /// Addresses of one organisation (RFC 4193).
        UniqueLocal = "unique_local",
        /// No address (RFC 4291).
        Unspecified = "unspecified",
    }
}

vocabulary! {
    /// What a server does beside the standard in its dialogue, and other senders bear with.
    Oddity {
        /// A line ends in LF without CR.
        BareLf = "bare_lf",
        /// NUL, or bytes that are not UTF-8.
        Binary = "binary",
        /// The lines of one reply bear different codes; the last one is acted on.
        CodeChange = "code_change",
        /// Control characters in the text: escape sequences, a CR of its own.
        Control = "control",
        /// A reply that nothing had asked for, or that is none to what was asked: it was passed over.
        EarlyTalker = "early_talker",
        /// The greeting and the reply to EHLO name different hosts.
        HostMismatch = "host_mismatch",
        /// A line of more than 512 octets (RFC 5321 §4.5.3.1.5).
        LongLine = "long_line",
        /// The greeting is overwritten with asterisks, as some firewalls do.
        MaskedBanner = "masked_banner",
        /// A line without a code before a reply or inside one.
        NoCode = "no_code",
    }
}

vocabulary! {
    /// Where the `tls` record of a server is.
    strict TlsLine {
        /// Behind the `smtp` line, out of the same connection.
        Follows = "follows",
    }
}

vocabulary! {
    /// Who said a line of a transcript.
    strict Speaker {
        /// This program.
        Client = "client",
        /// The server.
        Server = "server",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_listed_sorted_are_declared_sorted() {
        for words in [MxFault::WORDS, ExchangeFault::WORDS, Oddity::WORDS] {
            assert!(words.is_sorted(), "{words:?}");
        }
    }
}
