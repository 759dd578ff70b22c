//! The selectors that operators of mail are known to use, and lists of selectors that a user gives.

use std::sync::LazyLock;

/// Selectors of operators that are asked of one domain.
pub const OPERATOR_LIMIT: usize = 8;
/// Selectors of a list that are asked of one domain.
pub const LIST_LIMIT: usize = 64;

const TABLE: &str = include_str!("../../data/dkim-selectors.tsv");

struct Operator {
    domains: Vec<&'static str>,
    selectors: Vec<&'static str>,
}

static OPERATORS: LazyLock<Vec<Operator>> = LazyLock::new(|| {
    let words = |column: Option<&'static str>| -> Vec<&'static str> {
        (column.unwrap_or_default().split(','))
            .filter(|word| !word.is_empty())
            .collect()
    };
    (TABLE.lines())
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut columns = line.split('\t').skip(1);
            Operator {
                domains: words(columns.next()),
                selectors: words(columns.next()),
            }
        })
        .collect()
});

/// The selectors of the operators of these names, the exchanges of a domain and what its SPF record includes, in the
/// order of the names, each once, eight at most.
pub fn of_operators<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<&'static str> {
    let mut found = Vec::new();
    for name in names {
        let operators = (OPERATORS.iter())
            .filter(|operator| operator.domains.iter().any(|domain| is_below(name, domain)));
        for selector in operators.flat_map(|operator| operator.selectors.iter().copied()) {
            if !found.contains(&selector) && found.len() < OPERATOR_LIMIT {
                found.push(selector);
            }
        }
    }
    found
}

/// The selectors that programs for one's own server choose.
pub fn of_programs() -> Vec<&'static str> {
    (OPERATORS.iter())
        .filter(|operator| operator.domains.is_empty())
        .flat_map(|operator| operator.selectors.iter().copied())
        .collect()
}

fn is_below(name: &str, domain: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).as_bytes();
    let domain = domain.as_bytes();
    name.len() >= domain.len()
        && name[name.len() - domain.len()..].eq_ignore_ascii_case(domain)
        && (name.len() == domain.len() || name[name.len() - domain.len() - 1] == b'.')
}

/// The selectors of a list, one a line; empty lines and those that begin with `#` are passed over.
///
/// # Errors
/// A line that is no selector (labels of letters, digits, `-` and `_` between dots), with its number, or too many.
///
/// ```
/// use mx_survey::policy::selectors::parse;
///
/// assert_eq!(parse("# mine\nS1\n\ns1\n").unwrap(), ["s1"]);
/// assert!(parse("no selector").unwrap_err().starts_with("line 1"));
/// ```
pub fn parse(text: &str) -> Result<Vec<String>, String> {
    let mut selectors = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && (label.bytes())
                    .all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(&octet))
        };
        if line.len() > 190 || !line.split('.').all(is_label) {
            return Err(format!("line {}: {line:?} is no selector", number + 1));
        }
        let selector = line.to_ascii_lowercase();
        if !selectors.contains(&selector) {
            selectors.push(selector);
        }
        if selectors.len() > LIST_LIMIT {
            return Err(format!("more than {LIST_LIMIT} selectors"));
        }
    }
    Ok(selectors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_of_a_domain_are_those_of_its_exchanges_and_includes() {
        let found = of_operators(["aspmx.l.google.com", "_spf.google.com", "SendGrid.net."]);
        assert_eq!(found, ["google", "s1", "s2"]);
        let microsoft = of_operators(["example-org.mail.protection.outlook.com"]);
        assert_eq!(microsoft, ["selector1", "selector2"]);
        assert!(of_operators(["notgoogle.com", "google.com.evil.test", ""]).is_empty());
        let many = ["mailgun.org", "mailbox.org", "mcsv.net"];
        assert_eq!(of_operators(many).len(), OPERATOR_LIMIT);
        assert_eq!(of_programs(), ["default", "x", "dkim", "mail"]);
    }

    #[test]
    fn every_line_of_the_table_has_selectors() {
        assert!(OPERATORS.len() > 30);
        for operator in OPERATORS.iter() {
            assert!(!operator.selectors.is_empty(), "{:?}", operator.domains);
            for selector in &operator.selectors {
                assert_eq!(parse(selector), Ok(vec![(*selector).to_owned()]));
            }
        }
    }

    #[test]
    fn a_list_is_refused_with_the_line_that_is_none() {
        let list = "# ours\n\nS1\ns1\nmail.2024\n";
        assert_eq!(parse(list), Ok(vec!["s1".into(), "mail.2024".into()]));
        assert!(parse("s1\na b\n").is_err_and(|why| why.starts_with("line 2")));
        assert!(parse("a..b").is_err());
        let many: String = (0..100).map(|number| format!("s{number}\n")).collect();
        assert!(parse(&many).is_err());
    }
}
