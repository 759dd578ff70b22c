//! `-o FILE`: what a program prints goes into a file, which is there whole or not at all. It is written beside its place
//! under another name, and takes its place when the program has ended well (rename, POSIX); a program that fails, or is
//! stopped at once, leaves what was there before.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::TempPath;

use crate::ndjson::printable;

/// A file that is being written, to be put into its place.
#[derive(Debug)]
pub struct Whole {
    /// Where it is written; none: into a device or a pipe, which cannot be replaced.
    part: Option<(File, TempPath)>,
    to: PathBuf,
}

impl Whole {
    /// Turns standard output to a file that will take the place of `path`.
    ///
    /// # Errors
    ///
    /// Where `path` is a folder, or nothing can be written beside it.
    pub fn begin(path: &Path) -> anyhow::Result<Self> {
        Self::turned(path).with_context(|| printable(&path.display().to_string()))
    }

    fn turned(path: &Path) -> anyhow::Result<Self> {
        // What a link names is replaced, not the link.
        let to = match fs::canonicalize(path) {
            Ok(to) => to,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_path_buf(),
            Err(error) => return Err(error.into()),
        };
        if to.is_dir() {
            anyhow::bail!("a folder");
        }
        if to.exists() && !to.is_file() {
            rustix::stdio::dup2_stdout(&File::options().write(true).open(&to)?)?;
            return Ok(Self { part: None, to });
        }
        let folder = match to.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let part = builder(&to)?
            .prefix(".")
            .suffix(".part")
            .tempfile_in(folder)?;
        let (file, name) = part.into_parts();
        rustix::stdio::dup2_stdout(&file)?;
        let part = Some((file, name));
        Ok(Self { part, to })
    }

    /// Where it is written until it is whole.
    pub fn part(&self) -> Option<&Path> {
        self.part.as_ref().map(|(_, name)| &**name)
    }

    /// Puts the file into its place.
    ///
    /// # Errors
    ///
    /// Where the disk does not keep it.
    pub fn finish(self) -> anyhow::Result<()> {
        let Some((file, name)) = self.part else {
            return Ok(());
        };
        let named = || printable(&self.to.display().to_string());
        file.sync_all().with_context(named)?;
        name.persist(&self.to).with_context(named)?;
        Ok(())
    }
}

/// Files that may be read as those that they replace, or as any new file.
#[cfg(unix)]
fn builder(to: &Path) -> io::Result<tempfile::Builder<'static, 'static>> {
    use std::os::unix::fs::PermissionsExt as _;
    let permissions = match fs::metadata(to) {
        Ok(metadata) => metadata.permissions(),
        // The mask of the process takes away what nobody may.
        Err(_) => fs::Permissions::from_mode(0o666),
    };
    let mut builder = tempfile::Builder::new();
    builder.permissions(permissions);
    Ok(builder)
}
