//! Any bytes as a list of domains: no panic, and a name that is read survives being written and read again.

use mx_survey::dns::list::{Format, Item, List};
use mx_survey::dns::name::{NAME_LIMIT, Name};

/// The first byte chooses the form; the rest is the list.
pub fn run(data: &[u8]) {
    let Some((&form, text)) = data.split_first() else {
        return;
    };
    let forms = [
        Format::Auto,
        Format::Plain,
        Format::Csv,
        Format::Ndjson,
        Format::Zone,
    ];
    let mut list = List::new(forms[usize::from(form) % forms.len()]);
    for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
        let Item::Entry(entry, _) = list.read(line, number) else {
            continue;
        };
        if let Ok(name) = Name::parse(&entry) {
            let written = name.to_string();
            assert!(written.len() <= NAME_LIMIT);
            assert_eq!(Name::parse(written.as_bytes()), Ok(name));
        }
    }
}
