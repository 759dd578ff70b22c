//! Files below a directory, in an order that does not change from run to run: Maildirs (with their subfolders), and
//! directories of messages or mailboxes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The files at and below the given paths. The names of one directory at a time are held.
#[derive(Debug)]
pub struct FileWalk {
    /// What is still to be visited, the next one last.
    stack: Vec<PathBuf>,
}

impl FileWalk {
    /// Visits `paths` in their order.
    pub fn new(paths: &[PathBuf]) -> Self {
        Self {
            stack: paths.iter().rev().cloned().collect(),
        }
    }

    /// Puts what a directory holds on the stack.
    fn enter(&mut self, directory: &Path) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            // A link to a directory may lead back to where it stands.
            let is_directory = kind.is_dir();
            let is_file = kind.is_file()
                || (kind.is_symlink() && fs::metadata(entry.path()).is_ok_and(|of| of.is_file()));
            if is_directory || is_file {
                entries.push((entry.file_name(), is_directory));
            }
        }
        let has = |name: &str| {
            entries
                .iter()
                .any(|(entry, is_directory)| *is_directory && entry == name)
        };
        let is_maildir = has("cur") && has("new");
        entries.retain(|(name, is_directory)| {
            let is_hidden = name.as_encoded_bytes().starts_with(b".");
            match (is_maildir, is_directory) {
                // A Maildir's own files are no mail, what lies in `tmp` is not whole; `.Sent` is a folder.
                (true, true) => name != "tmp",
                (true, false) => false,
                (false, _) => !is_hidden,
            }
        });
        entries.sort_unstable_by(|a, b| b.cmp(a));
        self.stack
            .extend(entries.into_iter().map(|(name, _)| directory.join(name)));
        Ok(())
    }
}

impl Iterator for FileWalk {
    /// A file, or what could not be visited.
    type Item = Result<PathBuf, (PathBuf, io::Error)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let path = self.stack.pop()?;
            let result = match fs::metadata(&path) {
                Ok(of) if of.is_dir() => self.enter(&path),
                Ok(_) => return Some(Ok(path)),
                Err(error) => Err(error),
            };
            if let Err(error) = result {
                return Some(Err((path, error)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_maildirs_and_their_folders() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for name in [
            "b.eml",
            "a/1",
            "a/.hidden",
            "m/cur/2:2,S",
            "m/new/3",
            "m/tmp/no",
            "m/dovecot-uidlist",
            "m/.Sent/cur/4",
            "m/.Sent/new/5",
        ] {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink(root, root.join("a/loop")).unwrap();
        let missing = root.join("missing");
        let found: Vec<String> = FileWalk::new(&[root.to_owned(), missing])
            .map(|result| match result {
                Ok(path) => path.strip_prefix(root).unwrap().display().to_string(),
                Err((path, _)) => format!("no {}", path.strip_prefix(root).unwrap().display()),
            })
            .collect();
        assert_eq!(
            found,
            [
                "a/1",
                "b.eml",
                "m/.Sent/cur/4",
                "m/.Sent/new/5",
                "m/cur/2:2,S",
                "m/new/3",
                "no missing"
            ]
        );
    }
}
