//! Error objects as files.

use super::{ErrorObjects, Listed};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The files below a folder, or one file. They are named by their whole paths, so that a ledger knows them again.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// A file that is none of them: the ledger may lie among them.
    ledger: PathBuf,
}

impl Folder {
    /// The files at this path, but for the ledger.
    pub fn open(path: &Path, ledger: &Path) -> Result<Self, String> {
        let shown = path.display();
        let path = fs::canonicalize(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                format!("`{shown}` does not exist, expected a folder of error objects, or `s3://BUCKET/PREFIX`")
            }
            _ => format!("`{shown}`: {error}"),
        })?;
        let ledger = fs::canonicalize(ledger).unwrap_or_else(|_| ledger.to_owned());
        Ok(Self { path, ledger })
    }

    fn add(&self, path: &Path, listed: &mut Vec<Listed>) -> Result<(), String> {
        let about = |error: io::Error| format!("`{}`: {error}", path.display());
        let metadata = fs::metadata(path).map_err(about)?;
        if metadata.is_dir() {
            let entries = fs::read_dir(path).map_err(about)?;
            let entries = entries.map(|entry| entry.map(|entry| entry.path()));
            let mut paths = entries.collect::<io::Result<Vec<_>>>().map_err(about)?;
            paths.sort();
            return paths.iter().try_for_each(|path| self.add(path, listed));
        }
        if path != self.ledger {
            let name = path.to_str().ok_or_else(|| format!("`{}`: the name is not UTF-8", path.display()))?;
            listed.push(Listed { name: name.to_owned(), bytes: metadata.len() });
        }
        Ok(())
    }
}

impl ErrorObjects for Folder {
    fn list(&mut self) -> Result<Vec<Listed>, String> {
        let mut listed = Vec::new();
        self.add(&self.path, &mut listed)?;
        Ok(listed)
    }

    fn read(&mut self, listed: &[Listed], place: usize) -> Result<Vec<u8>, String> {
        let name = listed.get(place).map(|object| object.name.as_str()).unwrap_or_default();
        fs::read(name).map_err(|error| error.to_string())
    }
}
