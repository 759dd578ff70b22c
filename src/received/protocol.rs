//! The `with` clause: the registry of mail transmission types (RFC 3848, RFC 6531 §7, IANA), and the unregistered names in use.

/// What a `with` value names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Its name, upper case: `ESMTPS`, `SMTPSVC`, `MAPI`.
    pub name: String,
    /// Its family.
    pub class: Class,
    /// Whether the name says that TLS was used.
    pub secure: Secure,
    /// Whether the name says that the sender authenticated.
    pub authenticated: bool,
}

/// Families of protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// SMTP between hosts.
    Smtp,
    /// LMTP: the last step into a mailbox (RFC 2033).
    Lmtp,
    /// A web client or an API.
    Http,
    /// Nothing went over a network.
    Local,
    /// Something else: MAPI, NNTP, UUCP, a name never seen.
    Other,
}

/// What a protocol's name says about TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secure {
    /// A registered name with S.
    Registered,
    /// A name with S that no RFC defines: `SMTPS`, `HTTPS`. The study calls it "assumed encrypted".
    Unregistered,
    /// Nothing; whether that means "in clear" depends on the writer.
    Unsaid,
}

/// The protocol that the words of a `with` clause name; `None` where they name none.
pub fn of(words: &[&[u8]]) -> Option<Protocol> {
    let (&first, rest) = words.split_first()?;
    if first.eq_ignore_ascii_case(b"Microsoft") {
        return Some(microsoft(rest));
    }
    // "AES128-SHA encrypted SMTP".
    if let [encrypted, name, ..] = rest
        && encrypted.eq_ignore_ascii_case(b"encrypted")
    {
        return Some(token(name));
    }
    // "ESMTP/TLS/AES256-SHA".
    let name = first.split(|&byte| byte == b'/').next().unwrap_or(first);
    Some(token(name))
}

/// Exchange: "Microsoft SMTP Server", of which TLS is told beside it; Exchange 2003 and IIS: "Microsoft SMTPSVC".
fn microsoft(rest: &[&[u8]]) -> Protocol {
    match rest.first() {
        Some(word) if word.eq_ignore_ascii_case(b"SMTPSVC") => plain("SMTPSVC".into(), Class::Smtp),
        Some(word) if word.eq_ignore_ascii_case(b"SMTP") => plain("SMTP".into(), Class::Smtp),
        _ => plain("MICROSOFT".into(), Class::Other),
    }
}

fn token(word: &[u8]) -> Protocol {
    let name: String = word
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        .take(40)
        .map(|byte| char::from(byte.to_ascii_uppercase()))
        .collect();
    if let Some(protocol) = transmission_type(&name) {
        return protocol;
    }
    let class = match name.as_str() {
        "HTTP" | "HTTPS" | "HTTPREST" | "HTTPU" | "HTTP2" => Class::Http,
        "LOCAL" | "STDIO" | "PIPE" => Class::Local,
        // Exim: SMTP spoken to a program's standard input.
        other if other.starts_with("LOCAL-") => Class::Local,
        _ => Class::Other,
    };
    let secure = if name == "HTTPS" {
        Secure::Unregistered
    } else {
        Secure::Unsaid
    };
    Protocol {
        secure,
        ..plain(name, class)
    }
}

/// `[UTF8](SMTP|ESMTP|LMTP)[S][A]`: the registered names, and those built like them.
fn transmission_type(name: &str) -> Option<Protocol> {
    let (international, rest) = match name.strip_prefix("UTF8") {
        Some(rest) => (true, rest),
        None => (false, name),
    };
    let (class, extended, suffix) = if let Some(suffix) = rest.strip_prefix("ESMTP") {
        (Class::Smtp, true, suffix)
    } else if let Some(suffix) = rest.strip_prefix("SMTP") {
        (Class::Smtp, false, suffix)
    } else {
        (Class::Lmtp, false, rest.strip_prefix("LMTP")?)
    };
    let (secure, authenticated) = match suffix {
        "" => (false, false),
        "A" => (false, true),
        "S" => (true, false),
        "SA" => (true, true),
        // SMTPSVC is none of these.
        _ => return None,
    };
    // The S names are registered for ESMTP, LMTP, UTF8SMTP and UTF8LMTP: TLS takes the extension to begin.
    let registered = extended != international || class == Class::Lmtp;
    let secure = match (secure, registered) {
        (true, true) => Secure::Registered,
        (true, false) => Secure::Unregistered,
        (false, _) => Secure::Unsaid,
    };
    Some(Protocol {
        secure,
        authenticated,
        ..plain(name.into(), class)
    })
}

fn plain(name: String, class: Class) -> Protocol {
    Protocol {
        name,
        class,
        secure: Secure::Unsaid,
        authenticated: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Protocol {
        let words: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
        of(&words).unwrap()
    }

    #[test]
    fn every_registered_name() {
        for name in [
            "SMTP",
            "ESMTP",
            "ESMTPA",
            "ESMTPS",
            "ESMTPSA",
            "LMTP",
            "LMTPA",
            "LMTPS",
            "LMTPSA",
            "UTF8SMTP",
            "UTF8SMTPA",
            "UTF8SMTPS",
            "UTF8SMTPSA",
            "UTF8LMTP",
            "UTF8LMTPA",
            "UTF8LMTPS",
            "UTF8LMTPSA",
        ] {
            let protocol = named(&name.to_lowercase());
            assert_eq!(protocol.name, name);
            let suffix = &name[name.find("TP").unwrap() + 2..];
            assert_eq!(
                protocol.secure == Secure::Registered,
                suffix.contains('S'),
                "{name}"
            );
            assert_eq!(protocol.authenticated, suffix.contains('A'), "{name}");
            assert_eq!(
                protocol.class == Class::Lmtp,
                name.contains("LMTP"),
                "{name}"
            );
        }
        assert_eq!(named("MMS").class, Class::Other);
    }

    #[test]
    fn names_that_are_not_registered() {
        assert_eq!(named("SMTPs").secure, Secure::Unregistered);
        assert_eq!(named("SMTPs").name, "SMTPS");
        assert_eq!(named("HTTPS").class, Class::Http);
        assert_eq!(named("HTTPS").secure, Secure::Unregistered);
        let svc = named("Microsoft SMTPSVC");
        assert_eq!(
            (svc.name.as_str(), svc.class, svc.secure),
            ("SMTPSVC", Class::Smtp, Secure::Unsaid)
        );
        assert_eq!(named("SMTPSVC").secure, Secure::Unsaid);
        assert_eq!(named("Microsoft SMTP Server").name, "SMTP");
        assert_eq!(named("ESMTP/TLS/AES256-SHA").name, "ESMTP");
        assert_eq!(named("AES128-SHA encrypted SMTP").name, "SMTP");
        assert_eq!(named("local-esmtps").class, Class::Local);
        assert_eq!(named("mapi").name, "MAPI");
        assert_eq!(of(&[]), None);
    }
}
