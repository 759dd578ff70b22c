//! How writers state TLS: version, cipher and bits out of comments and `with` values, as each of them spells these.
//!
//! Only the places where a writer states TLS are looked at, and only whole words: a host may be called
//! `tls.decipher.example`.

use super::field::{Field, Keyword};
use super::token::{comment_words, words};
use crate::record::TlsVersion;

/// What a field says about TLS, in its own words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsIdiom<'a> {
    /// The version as written.
    pub version: Option<&'a [u8]>,
    /// The cipher as written.
    pub cipher: Option<&'a [u8]>,
    /// Bits of the bulk cipher's key.
    pub bits: Option<u16>,
    /// TLS is stated, with details or without.
    pub stated: bool,
}

impl<'a> TlsIdiom<'a> {
    /// Whether a version or a cipher is named.
    pub fn has_details(&self) -> bool {
        self.version.is_some() || self.cipher.is_some()
    }

    /// Of two statements the first holds, but one may complete the other: Exim writes `(TLS1.3) tls TLS_AES_128_…`.
    fn or(self, other: TlsIdiom<'a>) -> TlsIdiom<'a> {
        TlsIdiom {
            version: self.version.or(other.version),
            cipher: self.cipher.or(other.cipher),
            bits: self.bits.or(other.bits),
            stated: self.stated || other.stated,
        }
    }
}

/// Everything that `field` says about TLS.
pub fn tls_idiom<'a>(field: &Field<'a>) -> TlsIdiom<'a> {
    let mut tls = field.comments().fold(TlsIdiom::default(), |tls, comment| {
        tls.or(of_comment(comment))
    });
    for clause in field.every(Keyword::With) {
        tls = tls.or(of_protocol(words(clause)));
    }
    if let Some(cipher) = field
        .words(Keyword::Tls)
        .next()
        .filter(|word| is_cipher(word))
    {
        tls = tls.or(TlsIdiom {
            cipher: Some(cipher),
            stated: true,
            ..TlsIdiom::default()
        });
    }
    // "by x over TLS secured channel with Microsoft SMTPSVC".
    if field
        .words(Keyword::Over)
        .next()
        .is_some_and(|word| word.eq_ignore_ascii_case(b"tls"))
    {
        tls.stated = true;
    }
    tls
}

/// What one comment says, without its outer parentheses.
fn of_comment(content: &[u8]) -> TlsIdiom<'_> {
    let mut words = comment_words(content);
    let Some(first) = words.next() else {
        return TlsIdiom::default();
    };
    if first.eq_ignore_ascii_case(b"using") {
        return using(words);
    }
    if starts_with(first, b"version=") || starts_with(first, b"cipher=") {
        return pairs(comment_words(content));
    }
    // A certificate's names are its owner's words.
    if is_one_of(first, &[b"Client"]) {
        return TlsIdiom::default();
    }
    if is_one_of(first, &[b"TLS:", b"SSL:", b"AUTH:"]) {
        return courier(comment_words(content));
    }
    if is_one_of(first, &[b"Cipher"]) {
        return words.next().map(colons).unwrap_or_default();
    }
    if first.contains(&b':') {
        return colons(first);
    }
    phrase(first, words.next())
}

/// What the first two words of a comment say that has no form of its own.
fn phrase<'a>(first: &'a [u8], second: Option<&'a [u8]>) -> TlsIdiom<'a> {
    let stated = TlsIdiom {
        stated: true,
        ..TlsIdiom::default()
    };
    match second {
        // Exim 4.95 and later name the cipher in a clause of its own.
        None if version(first).is_some() => TlsIdiom {
            version: Some(first),
            stated: true,
            ..TlsIdiom::default()
        },
        None if is_one_of(
            first,
            &[b"TLS", b"SSL", b"SSL/TLS", b"TLS/SSL", b"STARTTLS"],
        ) =>
        {
            stated
        }
        // IceWarp: "(SSL)"; others say more words than one.
        Some(second)
            if is_one_of(first, &[b"TLS", b"SSL"])
                && is_one_of(second, &[b"encrypted", b"secured"]) =>
        {
            stated
        }
        // "(TLSv1.3 TLS_AES_128_GCM_SHA256)", mox.
        Some(second) if version(first).is_some() && is_cipher(second) => TlsIdiom {
            version: Some(first),
            cipher: Some(second),
            ..stated
        },
        // "(AES128-SHA encrypted)", qmail.
        Some(second) if is_one_of(second, &[b"encrypted"]) && is_cipher(first) => TlsIdiom {
            cipher: Some(first),
            ..stated
        },
        // ALTS between Google's own machines.
        Some(second) if is_one_of(first, &[b"Google"]) && is_one_of(second, &[b"Transport"]) => {
            stated
        }
        _ => TlsIdiom::default(),
    }
}

/// Postfix: `using TLSv1 with cipher DHE-RSA-AES128-SHA (128/128 bits)`; MessageLabs without `/128`, Stalwart without
/// bits, Symantec `using TLS with cipher AES256-SHA (AES256-SHA/256 bits)`, Mimecast only `Using TLS`; MailMarshal:
/// `using TLS: TLSv1.2, DES-CBC3-SHA`.
fn using<'a>(mut words: impl Iterator<Item = &'a [u8]>) -> TlsIdiom<'a> {
    let mut tls = TlsIdiom::default();
    let Some(first) = words.next() else {
        return tls;
    };
    if is_one_of(first, &[b"TLS:", b"SSL:"]) {
        let details = courier(std::iter::once(first).chain(words));
        return TlsIdiom {
            stated: true,
            ..details
        };
    }
    let family = is_one_of(first, &[b"TLS", b"SSL"]);
    if !family && version(first).is_none() {
        return tls;
    }
    tls.stated = true;
    tls.version = (!family).then_some(first);
    while let Some(word) = words.next() {
        if is_one_of(word, &[b"cipher"]) && tls.cipher.is_none() {
            tls.cipher = words.next().filter(|name| is_cipher(name));
            let bits = words.next().and_then(strength);
            tls.bits =
                bits.filter(|_| words.next().is_some_and(|word| is_one_of(word, &[b"bits"])));
            break;
        }
    }
    tls
}

/// Sendmail, Gmail, Exchange, Yahoo, Mimecast, Barracuda: `version=TLSv1 cipher=AES128-SHA bits=128 verify=NO`.
fn pairs<'a>(words: impl Iterator<Item = &'a [u8]>) -> TlsIdiom<'a> {
    let mut tls = TlsIdiom::default();
    for word in words {
        let Some(equals) = memchr::memchr(b'=', word) else {
            continue;
        };
        let (name, value) = (&word[..equals], &word[equals + 1..]);
        if value.is_empty() {
            continue;
        }
        if is_one_of(name, &[b"version"]) {
            tls.version = version(value).map(|_| value);
        } else if is_one_of(name, &[b"cipher"]) && is_cipher(value) {
            tls.cipher = Some(value);
        } else if is_one_of(name, &[b"bits"]) {
            tls.bits = number(value);
        }
    }
    tls.stated = tls.has_details();
    if !tls.stated {
        tls.bits = None;
    }
    tls
}

/// Courier: `TLS: TLSv1.3,256bits,TLS_AES_256_GCM_SHA384`, also behind `AUTH: LOGIN user,`.
fn courier<'a>(words: impl Iterator<Item = &'a [u8]>) -> TlsIdiom<'a> {
    let mut words = words
        .skip_while(|word| !is_one_of(word, &[b"TLS:", b"SSL:"]))
        .skip(1);
    let mut tls = TlsIdiom {
        version: words.next().filter(|word| version(word).is_some()),
        ..TlsIdiom::default()
    };
    for word in words {
        if let Some(digits) = word.strip_suffix(b"bits") {
            tls.bits = number(digits);
        } else if tls.cipher.is_none() && is_cipher(word) {
            tls.cipher = Some(word);
        }
    }
    tls.stated = tls.version.is_some();
    tls
}

/// Exim: `TLS1.2:ECDHE_RSA_AES_256_GCM_SHA384:256`; OpenSMTPD: `TLSv1.3:TLS_AES_256_GCM_SHA384:256:NO`.
fn colons(word: &[u8]) -> TlsIdiom<'_> {
    let mut parts = word.split(|&byte| byte == b':');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    // "ECDHE-RSA-AES128-GCM-SHA256:TLSv1.2:Kx=ECDH:Au=RSA:Enc=AESGCM(128):Mac=AEAD".
    if is_cipher(first) && second.is_some_and(|part| version(part).is_some()) {
        return TlsIdiom {
            version: second,
            cipher: Some(first),
            bits: None,
            stated: true,
        };
    }
    let Some(stated) = Some(first).filter(|part| version(part).is_some()) else {
        return TlsIdiom::default();
    };
    let cipher = second.filter(|part| is_cipher(part));
    let bits = parts.next().and_then(number);
    TlsIdiom {
        version: Some(stated),
        cipher,
        bits: bits.map(|bits| {
            if in_bytes(stated, bits) {
                bits * 8
            } else {
                bits
            }
        }),
        stated: true,
    }
}

/// Exim 4.6 and before with GnuTLS wrote `TLS-1.0:RSA_AES_256_CBC_SHA:32`, the size of the key in bytes.
fn in_bytes(version: &[u8], size: u16) -> bool {
    starts_with(version, b"TLS-") && matches!(size, 7 | 8 | 16 | 24 | 32)
}

/// IronPort: `ESMTP/TLS/AES256-SHA`; qmail and MessageLabs: `AES128-SHA encrypted SMTP`; Mimecast: `STARTTLS`.
fn of_protocol<'a>(mut words: impl Iterator<Item = &'a [u8]>) -> TlsIdiom<'a> {
    let Some(first) = words.next() else {
        return TlsIdiom::default();
    };
    let mut parts = first.split(|&byte| byte == b'/');
    if let (Some(_), Some(tls), cipher) = (parts.next(), parts.next(), parts.next())
        && is_one_of(tls, &[b"TLS"])
    {
        return TlsIdiom {
            cipher: cipher.filter(|name| is_cipher(name)),
            stated: true,
            ..TlsIdiom::default()
        };
    }
    if words
        .next()
        .is_some_and(|word| is_one_of(word, &[b"encrypted"]))
        && is_cipher(first)
    {
        return TlsIdiom {
            cipher: Some(first),
            stated: true,
            ..TlsIdiom::default()
        };
    }
    TlsIdiom {
        stated: is_one_of(first, &[b"STARTTLS"]),
        ..TlsIdiom::default()
    }
}

/// What a version's spelling stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionSpelling {
    /// One version, under the name that `tls` records use.
    Exact(TlsVersion),
    /// `TLSv1/SSLv3`: OpenSSL's name for any cipher of that family; with a GCM suite it must have been TLS 1.2.
    Family,
}

/// The version that `word` spells: `TLSv1.2`, `TLS1_2`, `TLS1.2`, `TLS-1.2`; SmarterMail writes `TLS\\Tls12`, as .NET does.
pub fn version(word: &[u8]) -> Option<VersionSpelling> {
    if let Some(name) = word.strip_prefix(b"TLS\\").or(word.strip_prefix(b"SSL\\")) {
        return Some(VersionSpelling::Exact(match name {
            b"Tls13" => TlsVersion::Tls13,
            b"Tls12" => TlsVersion::Tls12,
            b"Tls11" => TlsVersion::Tls11,
            b"Tls" => TlsVersion::Tls10,
            b"Ssl3" => TlsVersion::Ssl3,
            _ => return None,
        }));
    }
    if is_one_of(word, &[b"TLSv1/SSLv3", b"SSLv3/TLSv1"]) {
        return Some(VersionSpelling::Family);
    }
    let (ssl, rest) = if starts_with(word, b"TLS") {
        (false, &word[3..])
    } else if starts_with(word, b"SSL") {
        (true, &word[3..])
    } else {
        return None;
    };
    let digits = match rest {
        [b'v' | b'V' | b'-' | b'_', digits @ ..] => digits,
        digits => digits,
    };
    let name = match (ssl, digits) {
        (false, b"1.3" | b"1_3") => TlsVersion::Tls13,
        (false, b"1.2" | b"1_2") => TlsVersion::Tls12,
        (false, b"1.1" | b"1_1") => TlsVersion::Tls11,
        (false, b"1" | b"1.0" | b"1_0") => TlsVersion::Tls10,
        (true, b"3" | b"3.0" | b"3_0") => TlsVersion::Ssl3,
        (true, b"2" | b"2.0" | b"2_0") => TlsVersion::Ssl2,
        _ => return None,
    };
    Some(VersionSpelling::Exact(name))
}

/// Whether `word` has the form of a cipher's name in any of the spellings: letters, digits, `-`, `_`, some of each.
fn is_cipher(word: &[u8]) -> bool {
    word.len() >= 5
        && word.len() <= 80
        && word
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && word.iter().any(|byte| matches!(byte, b'-' | b'_'))
        && word[0].is_ascii_uppercase()
}

/// `256`, `256/256`, or with the cipher's name before the slash.
fn strength(word: &[u8]) -> Option<u16> {
    number(word).or_else(|| number(word.rsplit(|&byte| byte == b'/').next()?))
}

/// The parts of suites' names, in the spelling of IANA, OpenSSL, GnuTLS, rustls or Exchange.
const SUITE_NAME_PARTS: &[&[u8]] = &[
    b"3DES",
    b"8",
    b"40",
    b"56",
    b"64",
    b"128",
    b"192",
    b"256",
    b"ADH",
    b"AECDH",
    b"AEGIS",
    b"AES",
    b"AES128",
    b"AES192",
    b"AES256",
    b"ANON",
    b"ARCFOUR",
    b"ARIA",
    b"ARIA128",
    b"ARIA256",
    b"CAMELLIA",
    b"CAMELLIA128",
    b"CAMELLIA256",
    b"CBC",
    b"CBC3",
    b"CCM",
    b"CCM8",
    b"CHACHA20",
    b"DES",
    b"DES40",
    b"DES64",
    b"DH",
    b"DHE",
    b"DSA",
    b"DSS",
    b"ECCPWD",
    b"ECDH",
    b"ECDHE",
    b"ECDSA",
    b"ED25519",
    b"ED448",
    b"EDDSA",
    b"EDE",
    b"EDE3",
    b"EDH",
    b"EECDH",
    b"EXP",
    b"EXP1024",
    b"EXPORT",
    b"EXPORT1024",
    b"FFDHE2048",
    b"FFDHE3072",
    b"FFDHE4096",
    b"FFDHE6144",
    b"FFDHE8192",
    b"FORTEZZA",
    b"GCM",
    b"GOST94",
    b"GOST89",
    b"GOST2001",
    b"GOST2012",
    b"IDEA",
    b"KEA",
    b"KRB5",
    b"KYBER768",
    b"MD5",
    b"MLKEM512",
    b"MLKEM768",
    b"MLKEM1024",
    b"NULL",
    b"P256",
    b"P384",
    b"P521",
    b"POLY1305",
    b"PSK",
    b"PSS",
    b"RC2",
    b"RC4",
    b"RSA",
    b"RSAE",
    b"SECP192R1",
    b"SECP224R1",
    b"SECP256R1",
    b"SECP384R1",
    b"SECP521R1",
    b"SEED",
    b"SHA",
    b"SHA1",
    b"SHA224",
    b"SHA256",
    b"SHA384",
    b"SHA512",
    b"SM3",
    b"SM4",
    b"SRP",
    b"SSL",
    b"TLS",
    b"TLS13",
    b"WITH",
    b"X25519",
    b"X25519MLKEM768",
    b"X448",
];

/// Whether every part of `word` is a part of suites' names, in any of the spellings.
pub fn is_suite_name(word: &[u8]) -> bool {
    is_cipher(word)
        && word
            .split(|byte| matches!(byte, b'-' | b'_'))
            .filter(|part| !part.is_empty())
            .all(|part| is_one_of(part, SUITE_NAME_PARTS))
}

fn number(word: &[u8]) -> Option<u16> {
    let end = word
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(word.len());
    // "128/128": the strength in use, then the key's; "256bits".
    std::str::from_utf8(&word[..end]).ok()?.parse().ok()
}

fn is_one_of(word: &[u8], names: &[&[u8]]) -> bool {
    names.iter().any(|name| word.eq_ignore_ascii_case(name))
}

fn starts_with(word: &[u8], prefix: &[u8]) -> bool {
    word.len() >= prefix.len() && word[..prefix.len()].eq_ignore_ascii_case(prefix)
}

#[cfg(test)]
mod tests {
    use super::super::field;
    use super::*;

    /// `version cipher bits`, `-` where none, `stated` alone.
    fn said(body: &str) -> String {
        let field = field::parse(body.as_bytes());
        let tls = tls_idiom(&field);
        let show = |word: Option<&[u8]>| {
            word.map_or("-".into(), |word| {
                String::from_utf8_lossy(word).into_owned()
            })
        };
        match (tls.stated, tls.has_details()) {
            (false, _) => "nothing".into(),
            (true, false) => "stated".into(),
            _ => format!(
                "{} {} {}",
                show(tls.version),
                show(tls.cipher),
                tls.bits.map_or("-".into(), |bits| bits.to_string())
            ),
        }
    }

    #[test]
    fn the_idiom_of_every_writer() {
        for (body, expected) in [
            (
                "from a (a [1.2.3.4]) (using TLSv1.3 with cipher TLS_AES_128_GCM_SHA256 (128/128 bits)\n\tkey-exchange X25519) by b",
                "TLSv1.3 TLS_AES_128_GCM_SHA256 128",
            ),
            (
                "from a (using TLSv1.2 with cipher\n DHE-RSA-AES256-GCM-SHA384 (256 bits))\tby b id 1",
                "TLSv1.2 DHE-RSA-AES256-GCM-SHA384 256",
            ),
            (
                "from a (using TLSv1.3 with cipher TLS13_AES_256_GCM_SHA384) by b",
                "TLSv1.3 TLS13_AES_256_GCM_SHA384 -",
            ),
            (
                "by b with esmtps  (TLS1.3) tls TLS_AES_256_GCM_SHA384 (Exim 4.95)",
                "TLS1.3 TLS_AES_256_GCM_SHA384 -",
            ),
            (
                "by b with esmtps (TLS1.2:ECDHE_RSA_AES_256_GCM_SHA384:256)",
                "TLS1.2 ECDHE_RSA_AES_256_GCM_SHA384 256",
            ),
            (
                "by b with esmtps (Cipher TLSv1:DES-CBC3-SHA:168)",
                "TLSv1 DES-CBC3-SHA 168",
            ),
            (
                "by b with esmtps (TLS-1.0:RSA_AES_256_CBC_SHA:32)",
                "TLS-1.0 RSA_AES_256_CBC_SHA 256",
            ),
            (
                "by b (8.14) with ESMTP id 1 (version=TLSv1/SSLv3 cipher=AES256-GCM-SHA384 bits=256 verify=NO)",
                "TLSv1/SSLv3 AES256-GCM-SHA384 256",
            ),
            (
                "by b with ESMTPSA id 7 (TLSv1.3:TLS_AES_256_GCM_SHA384:256:NO)",
                "TLSv1.3 TLS_AES_256_GCM_SHA384 256",
            ),
            (
                "from a (TLS: TLSv1.3,256bits,TLS_AES_256_GCM_SHA384) by b",
                "TLSv1.3 TLS_AES_256_GCM_SHA384 256",
            ),
            (
                "from a (AUTH: LOGIN u, TLS: TLSv1,128bits,AES128-SHA) by b",
                "TLSv1 AES128-SHA 128",
            ),
            (
                "by b with ESMTPSA id 1 envelope-from <> tls TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256 (authenticated bits=0)",
                "- TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256 -",
            ),
            (
                "by b with Microsoft SMTP Server (version=TLS1_2,\n cipher=TLS_RSA_WITH_AES_256_CBC_SHA_P384) id 15",
                "TLS1_2 TLS_RSA_WITH_AES_256_CBC_SHA_P384 -",
            ),
            ("by b with Microsoft SMTP Server (TLS) id 15.1", "stated"),
            (
                "by b over TLS secured channel with Microsoft SMTPSVC(7.5)",
                "stated",
            ),
            ("by b with SMTPS id 1 (Google Transport Security)", "stated"),
            (
                "by b with ESMTPS; 1 Jan 2020 00:00:00 +0300\n (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))",
                "TLSv1.3 TLS_AES_256_GCM_SHA384 256",
            ),
            ("by b with AES128-SHA encrypted SMTP;", "- AES128-SHA -"),
            ("by b with (AES128-SHA encrypted) SMTP;", "- AES128-SHA -"),
            (
                "by b with ESMTP/TLS/ECDHE-RSA-AES256-GCM-SHA384;",
                "- ECDHE-RSA-AES256-GCM-SHA384 -",
            ),
            (
                "from a (Using TLS) by relay.mimecast.com with ESMTP id 1",
                "stated",
            ),
            (
                "by b with ESMTP with STARTTLS (version=TLSv1.2, cipher=TLS_RSA_WITH_AES_128_CBC_SHA)",
                "TLSv1.2 TLS_RSA_WITH_AES_128_CBC_SHA -",
            ),
            ("by b with ESMTP with STARTTLS id 3", "stated"),
            ("by b (IceWarp 10.3.0) with ESMTP (SSL) id 1", "stated"),
            ("by b with GENERIC SMTP Server (TLS) id 1", "stated"),
            (
                "from a (Not Verified[192.0.2.1]) by b (using TLS: TLSv1.2, DES-CBC3-SHA) id 1",
                "TLSv1.2 DES-CBC3-SHA -",
            ),
            (
                "from a (a [1.2.3.4]) (using TLS with cipher AES256-SHA (AES256-SHA/256 bits)) by b with SMTP id 1",
                "- AES256-SHA 256",
            ),
            (
                "by b with ESMTPSA (ECDHE-RSA-AES128-GCM-SHA256:TLSv1.2:Kx=ECDH:Au=RSA:Enc=AESGCM(128):Mac=AEAD)",
                "TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 -",
            ),
            (
                "by b with SMTP (version=TLS\\Tls12\n cipher=Aes256 bits=256); x",
                "TLS\\Tls12 - 256",
            ),
            (
                "by b via tcp with ESMTPS id 1 (TLSv1.3 TLS_AES_128_GCM_SHA256)",
                "TLSv1.3 TLS_AES_128_GCM_SHA256 -",
            ),
            (
                "by b with (TLS_AES_256_GCM_SHA384 encrypted) ESMTPS",
                "- TLS_AES_256_GCM_SHA384 -",
            ),
            (
                "by b with ESMTPSA (cipher=AES-256-GCM) id 1",
                "- AES-256-GCM -",
            ),
        ] {
            assert_eq!(said(body), expected, "{body}");
        }
    }

    #[test]
    fn what_only_looks_like_tls_says_nothing() {
        for body in [
            "from tls.example (tls.decipherhealth.example [1.2.3.4]) by cipher.example with ESMTP",
            "from tls (using [1.2.3.4]) by b with SMTP",
            "from h by b with Microsoft SMTPSVC(6.0.3790.1830)",
            "from h (authenticated bits=128) by b with ESMTPA",
            "from h (ip:1.2.3.4) by b (1:2:3) with ESMTP id tls-1",
            "from h (Client CN \"x (using TLSv1 with cipher A-B (1/1 bits))\") by b",
            "by b with ESMTP (version=unknown cipher= bits=0 verify=NO)",
        ] {
            assert_eq!(said(body), "nothing", "{body}");
        }
    }

    #[test]
    fn versions_have_one_name() {
        for (word, name) in [
            ("TLSv1.3", "TLSv1.3"),
            ("TLS1_2", "TLSv1.2"),
            ("TLS1.1", "TLSv1.1"),
            ("TLS-1.0", "TLSv1"),
            ("tlsv1", "TLSv1"),
            ("SSL3", "SSLv3"),
            ("SSLv3", "SSLv3"),
            ("SSL2.0", "SSLv2"),
            ("TLS\\Tls12", "TLSv1.2"),
            ("TLS\\Tls", "TLSv1"),
        ] {
            assert_eq!(
                version(word.as_bytes()),
                Some(VersionSpelling::Exact(TlsVersion::from(name)))
            );
        }
        assert_eq!(version(b"TLSv1/SSLv3"), Some(VersionSpelling::Family));
        assert_eq!(version(b"TLS"), None);
        assert_eq!(version(b"TLSv1.25"), None);
    }
}
