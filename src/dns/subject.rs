//! What a person types for a domain: a name, an address of mail, a URL.

/// Takes the domain out of a name, an address `LOCAL@DOMAIN` or a URL; the local part and the path are dropped.
///
/// # Errors
/// A sentence that says what was expected, without the text that was given: it may hold a local part.
pub fn domain(text: &str) -> Result<String, String> {
    let text = text.trim();
    let host = match text.split_once("://") {
        Some((_, rest)) => {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            authority.rsplit('@').next().unwrap_or_default()
        }
        None => {
            let text = text.strip_prefix("mailto:").unwrap_or(text);
            let text = text.split(['?', '/']).next().unwrap_or_default();
            text.rsplit('@').next().unwrap_or_default()
        }
    };
    let host = match host.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|it| it.is_ascii_digit()) => {
            host
        }
        _ => host,
    };
    let host = host.trim_end_matches('.').trim_matches(['<', '>', ' ']);
    super::name::Name::parse(host.as_bytes())
        .map(|name| name.to_string())
        .map_err(|_| "a domain, an address of mail or a URL, such as example.org".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_addresses_and_urls_find_their_domain() {
        for (text, expected) in [
            ("example.org", "example.org"),
            ("Example.ORG.", "example.org"),
            ("jo@example.org", "example.org"),
            ("<jo@example.org>", "example.org"),
            ("mailto:jo@example.org?subject=x", "example.org"),
            ("https://user:pw@example.org:8443/a@b?c", "example.org"),
            ("example.org/path", "example.org"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("https://bücher.example/", "xn--bcher-kva.example"),
        ] {
            assert_eq!(domain(text).as_deref(), Ok(expected), "{text}");
        }
        for text in ["", "@", "https://", "a b", "jo@"] {
            let error = domain(text).expect_err(text);
            assert!(!error.contains("jo"), "{error}");
        }
    }
}
