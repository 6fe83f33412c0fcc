//! Error objects as files.

use super::{ErrorObjects, Listed};
use std::collections::BTreeSet;
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

    /// Adds what is at this path, each file and folder once, whatever links lead to it.
    fn add(&self, path: &Path, seen: &mut BTreeSet<PathBuf>, listed: &mut Vec<Listed>) -> Result<(), String> {
        let about = |error: io::Error| format!("`{}`: {error}", path.display());
        let path = fs::canonicalize(path).map_err(about)?;
        let metadata = fs::metadata(&path).map_err(about)?;
        if !seen.insert(path.clone()) || path == self.ledger {
            return Ok(());
        }
        if metadata.is_dir() {
            let entries = fs::read_dir(&path).map_err(about)?;
            let entries = entries.map(|entry| entry.map(|entry| entry.path()));
            let mut paths = entries.collect::<io::Result<Vec<_>>>().map_err(about)?;
            paths.sort();
            return paths.iter().try_for_each(|path| self.add(path, seen, listed));
        }
        let name = path.to_str().ok_or_else(|| format!("`{}`: the name is not UTF-8", path.display()))?;
        listed.push(Listed { name: name.to_owned(), bytes: metadata.len() });
        Ok(())
    }
}

impl ErrorObjects for Folder {
    fn list(&mut self) -> Result<Vec<Listed>, String> {
        let mut listed = Vec::new();
        self.add(&self.path, &mut BTreeSet::new(), &mut listed)?;
        Ok(listed)
    }

    fn read(&mut self, listed: &[Listed], place: usize) -> Result<Vec<u8>, String> {
        let name = listed.get(place).map(|object| object.name.as_str()).unwrap_or_default();
        fs::read(name).map_err(|error| error.to_string())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn each_file_is_read_once_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir_all(root.join("b/c")).unwrap();
        for name in ["b/c/2", "b/1", "d", "ledger"] {
            fs::write(root.join(name), name).unwrap();
        }
        symlink("..", root.join("b/up")).unwrap();
        symlink("d", root.join("a")).unwrap();
        let mut objects = Folder::open(&root, &root.join("ledger")).unwrap();
        let listed = objects.list().unwrap();
        let names: Vec<_> = listed.iter().map(|object| object.name.strip_prefix(root.to_str().unwrap())).collect();
        assert_eq!(names, [Some("/d"), Some("/b/1"), Some("/b/c/2")]);
        assert_eq!(objects.read(&listed, 2).unwrap(), b"b/c/2");
    }

    #[test]
    fn a_link_to_nothing_is_told() {
        let folder = tempfile::tempdir().unwrap();
        symlink("nowhere", folder.path().join("a")).unwrap();
        let error = Folder::open(folder.path(), Path::new("ledger")).unwrap().list().unwrap_err();
        assert!(error.ends_with("/a`: No such file or directory (os error 2)"), "{error}");
    }
}
