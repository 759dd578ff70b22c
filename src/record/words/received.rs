//! What is told of Received fields (RFC 5321 §4.4).

use super::vocabulary;

vocabulary! {
    /// What it rests on that a hop went encrypted, or did not, or that it is not known.
    Evidence {
        /// Yes: a version or a cipher is named.
        Details = "details",
        /// Yes: an S token of the IANA registry, as `ESMTPS`.
        Token = "token",
        /// Yes: other words that speak of TLS, as `(TLS)` or `over TLS secured channel`.
        Idiom = "idiom",
        /// Yes: a token with S that no RFC defines, as `SMTPS` or `HTTPS`.
        UnregisteredToken = "unregistered_token",
        /// No: the writer marks every hop under TLS, and did not mark this one.
        WriterMarksTls = "writer_marks_tls",
        /// Unknown: the writer never says.
        WriterSilent = "writer_silent",
        /// Unknown: nobody knows whether the writer would have said so.
        WriterUnknown = "writer_unknown",
        /// Unknown: nothing went over a network.
        NoTransfer = "no_transfer",
        /// Unknown: the field could not be read.
        Unreadable = "unreadable",
    }
}

vocabulary! {
    /// Why a hop is none between organisations, or why that is not known.
    LeftOut {
        /// Both ends are of one organisation.
        SameOrganisation = "same_organisation",
        /// A user handed the mail in, and authenticated.
        Submission = "submission",
        /// It stayed inside one machine.
        Local = "local",
        /// An end is the loopback interface.
        Loopback = "loopback",
        /// An end has a private address.
        PrivateAddress = "private_address",
        /// The last step into a mailbox (RFC 2033).
        Lmtp = "lmtp",
        /// A web client or an API.
        Http = "http",
        /// What is known to be another protocol than SMTP.
        NotSmtp = "not_smtp",
        /// A content filter took the mail and gave it back.
        ContentFilter = "content_filter",
        /// Unknown: an end's organisation is not known.
        NoOrganisation = "no_organisation",
        /// Unknown: `with` names no protocol that is known.
        UnknownProtocol = "unknown_protocol",
        /// Unknown: the field could not be read.
        Unreadable = "unreadable",
    }
}

vocabulary! {
    /// What is wrong with a Received field that could be read.
    FieldFault {
        /// The date is none.
        BadDate = "bad_date",
        /// There is no date.
        NoDate = "no_date",
        /// The date has no zone, or one that says nothing.
        NoZone = "no_zone",
        /// The writer says that the looked-up name of the sender may be forged.
        RdnsMayBeForged = "rdns_may_be_forged",
        /// A comment does not end.
        UnbalancedComment = "unbalanced_comment",
    }
}

vocabulary! {
    /// Why a Received field could not be read.
    UnreadableReason {
        /// It has no clause that says who sent or who received.
        NoClause = "no_clause",
        /// It is longer than any that is read.
        TooLong = "too_long",
    }
}

vocabulary! {
    /// A mail transmission type by its IANA name (RFC 3848, RFC 6531 §7), or another word of a `with` clause, upper case.
    open TransmissionType {
        /// SMTP without extensions.
        Smtp = "SMTP",
        /// SMTP with extensions.
        Esmtp = "ESMTP",
        /// ESMTP with authentication.
        Esmtpa = "ESMTPA",
        /// ESMTP under TLS.
        Esmtps = "ESMTPS",
        /// ESMTP under TLS with authentication.
        Esmtpsa = "ESMTPSA",
        /// LMTP (RFC 2033).
        Lmtp = "LMTP",
        /// LMTP with authentication.
        Lmtpa = "LMTPA",
        /// LMTP under TLS.
        Lmtps = "LMTPS",
        /// LMTP under TLS with authentication.
        Lmtpsa = "LMTPSA",
        /// SMTP with international addresses (RFC 6531).
        Utf8Smtp = "UTF8SMTP",
        /// SMTP with international addresses and authentication.
        Utf8Smtpa = "UTF8SMTPA",
        /// SMTP with international addresses under TLS.
        Utf8Smtps = "UTF8SMTPS",
        /// SMTP with international addresses under TLS with authentication.
        Utf8Smtpsa = "UTF8SMTPSA",
        /// LMTP with international addresses.
        Utf8Lmtp = "UTF8LMTP",
        /// LMTP with international addresses and authentication.
        Utf8Lmtpa = "UTF8LMTPA",
        /// LMTP with international addresses under TLS.
        Utf8Lmtps = "UTF8LMTPS",
        /// LMTP with international addresses under TLS with authentication.
        Utf8Lmtpsa = "UTF8LMTPSA",
        /// A message of a mobile telephone (RFC 4356).
        Mms = "MMS",
        /// SMTP of Exchange 2003 and IIS; it says nothing of TLS.
        Smtpsvc = "SMTPSVC",
        /// Not registered: SMTP under TLS.
        Smtps = "SMTPS",
        /// Not registered: SMTP under TLS from the first byte (Exim).
        Ssmtp = "SSMTP",
        /// Not registered: ESMTP under TLS from the first byte (Exim).
        Essmtp = "ESSMTP",
        /// Not registered: ESMTP under TLS from the first byte, with authentication (Exim).
        Essmtpa = "ESSMTPA",
        /// Not registered: SMTP with authentication (Exim 4.3, IceWarp).
        Asmtp = "ASMTP",
        /// Not registered: a web client.
        Http = "HTTP",
        /// Not registered: a web client under TLS.
        Https = "HTTPS",
        /// Not registered: inside Exchange.
        Mapi = "MAPI",
        /// Not registered: inside one machine.
        Local = "LOCAL",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_listed_sorted_are_declared_sorted() {
        assert!(FieldFault::WORDS.is_sorted());
    }
}
