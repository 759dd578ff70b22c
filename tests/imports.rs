//! Imports go down only: each module of the library names what stands on a lower floor.

mod circles;

use std::path::Path;

/// The floors, from the lowest: what stands in a line may import what stands in the lines above it, and no neighbour.
const FLOORS: &[&[&str]] = &[
    &["record", "cipher"],
    &["ndjson"],
    &["net", "x509", "received", "leak"],
    &["dns", "smtp", "program"],
    &["tls", "policy"],
    &["driver", "judge"],
    &["stages", "store"],
    &["report", "lab"],
    &["study", "pipeline"],
];

/// The floor of a module, from 0.
fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

#[test]
fn imports_go_down_only() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&source, &mut files);
    assert!(files.len() > 20, "{files:?}");
    let mut faults = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&source).unwrap();
        let first = relative.iter().next().unwrap().to_str().unwrap();
        let module = first.trim_end_matches(".rs");
        if module == "bin" || module == "lib" {
            continue;
        }
        let own = floor(module).unwrap_or_else(|| panic!("{module} has no floor"));
        let text = std::fs::read_to_string(&file).unwrap();
        // Tests at the bottom of a file may name what they need.
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for (at, _) in code.match_indices("crate::") {
            let rest = &code[at + "crate::".len()..];
            let named = if let Some(list) = rest.strip_prefix('{') {
                list.split('}')
                    .next()
                    .unwrap()
                    .split(',')
                    .map(first_word)
                    .collect()
            } else {
                vec![first_word(rest)]
            };
            for name in named.into_iter().filter(|name| !name.is_empty()) {
                if name != module && floor(name).is_some_and(|floor| floor >= own) {
                    faults.push(format!(
                        "{}: {module} may not import {name}",
                        relative.display()
                    ));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

fn first_word(text: &str) -> &str {
    let text = text.trim();
    &text[..text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len())]
}

fn collect(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn no_sql_stands_above_the_store_and_none_in_the_rules() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let code = |room: &str| {
        let mut files = Vec::new();
        collect(&source.join(room), &mut files);
        assert!(!files.is_empty(), "{room}");
        files
            .into_iter()
            .map(|file| (std::fs::read_to_string(&file).unwrap(), file))
    };
    for room in ["report", "study"] {
        for (text, file) in code(room) {
            // The study's own query, quoted where its sums are explained.
            let asks = ["prepare(", "prepare_cached(", "query_row(", "query_map("];
            let faults = asks.iter().filter(|word| text.contains(*word));
            assert_eq!(faults.count(), 0, "{} asks SQL", file.display());
        }
    }
    for (text, file) in code("judge") {
        assert!(!text.contains("rusqlite"), "{}", file.display());
    }
}

#[test]
fn programs_are_thin_and_files_are_short() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&source, &mut files);
    let (mut thick, mut long) = (Vec::new(), Vec::new());
    for file in files {
        let name = file.strip_prefix(&source).unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let lines = code.lines().count();
        if name.starts_with("bin/") && lines >= 100 {
            thick.push(name.to_owned());
        }
        if !name.ends_with("tests.rs") && lines > 600 {
            long.push(name.to_owned());
        }
    }
    assert!(thick.is_empty(), "100 lines and more: {thick:?}");
    assert!(long.is_empty(), "more than 600 lines: {long:?}");
}
