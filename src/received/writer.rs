//! Which software or service wrote a Received field, and whether it would have said so had there been TLS.
//!
//! Only that second fact makes a "no" out of a plain `with ESMTP`: QQ writes the same whether TLS was used or not.

use super::field::{Field, Keyword};
use super::token::{comments, words};

/// A recognised writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldWriter {
    /// Its name, lower case.
    pub name: &'static str,
    /// Whether it states TLS.
    pub habit: Habit,
}

/// What a writer does about TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// It marks every hop under TLS, by token or by details: a hop without the mark was in clear.
    Marks,
    /// It never says.
    Silent,
    /// Not known, or it depends on patches and versions.
    Unclear,
    /// It passes mail on inside one machine: filters, mailing lists, `qmail-queue`.
    Filter,
}

/// The writer of a field; `by` is the receiving host's name in lower case.
pub fn recognise(field: &Field<'_>, by: Option<&str>) -> Option<FieldWriter> {
    by_software(field)
        .or_else(|| by_service(by?))
        .or_else(|| by_shape(field))
}

/// Software that names itself in a comment, by the beginning of that comment.
const SOFTWARE: &[(&[u8], &str, Habit)] = &[
    (b"Postfix", "postfix", Habit::Marks),
    (b"Exim", "exim", Habit::Marks),
    (b"OpenSMTPD", "opensmtpd", Habit::Marks),
    (b"Haraka", "haraka", Habit::Marks),
    (b"Stalwart", "stalwart", Habit::Marks),
    (b"PPS", "proofpoint", Habit::Marks),
    (b"amavis", "amavis", Habit::Filter),
    (b"Nemesis", "nemesis", Habit::Marks),
    (b"ecelerity", "ecelerity", Habit::Marks),
    (b"Oracle Communications Messaging", "oracle", Habit::Marks),
    // "Sun Java System Messaging Server", "Sun Java(tm) System Messaging Server".
    (b"Sun Java", "oracle", Habit::Marks),
    (b"CommuniGate", "communigate", Habit::Marks),
    (b"Halon", "halon", Habit::Marks),
    (b"Dovecot", "dovecot", Habit::Marks),
    (b"Coremail", "coremail", Habit::Silent),
    (b"Internet Inbound", "aol", Habit::Marks),
    (b"Spam Firewall", "barracuda", Habit::Unclear),
    (b"Spam & Virus Firewall", "barracuda", Habit::Unclear),
    (b"SimpleEmailService", "amazonses", Habit::Silent),
    (b"PowerMTA", "powermta", Habit::Unclear),
    (b"MDaemon", "mdaemon", Habit::Unclear),
    (b"Lotus Domino", "domino", Habit::Unclear),
    (b"IBM Domino", "domino", Habit::Unclear),
    (b"Kerio", "kerio", Habit::Unclear),
    (b"IceWarp", "icewarp", Habit::Unclear),
    (b"Cyrus", "cyrus", Habit::Unclear),
    (b"qpsmtpd", "qpsmtpd", Habit::Marks),
    (b"DragonFly Mail Agent", "dma", Habit::Filter),
    (b"sSMTP", "ssmtp", Habit::Filter),
];

/// Services by the registered domain (or a name below it) of the receiving host, where its comments name no software.
const SERVICES: &[(&str, &str, Habit)] = &[
    ("google.com", "gmail", Habit::Marks),
    ("gmail.com", "gmail", Habit::Marks),
    ("yahoo.com", "yahoo", Habit::Marks),
    ("yahoodns.net", "yahoo", Habit::Marks),
    ("aol.com", "aol", Habit::Marks),
    ("yandex.net", "yandex", Habit::Marks),
    ("yandex.ru", "yandex", Habit::Marks),
    ("mail.ru", "mailru", Habit::Marks),
    ("mimecast.com", "mimecast", Habit::Marks),
    ("messagelabs.com", "messagelabs", Habit::Marks),
    ("iphmx.com", "ironport", Habit::Marks),
    ("pphosted.com", "proofpoint", Habit::Marks),
    ("zoho.com", "zoho", Habit::Marks),
    ("zoho.eu", "zoho", Habit::Marks),
    ("zoho.in", "zoho", Habit::Marks),
    ("zohomail.com", "zoho", Habit::Marks),
    ("icloud.com", "oracle", Habit::Marks),
    ("qq.com", "qq", Habit::Silent),
    ("163.com", "coremail", Habit::Silent),
    ("126.com", "coremail", Habit::Silent),
    ("amazonaws.com", "amazonses", Habit::Silent),
    ("amazonses.com", "amazonses", Habit::Silent),
];

fn by_software(field: &Field<'_>) -> Option<FieldWriter> {
    for clause in [
        Keyword::By,
        Keyword::With,
        Keyword::Tls,
        Keyword::Id,
        Keyword::For,
    ] {
        for comment in comments(field.clause(clause).unwrap_or_default()) {
            let named = SOFTWARE
                .iter()
                .find(|(prefix, ..)| starts_with(comment, prefix))
                .map(|&(_, name, habit)| FieldWriter { name, habit });
            if named.is_some() {
                return named;
            }
            match comment {
                comment if is_sendmail(comment) => return marks("sendmail"),
                // "smtp/Yandex", "mxfront/Yandex".
                comment if comment.ends_with(b"/Yandex") => return marks("yandex"),
                _ => {}
            }
        }
    }
    let mut with = field.words(Keyword::With);
    if with
        .next()
        .is_some_and(|word| word.eq_ignore_ascii_case(b"Microsoft"))
    {
        let svc = with
            .next()
            .is_some_and(|word| word.eq_ignore_ascii_case(b"SMTPSVC"));
        return marks(if svc { "smtpsvc" } else { "exchange" });
    }
    None
}

fn by_service(host: &str) -> Option<FieldWriter> {
    SERVICES
        .iter()
        .find(|(domain, ..)| {
            host.strip_suffix(domain)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
        .map(|&(_, name, habit)| FieldWriter { name, habit })
}

/// Writers that do not name themselves, by the form of what they write.
fn by_shape(field: &Field<'_>) -> Option<FieldWriter> {
    // "(qmail 2160 invoked from network)"
    if let Some(comment) = comments(field.clause(Keyword::Lead).unwrap_or_default()).next()
        && starts_with(comment, b"qmail ")
    {
        return filter("qmail");
    }
    if comments(field.clause(Keyword::Lead).unwrap_or_default())
        .next()
        .is_some_and(|comment| starts_with(comment, b"nullmailer "))
    {
        return filter("nullmailer");
    }
    // "by simscan 1.4.0 ppid: 1, pid: 2, t: 0.5s scanners:none"
    if field.words(Keyword::By).next() == Some(b"simscan") {
        return filter("simscan");
    }
    let token = field.words(Keyword::With).next()?;
    // Exim writes the token in lower case, and has ids of a form of its own.
    if token.ends_with(b"smtp")
        || token.ends_with(b"smtps")
        || token.ends_with(b"smtpa")
        || token.ends_with(b"smtpsa")
    {
        let id = field.words(Keyword::Id).next();
        if id.is_some_and(is_exim_id) {
            return marks("exim");
        }
    }
    let from = field.clause(Keyword::From)?;
    let ends = |prefix: &[u8]| comments(from).any(|comment| starts_with(comment, prefix));
    // Yahoo's patched qmail says EHLO, and marks SMTPs; qmail itself says HELO, and speaks TLS only under patches.
    if ends(b"EHLO ") && token == b"SMTPs" {
        return marks("yahoo");
    }
    if ends(b"HELO ") && field.words(Keyword::Id).next().is_none() {
        return Some(FieldWriter {
            name: "qmail",
            habit: Habit::Unclear,
        });
    }
    // Courier gives the token upper case, the comment of TLS before `by`, and four hexadecimal groups as id.
    let courier = field.words(Keyword::Id).next().is_some_and(|id| {
        id.split(|&byte| byte == b'.').count() == 3
            && id
                .iter()
                .all(|byte| byte.is_ascii_hexdigit() || *byte == b'.')
            && id.len() >= 26
    });
    if courier && words(from).next().is_some() {
        return marks("courier");
    }
    None
}

fn filter(name: &'static str) -> Option<FieldWriter> {
    Some(FieldWriter {
        name,
        habit: Habit::Filter,
    })
}

fn marks(name: &'static str) -> Option<FieldWriter> {
    Some(FieldWriter {
        name,
        habit: Habit::Marks,
    })
}

/// Sendmail gives the versions of program and configuration: `8.14.9/8.14.9`.
fn is_sendmail(comment: &[u8]) -> bool {
    matches!(comment, [b'8', b'.', digit, ..] if digit.is_ascii_digit()) && comment.contains(&b'/')
}

/// `1p02Ic-003fT1-5B`; since 4.97 `1rDC3Q-0000000A2Mx-1aBc`.
fn is_exim_id(id: &[u8]) -> bool {
    let mut parts = id.split(|&byte| byte == b'-').map(<[u8]>::len);
    let form = (parts.next(), parts.next(), parts.next(), parts.next());
    matches!(
        form,
        (Some(6), Some(6), Some(2), None) | (Some(6), Some(11), Some(4), None)
    ) && id
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

fn starts_with(text: &[u8], prefix: &[u8]) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::super::field;
    use super::*;

    fn name(body: &str, by: &str) -> &'static str {
        recognise(&field::parse(body.as_bytes()), Some(by)).map_or("-", |writer| writer.name)
    }

    #[test]
    fn writers_name_themselves_or_show_by_their_form() {
        for (body, by, expected) in [
            ("by x (Postfix) with ESMTP", "x", "postfix"),
            (
                "by x with esmtpsa (TLS1.2) tls A_B (Exim 4.95) id 1",
                "x",
                "exim",
            ),
            (
                "by x with esmtps (envelope-from <a@b>) id 1S7tza-0007Wj-SK",
                "x",
                "exim",
            ),
            ("by x (8.14.9/8.14.9) with ESMTP id 1", "x", "sendmail"),
            ("by x (mxfront/Yandex) with ESMTPS id 1", "x", "yandex"),
            (
                "by mx.google.com with ESMTPS id 1",
                "mx.google.com",
                "gmail",
            ),
            ("by x with Microsoft SMTP Server id 15", "x", "exchange"),
            ("by x with Microsoft SMTPSVC(6.0)", "x", "smtpsvc"),
            (
                "by localhost (z.example [127.0.0.1]) (amavisd-new, port 10032) with ESMTP",
                "localhost",
                "amavis",
            ),
            ("(qmail 2160 invoked from network)", "", "qmail"),
            ("from a (HELO b) (1.2.3.4) by x with SMTP", "x", "qmail"),
            (
                "from a by www with ESMTPS id 00000000002A0257.0000000062F99153.0000AC56",
                "www",
                "courier",
            ),
            ("by evilgoogle.com with ESMTP id 1", "evilgoogle.com", "-"),
            ("by postfix.example with ESMTP id 1", "postfix.example", "-"),
        ] {
            assert_eq!(name(body, by), expected, "{body}");
        }
    }
}
