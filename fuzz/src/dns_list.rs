//! Any bytes as a list of domains: no panic, and a name that is read survives being written and read again.

use mx_survey::dns::list::{DomainList, DomainListFormat, DomainListItem};
use mx_survey::dns::name::{NAME_LIMIT, Name};

/// The first byte chooses the form; the rest is the list.
pub fn run(data: &[u8]) {
    let Some((&form, text)) = data.split_first() else {
        return;
    };
    let forms = [
        DomainListFormat::Auto,
        DomainListFormat::Plain,
        DomainListFormat::Csv,
        DomainListFormat::Ndjson,
        DomainListFormat::Zone,
        DomainListFormat::Hosts,
    ];
    let mut list = DomainList::new(forms[usize::from(form) % forms.len()], 0);
    for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
        let entries = match list.read(line, number) {
            DomainListItem::Entry(entry, _) => vec![entry],
            DomainListItem::Entries(entries, _) => entries,
            DomainListItem::Nothing | DomainListItem::Refused(_) => continue,
        };
        for name in entries.iter().filter_map(|entry| Name::parse(entry).ok()) {
            let written = name.to_string();
            assert!(written.len() <= NAME_LIMIT);
            assert_eq!(Name::parse(written.as_bytes()), Ok(name));
        }
    }
    let _ = list.end();
}
