//! Lists of any bytes in every format: no panic, the same count by the fast and by the careful way, every line of a list in
//! exactly one sum, and only good names of domains in what comes out.

use std::collections::BTreeMap;

use mx_survey::leak::{
    self, AddressColumn, CountSettings, Input, LeakFormat, LeakList, Watch, Wish,
};

const FORMATS: [Option<LeakFormat>; 10] = [
    None,
    Some(LeakFormat::Adobe),
    Some(LeakFormat::Gawker),
    Some(LeakFormat::Combo),
    Some(LeakFormat::Csv),
    Some(LeakFormat::Tsv),
    Some(LeakFormat::Json),
    Some(LeakFormat::Plain),
    Some(LeakFormat::Any),
    Some(LeakFormat::Url),
];

/// The first byte is the format, the second says whether each address counts once, and whether a column is named.
pub fn run(data: &[u8]) {
    let [format, rules, text @ ..] = data else {
        return;
    };
    let mut settings = CountSettings {
        wish: Wish {
            format: FORMATS[usize::from(*format) % FORMATS.len()],
            column: (rules & 2 != 0).then_some(AddressColumn::Number(1)),
            separator: None,
        },
        unique: rules & 1 != 0,
        ..CountSettings::default()
    };
    let fast = count(text, &settings);
    settings.debug = true;
    let careful = count(text, &settings);
    if !settings.unique {
        assert_eq!(fast, careful);
    }
    let of = |name: &str| fast.1.get(name).copied().unwrap_or_default();
    let is_by_lines = [1, 2, 3, 5, 7, 9]
        .map(|at| FORMATS[at])
        .contains(&settings.wish.format);
    if is_by_lines {
        let sums = ["users", "repeated", "not_counted", "headers"].map(of);
        assert_eq!(of("lines"), sums.iter().sum::<u64>());
    }
    assert_eq!(fast.0.values().sum::<u64>(), of("users"));
    assert_eq!(fast.0.len() as u64, of("domains"));
}

fn count(text: &[u8], settings: &CountSettings) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
    let list = LeakList {
        source: "fuzz".to_owned(),
        inputs: vec![Input::memory("fuzz", text)],
    };
    let count = leak::count(&list, settings, &Watch::default()).expect("memory can be read");
    let _ = count.report(1, false);
    let mut counts = BTreeMap::new();
    count.add_to(&mut counts);
    let mut domains = BTreeMap::new();
    for listed in count.listed(1, "") {
        let labels: Vec<_> = listed.domain.split('.').collect();
        let is_label = |label: &&str| {
            let is_good =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            (1..=63).contains(&label.len()) && label.bytes().all(is_good)
        };
        assert!(
            labels.len() > 1 && labels.iter().all(is_label),
            "{}",
            listed.domain
        );
        domains.insert(listed.domain, listed.users.unwrap_or_default());
    }
    (domains, counts)
}
