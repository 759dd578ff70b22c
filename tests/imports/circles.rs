//! No circle between files: whoever reads one has to read no other that reads it again.
//!
//! The rule. A file A *needs* a file B where the code of A, without its tests,
//!
//! - imports (`use`) something that B defines, or
//! - names it by a path that begins with `crate`, `super`, `self`, a module that A declares, or a module that A imports.
//!
//! A name is followed through re-exports (and through the private imports of a parent, which its children see) to the file that
//! defines it. Declaring a module (`mod b;`) needs nothing, and neither does re-exporting (`pub use b::C;`), unless A names `C` in
//! its own code: so a `mod.rs` that only declares and re-exports its children is in no circle with them. A module declared within
//! a file is that file. A glob brings what the other file defines and this one names. What is named through a value alone (a method, a field) is not seen.
//!
//! Files that need each other, directly or around, are a circle.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Source, Token, sources};

#[test]
fn no_files_are_in_a_circle() {
    let house = House::new(&sources());
    let circles = house.circles();
    let told: Vec<_> = circles.iter().map(|circle| house.tell(circle)).collect();
    assert!(told.is_empty(), "\n{}", told.join("\n"));
}

#[test]
fn a_circle_is_found_through_every_form_of_a_path() {
    let circles = |files: &[(&str, &str)]| {
        let sources: Vec<_> = (files.iter())
            .map(|(name, text)| Source::new(name, text).0)
            .collect();
        House::new(&sources).circles()
    };
    let lib = ("lib.rs", "pub mod a;");
    let a = "pub mod b;\npub mod c;\npub use b::B;\npub use c::C;";
    let straight = [
        lib,
        ("a/mod.rs", a),
        ("a/b.rs", "use super::C;\npub struct B;"),
    ];
    for back in [
        "use crate::a::B;\npub struct C;",
        "use super::B;\npub struct C;",
        "use super::{b::B as D, c};\npub struct C;",
        "use super::b;\npub struct C(b::B);",
        "use crate::a;\npub struct C(a::B);",
        "pub struct C(crate::a::b::B);",
        "pub struct C(super::B);",
        "use super::b::*;\nvocabulary! {\n/// D.\nstrict C { E = \"e\" }\n}\nfn d() -> B {}",
    ] {
        let mut files = straight.to_vec();
        files.push(("a/c.rs", back));
        assert_eq!(circles(&files), [["a/b.rs", "a/c.rs"]], "{back}");
    }
    let mut files = straight.to_vec();
    for forth in [
        "pub struct C;\n// super::B",
        "pub struct C;\n#[cfg(test)]\nmod tests { use crate::a::B; }",
        "use super::c;\npub struct C;",
    ] {
        files.truncate(3);
        files.push(("a/c.rs", forth));
        assert!(circles(&files).is_empty(), "{forth}");
    }
    // A mod.rs with code of its own is a file as any other.
    files[1].1 = "pub mod b;\npub mod c;\npub use c::C;\npub use b::B;\npub fn d(_: B) {}";
    assert!(circles(&files).is_empty());
    files[2].1 = "use super::d;\npub struct B;";
    assert_eq!(circles(&files), [["a/b.rs", "a/mod.rs"]]);
}

/// A module's names from the crate's root; those of a program begin with `bin` and its name.
type Path = Vec<String>;

/// All files, by the module each is.
struct House {
    files: BTreeMap<Path, File>,
    /// What each file needs.
    needs: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Default)]
struct File {
    name: String,
    /// The module at the root of its crate.
    root: Path,
    uses: Vec<Use>,
    /// Paths in the code, outside of `use`.
    paths: Vec<Path>,
    /// Words of the code, outside of `use`.
    words: BTreeSet<String>,
    /// What it defines at its top, within a macro's braces too.
    defined: BTreeSet<String>,
}

/// One name that is imported.
struct Use {
    path: Path,
    name: String,
    is_public: bool,
}

/// What a path leads to.
#[derive(PartialEq)]
enum End {
    /// A module.
    Module(Path),
    /// Something that this module's file defines.
    Item(Path),
    /// Something of another crate.
    Elsewhere,
}

impl House {
    fn new(sources: &[Source]) -> Self {
        let files = sources.iter().map(file).collect();
        let mut house = Self {
            files,
            needs: BTreeMap::new(),
        };
        for (module, file) in &house.files {
            let needed = house.needed(module, file);
            let names = needed.iter().map(|module| house.files[module].name.clone());
            let others = names.filter(|name| *name != file.name).collect();
            house.needs.insert(file.name.clone(), others);
        }
        house
    }

    /// The modules whose files a file needs.
    fn needed(&self, module: &Path, file: &File) -> BTreeSet<Path> {
        let mut needed = BTreeSet::new();
        let imports = file.uses.iter().filter(|import| import.name != "*");
        for import in imports {
            if import.is_public && !file.words.contains(&import.name) {
                continue;
            }
            // Of a module, what is named through it is needed, and that is among the paths.
            if let End::Item(found) = self.end(module, &import.path, 0) {
                needed.insert(found);
            }
        }
        for word in file.words.difference(&file.defined) {
            needed.extend(self.through_globs(module, word, 0));
        }
        for path in &file.paths {
            if let End::Item(found) = self.end(module, path, 0) {
                needed.insert(found);
            }
        }
        needed
    }

    /// Follows a path that stands in the file of `module`.
    fn end(&self, module: &Path, path: &[String], depth: usize) -> End {
        let Some(file) = self.files.get(module).filter(|_| depth < 16) else {
            return End::Elsewhere;
        };
        let (head, mut rest) = path.split_first().unwrap();
        let mut reached = match &head[..] {
            "crate" => End::Module(file.root.clone()),
            "mx_survey" => End::Module(Path::new()),
            "self" => End::Module(module.clone()),
            "super" => End::Module(module[..module.len() - 1].to_vec()),
            _ => self.member(module, head, depth, false),
        };
        while let (End::Module(at), Some((next, after))) = (&reached, rest.split_first()) {
            reached = match &next[..] {
                "self" => continue,
                "super" => End::Module(at[..at.len() - 1].to_vec()),
                _ => self.member(at, next, depth, true),
            };
            rest = after;
        }
        reached
    }

    /// What a name means within a module; a name that nobody declares there `is_own` to it, or of another crate.
    fn member(&self, module: &Path, name: &str, depth: usize, is_own: bool) -> End {
        let mut child = module.clone();
        child.push(name.to_owned());
        if self.files.contains_key(&child) {
            return End::Module(child);
        }
        let uses = self.files.get(module).map_or(&[][..], |file| &file.uses);
        let import = uses.iter().find(|import| import.name == name);
        match import {
            Some(import) => self.end(module, &import.path, depth + 1),
            None => match self.through_globs(module, name, depth) {
                Some(found) => End::Item(found),
                None if is_own => End::Item(module.clone()),
                None => End::Elsewhere,
            },
        }
    }

    /// The module that defines a name which this one imports with everything else of it.
    fn through_globs(&self, module: &Path, name: &str, depth: usize) -> Option<Path> {
        let uses = &self.files.get(module)?.uses;
        let globs = uses.iter().filter(|import| import.name == "*");
        globs.into_iter().find_map(|glob| {
            let (_, path) = glob.path.split_last().unwrap();
            let End::Module(from) = self.end(module, path, depth + 1) else {
                return None;
            };
            let file = &self.files[&from];
            if file.defined.contains(name) {
                return Some(from);
            }
            let mut passed_on = file.uses.iter().filter(|import| import.is_public);
            match passed_on.find(|import| import.name == name) {
                Some(import) => match self.end(&from, &import.path, depth + 1) {
                    End::Item(found) => Some(found),
                    End::Module(_) | End::Elsewhere => None,
                },
                None => self.through_globs(&from, name, depth + 1),
            }
        })
    }

    /// The sets of files that need each other, by name.
    fn circles(&self) -> Vec<Vec<String>> {
        let reach: BTreeMap<_, _> = (self.needs.keys())
            .map(|name| (name, self.reach(name)))
            .collect();
        let mut circles: Vec<Vec<String>> = (self.needs.keys())
            .map(|name| {
                let others = reach[name].iter();
                let back = others.filter(|other| reach[*other].contains(name));
                back.cloned().collect()
            })
            .filter(|circle: &Vec<_>| !circle.is_empty())
            .collect();
        circles.sort();
        circles.dedup();
        circles
    }

    /// All that a file needs, directly or not.
    fn reach(&self, name: &String) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open = vec![name];
        while let Some(name) = open.pop() {
            for other in &self.needs[name] {
                if found.insert(other.clone()) {
                    open.push(other);
                }
            }
        }
        found
    }

    fn tell(&self, circle: &[String]) -> String {
        let mut told = format!("a circle of {}:", circle.len());
        for name in circle {
            let needs = self.needs[name].iter();
            for other in needs.filter(|other| circle.contains(other)) {
                told += &format!("\n  {name} needs {other}");
            }
        }
        told
    }
}

fn file(source: &Source) -> (Path, File) {
    let stem = source.name.strip_suffix(".rs").unwrap();
    let mut module: Path = stem.split('/').map(str::to_owned).collect();
    if module
        .last()
        .is_some_and(|last| ["mod", "main", "lib"].contains(&&last[..]))
    {
        module.pop();
    }
    let is_program = module.first().is_some_and(|first| first == "bin");
    let root = module[..if is_program { 2 } else { 0 }].to_vec();
    let mut file = File {
        name: source.name.clone(),
        root,
        ..File::default()
    };
    read(&source.tokens, &mut file);
    file.defined = defined(&source.tokens);
    (module, file)
}

/// The names that a file defines at its top; in the braces of a macro, those that open a brace or a parenthesis.
fn defined(tokens: &[Token]) -> BTreeSet<String> {
    const KINDS: [&str; 8] = [
        "struct", "enum", "trait", "type", "const", "static", "fn", "union",
    ];
    let text = |place: usize| tokens.get(place).map_or("", |token| &token.text[..]);
    let (mut depth, mut is_macro) = (0, false);
    let mut found = BTreeSet::new();
    for (place, token) in tokens.iter().enumerate() {
        match &token.text[..] {
            "{" => {
                is_macro = if depth == 0 {
                    text(place.wrapping_sub(1)) == "!"
                } else {
                    is_macro
                };
                depth += 1;
            }
            "}" => depth -= 1,
            kind if depth == 0 && KINDS.contains(&kind) => {
                _ = found.insert(text(place + 1).to_owned())
            }
            name if depth == 1 && is_macro && ["{", "("].contains(&text(place + 1)) => {
                found.insert(name.to_owned());
            }
            _ => {}
        }
    }
    found
}

/// Finds imports and paths.
fn read(tokens: &[Token], file: &mut File) {
    let text = |place: usize| tokens.get(place).map_or("", |token| &token.text[..]);
    let mut place = 0;
    while place < tokens.len() {
        let before = place.checked_sub(1).map_or("", text);
        // `use<'a>` is a bound.
        if text(place) == "use" && text(place + 1) != "<" {
            let is_public = ["pub", ")"].contains(&before);
            place += 1;
            tree(tokens, &mut place, &Path::new(), is_public, &mut file.uses);
        } else if tokens[place].is_word() {
            let mut path = vec![text(place).to_owned()];
            while text(place + 1) == "::" && tokens.get(place + 2).is_some_and(Token::is_word) {
                path.push(text(place + 2).to_owned());
                place += 2;
            }
            // `mod a;` declares, and names nothing.
            if before != "mod" {
                file.words.insert(path[0].clone());
            }
            if path.len() > 1 {
                file.paths.push(path);
            }
            place += 1;
        } else {
            place += 1;
        }
    }
}

/// Reads one tree of a `use`, as far as its comma, brace or semicolon.
fn tree(tokens: &[Token], place: &mut usize, base: &Path, is_public: bool, uses: &mut Vec<Use>) {
    let mut path = base.clone();
    let mut name = None;
    while let Some(token) = tokens.get(*place) {
        *place += 1;
        match &token.text[..] {
            "::" => {}
            "{" => {
                while tokens[*place].text != "}" {
                    tree(tokens, place, &path, is_public, uses);
                    if tokens[*place].text == "," {
                        *place += 1;
                    }
                }
                *place += 1;
                return;
            }
            "as" => {
                name = Some(tokens[*place].text.clone());
                *place += 1;
            }
            "," | "}" | ";" => {
                *place -= 1;
                break;
            }
            "self" if !path.is_empty() => {}
            word => path.push(word.to_owned()),
        }
    }
    let name = name.unwrap_or_else(|| path.last().cloned().unwrap_or_default());
    uses.push(Use {
        path,
        name,
        is_public,
    });
}
