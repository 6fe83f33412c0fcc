//! The bucket as a folder, with its catalog, and the notifications that S3 would send.

use crate::athena::SharedCatalog;
use crate::catalog::Catalog;
use crate::firehose::Object;
use crate::pipeline::Destination;
use crate::summary::Summary;
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::object_key::ObjectKey;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A folder with buckets in it, a `catalog.json` and a `statements.sql`.
#[derive(Debug)]
pub struct Lake {
    folder: PathBuf,
}

const CATALOG: &str = "catalog.json";
const STATEMENTS: &str = "statements.sql";

/// What the name of a file begins with that is being written.
const PARTIAL: &str = ".partial-";

/// The longest name of a file or folder, in bytes, on common file systems.
const LONGEST_NAME: usize = 255;

/// What a name ends in that goes on in the folder below, since it is longer than a file system's names can be. Keys that
/// Hive has escaped never hold it.
const GOES_ON: char = '\\';

impl Lake {
    /// The lake in this folder, and its catalog. One that is there already is added to; a folder with something else in it
    /// is refused.
    pub fn open(folder: &Path) -> Result<(Self, Catalog), String> {
        let lake = Self { folder: folder.to_owned() };
        let path = lake.path(CATALOG);
        match fs::read_dir(folder).map(Iterator::count) {
            Ok(0) => return Ok((lake, Catalog::default())),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((lake, Catalog::default())),
            Err(error) => return Err(format!("`{}`: {error}", folder.display())),
        }
        match fs::read_to_string(&path) {
            Ok(text) => match serde_json::from_str(&text) {
                Ok(catalog) => Ok((lake, catalog)),
                Err(error) => Err(format!("`{}`: {error}", path.display())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(format!(
                "`{}` is a folder with something else in it, expected a lake, or nothing",
                folder.display()
            )),
            Err(error) => Err(format!("`{}`: {error}", path.display())),
        }
    }

    /// The lake in this folder, and its catalog, if there is one.
    pub fn open_existing(folder: &Path) -> Result<(Self, Catalog), String> {
        match fs::exists(folder.join(CATALOG)) {
            Ok(true) => Self::open(folder),
            Ok(false) => Err(format!("`{}` is no lake, expected one that `headgate run` has made", folder.display())),
            Err(error) => Err(format!("`{}`: {error}", folder.display())),
        }
    }

    /// Makes the folder a lake with this catalog, if it is none yet.
    pub fn begin(&self, catalog: &Catalog) -> io::Result<()> {
        fs::create_dir_all(&self.folder).map_err(|error| self.about(&error))?;
        self.keep_catalog(catalog)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Removes what is in it of this bucket, and the catalog; nothing that is not a lake's.
    pub fn clear(&self, bucket: &str) -> io::Result<()> {
        let unless_absent = |result: io::Result<()>| match result {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result.map_err(|error| self.about(&error)),
        };
        unless_absent(fs::remove_dir_all(self.path(bucket)))?;
        unless_absent(fs::remove_file(self.path(STATEMENTS)))?;
        // Last, since it is what tells a lake from other folders.
        unless_absent(fs::remove_file(self.path(CATALOG)))
    }

    /// Keeps the catalog.
    pub fn keep_catalog(&self, catalog: &Catalog) -> io::Result<()> {
        let text = serde_json::to_string_pretty(catalog).map_err(io::Error::other)?;
        write_whole(&self.path(CATALOG), format!("{text}\n").as_bytes()).map_err(|error| self.about(&error))
    }

    /// Appends statements to those that were run before.
    pub fn append_statements(&self, statements: &[String]) -> io::Result<()> {
        let file = fs::OpenOptions::new().create(true).append(true).open(self.path(STATEMENTS));
        let appended =
            file.and_then(|mut file| statements.iter().try_for_each(|statement| writeln!(file, "{statement};\n")));
        appended.map_err(|error| self.about(&error))
    }

    /// Writes an object into a bucket. An object of the same key would be replaced; Firehose never uses a key twice.
    pub fn put(&self, bucket: &str, object: &Object) -> io::Result<()> {
        let path = self.object_path(bucket, &object.key);
        let folder = path.parent().unwrap_or(&self.folder);
        let written = fs::create_dir_all(folder).and_then(|()| write_whole(&path, &object.body));
        written.map_err(|error| about(&format!("object `{}`", object.key), &error))
    }

    /// Whether there is an object of this key.
    pub fn holds(&self, bucket: &str, key: &str) -> bool {
        self.object_path(bucket, key).exists()
    }

    /// Where an object lies: under its key, but for names that are too long for a file system.
    pub fn object_path(&self, bucket: &str, key: &str) -> PathBuf {
        let mut path = self.path(bucket);
        for name in key.split('/') {
            let mut rest = name;
            while rest.len() > LONGEST_NAME {
                let cut = rest.floor_char_boundary(LONGEST_NAME - GOES_ON.len_utf8());
                let (part, after) = rest.split_at(cut);
                path.push(format!("{part}{GOES_ON}"));
                rest = after;
            }
            path.push(rest);
        }
        path
    }

    /// What lies directly in a folder of a bucket, in the order of keys: folders, each ending in `/`, and objects with their
    /// sizes. As in S3 a folder is there only as long as an object is in it.
    pub fn entries(&self, bucket: &str, folder: &str) -> io::Result<BTreeMap<String, Option<u64>>> {
        let mut entries = BTreeMap::new();
        read(&self.object_path(bucket, folder), folder, &mut entries).map_err(|error| self.about(&error))?;
        Ok(entries)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn about(&self, error: &io::Error) -> io::Error {
        about(&format!("the lake `{}`", self.folder.display()), error)
    }
}

/// A bucket of a lake with the catalog that is registered in, as the pipeline writes to them.
#[derive(Debug)]
pub struct LakeDestination<'l> {
    /// The lake.
    pub lake: &'l Lake,
    /// The bucket's name.
    pub bucket: &'l str,
    /// The catalog, in whose hands it ever is.
    pub catalog: SharedCatalog,
}

impl Destination for LakeDestination<'_> {
    /// From now on it is a lake, whatever happens on the way.
    fn begin(&self) -> io::Result<()> {
        self.catalog.look(|catalog| self.lake.begin(catalog))
    }

    fn holds(&self, key: &str) -> io::Result<bool> {
        Ok(self.lake.holds(self.bucket, key))
    }

    fn put(&self, object: &Object) -> io::Result<()> {
        self.lake.put(self.bucket, object)
    }

    fn keep(&self, summary: &mut Summary) -> io::Result<()> {
        let news = self.catalog.news();
        let appended = if news.statements.is_empty() { Ok(()) } else { self.lake.append_statements(&news.statements) };
        let kept = if news.added == 0 { Ok(()) } else { self.catalog.look(|catalog| self.lake.keep_catalog(catalog)) };
        summary.add_news(news);
        appended.and(kept)
    }
}

/// Reads what is in a folder on disk; `prefix` is what the keys of all that begin with.
fn read(folder: &Path, prefix: &str, entries: &mut BTreeMap<String, Option<u64>>) -> io::Result<()> {
    let listed = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(()),
        listed => listed?,
    };
    for entry in listed {
        let entry = entry?;
        // Keys are text, and what is not whole yet is not there.
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with(PARTIAL) {
            continue;
        }
        if !entry.file_type()?.is_dir() {
            entries.insert(format!("{prefix}{name}"), Some(entry.metadata()?.len()));
        } else if let Some(beginning) = name.strip_suffix(GOES_ON) {
            read(&entry.path(), &format!("{prefix}{beginning}"), entries)?;
        } else if holds_anything(&entry.path())? {
            entries.insert(format!("{prefix}{name}/"), None);
        }
    }
    Ok(())
}

fn holds_anything(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() || holds_anything(&entry.path())? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The same error with what it is about.
pub(crate) fn about(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

/// What S3 tells of a new object, as it writes it.
pub fn notification(region: &str, bucket: &str, object: &Object) -> Value {
    let time = Timestamp::from_millisecond(object.written_at).unwrap_or(Timestamp::UNIX_EPOCH);
    json!({ "Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": region,
        "eventTime": time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": { "name": bucket, "arn": format!("arn:aws:s3:::{bucket}") },
            "object": { "key": ObjectKey::from_plain(object.key.as_str()).to_notification(), "size": object.body.len() },
        },
    }] })
}

/// Writes a file so that it is there as a whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Hidden from readers, short whatever the file's own name is, and not that of another process.
    let partial = path.with_file_name(format!("{PARTIAL}{}", std::process::id()));
    fs::write(&partial, bytes)?;
    fs::rename(&partial, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str) -> Object {
        Object { key: key.into(), body: b"{}\n".to_vec(), records: 1, oldest: 0, written_at: 0 }
    }

    #[test]
    fn objects_lie_under_their_keys_however_long() {
        let folder = tempfile::tempdir().unwrap();
        let (lake, _) = Lake::open(folder.path()).unwrap();
        for key in ["a%2Fb/x.json", "it's 🚚/x", &format!("{}/x", "é".repeat(256)), &format!("k={}/x", "a".repeat(508))]
        {
            lake.put("bucket", &object(key)).unwrap();
            assert!(lake.holds("bucket", key));
        }
        assert_eq!(lake.object_path("b", "a%2Fb/x"), folder.path().join("b/a%2Fb/x"));
    }

    #[test]
    fn what_is_no_lake_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.tex"), "").unwrap();
        let message = Lake::open(folder.path()).unwrap_err().replace(&folder.path().display().to_string(), "FOLDER");
        insta::assert_snapshot!(message, @"`FOLDER` is a folder with something else in it, expected a lake, or nothing");
        assert!(Lake::open(&folder.path().join("new")).is_ok());
    }

    #[test]
    fn a_catalog_of_others_makes_no_lake() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("catalog.json"), "{\"my\":1,\"tables\":{}}").unwrap();
        assert!(Lake::open(folder.path()).is_err());
    }

    #[test]
    fn notifications_are_as_s3_writes_them() {
        let text = notification("eu-west-1", "lake", &object("k=a b/x+y")).to_string();
        let messages = registrar::event::messages(&text);
        let notification = &messages[0].notifications[0];
        assert_eq!(notification.key.as_str(), "k=a b/x+y");
        assert!(text.contains("k%3Da+b/x%2By"));
    }
}
