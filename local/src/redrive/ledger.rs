//! What was sent already, so that a second run sends nothing twice.
//!
//! A ledger is a file of JSON lines. The first names the destination; each other names an object and the lines of it that the
//! destination has acknowledged, each with a hash of its text:
//!
//! ```json
//! {"ledger":"headgate redrive","version":1,"to":"kinesis:orders"}
//! {"object":"s3://bucket/errors/x","sent":[[1,"4f1c8c0f2b0c7a55"],[2,"a8d6c57b1a9e0f31"]]}
//! ```
//!
//! It is appended to after each answer, and is on disk before the next call is made. So a record that is in it was taken by
//! the stream; one that is not in it may have been taken, if the program ended between the answer and the ledger, or if there
//! was no answer.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// A ledger that is written, by this program alone.
#[derive(Debug)]
pub struct Ledger {
    file: File,
    path: PathBuf,
    sent: Sent,
}

/// What a ledger says was sent: a hash for each line of each object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent(BTreeMap<String, BTreeMap<u64, LineHash>>);

/// What a ledger knows of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It was not acknowledged.
    No,
    /// It was.
    Sent,
    /// A line of this number was, but another text: the object has changed.
    OtherText,
}

/// What tells the text of a line from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineHash(u64);

/// A line of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The object's name.
    pub object: String,
    /// The line's number, from 1 on.
    pub line: u64,
    /// Its text's hash.
    pub hash: LineHash,
}

#[derive(Serialize, Deserialize)]
struct Head {
    ledger: String,
    version: u32,
    to: String,
}

#[derive(Serialize, Deserialize)]
struct Entry<S> {
    object: S,
    sent: Vec<(u64, String)>,
}

const MARK: &str = "headgate redrive";
const VERSION: u32 = 1;

impl Ledger {
    /// Opens the ledger of what was sent to this destination, and makes it if there is none.
    ///
    /// The end of a line that was being written when a program was killed is cut off. Anything else that no ledger would hold is
    /// an error, as is a ledger of another destination, or one that another program has open.
    pub fn open(path: &Path, to: &str) -> Result<Self, String> {
        let about = |error: io::Error| format!("the ledger `{}`: {error}", path.display());
        let options = File::options().read(true).append(true).create(true).open(path);
        let mut file = options.map_err(about)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(format!("the ledger `{}` is in use, expected no other redrive with it", path.display()));
            }
            Err(TryLockError::Error(error)) => return Err(about(error)),
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(about)?;
        let (found, sent, whole) = read(&text, path)?;
        if whole < text.len() {
            file.set_len(whole as u64).map_err(about)?;
            file.seek(SeekFrom::End(0)).map_err(about)?;
        }
        let mut ledger = Self { file, path: path.to_owned(), sent };
        match found {
            Some(found) => is_of(&found, to, path)?,
            None => ledger.write(&[Head { ledger: MARK.to_owned(), version: VERSION, to: to.to_owned() }])?,
        }
        Ok(ledger)
    }

    /// What it says.
    pub fn sent(&self) -> &Sent {
        &self.sent
    }

    /// Keeps that these lines were acknowledged; on disk, when it returns.
    pub fn append<'p>(&mut self, places: impl IntoIterator<Item = &'p Place>) -> Result<(), String> {
        let mut entries: Vec<Entry<&str>> = Vec::new();
        for Place { object, line, hash } in places {
            self.sent.0.entry(object.clone()).or_default().insert(*line, *hash);
            let line = (*line, hash.to_string());
            match entries.last_mut() {
                Some(entry) if entry.object == object => entry.sent.push(line),
                _ => entries.push(Entry { object, sent: vec![line] }),
            }
        }
        self.write(&entries)
    }

    fn write(&mut self, lines: &[impl Serialize]) -> Result<(), String> {
        let mut text = String::new();
        let written = lines.iter().try_for_each(|line| {
            text += &serde_json::to_string(line)?;
            text.push('\n');
            Ok(())
        });
        let written = written.and_then(|()| self.file.write_all(text.as_bytes())).and_then(|()| self.file.sync_data());
        written.map_err(|error| format!("the ledger `{}`: {error}", self.path.display()))
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        // A child that is being started has the file open for a moment, too, and the lock would last as long.
        let _closed_anyway = self.file.unlock();
    }
}

impl Sent {
    /// What the ledger at this path says, if there is one; of this destination, if one is given. Nothing is written.
    pub fn read(path: &Path, to: Option<&str>) -> Result<Self, String> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(format!("the ledger `{}`: {error}", path.display())),
        };
        let (found, sent, _) = read(&text, path)?;
        if let (Some(found), Some(to)) = (found, to) {
            is_of(&found, to, path)?;
        }
        Ok(sent)
    }

    /// What is known of a line.
    pub fn known(&self, object: &str, line: u64, hash: LineHash) -> Known {
        match self.0.get(object).and_then(|lines| lines.get(&line)) {
            None => Known::No,
            Some(sent) if *sent == hash => Known::Sent,
            Some(_) => Known::OtherText,
        }
    }
}

impl LineHash {
    /// The hash of a line's text.
    pub fn of(line: &[u8]) -> Self {
        let (high, _) = Uuid::new_v5(&Uuid::NAMESPACE_OID, line).as_u64_pair();
        Self(high)
    }
}

impl std::fmt::Display for LineHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Refuses a ledger of another destination.
fn is_of(found: &str, to: &str, path: &Path) -> Result<(), String> {
    if found == to {
        return Ok(());
    }
    let path = path.display();
    Err(format!("the ledger `{path}` is of records sent to `{found}`, expected `{to}`: name another with `--ledger`"))
}

/// What a ledger's text says: its destination, if it has begun, what was sent, and how much of it is whole lines.
fn read(text: &[u8], path: &Path) -> Result<(Option<String>, Sent, usize), String> {
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let (lines, torn) = text.split_at_checked(whole).unwrap_or_default();
    let wrong = |number: usize| {
        format!("`{}`: line {number} is not one of a ledger: name another with `--ledger`", path.display())
    };
    // A torn head can only be ours if it begins as ours does: other files are never cut.
    let start = format!("{{\"ledger\":\"{MARK}\"").into_bytes();
    if lines.is_empty() && !start.iter().zip(torn).all(|(ours, found)| ours == found) {
        return Err(wrong(1));
    }
    let mut lines = lines.split_inclusive(|byte| *byte == b'\n').zip(1..);
    let mut sent = Sent::default();
    let Some((head, number)) = lines.next() else { return Ok((None, sent, 0)) };
    let head: Option<Head> = serde_json::from_slice(head).ok();
    let to = match head {
        Some(Head { ledger, version: VERSION, to }) if ledger == MARK => to,
        _ => return Err(wrong(number)),
    };
    for (line, number) in lines {
        let entry: Entry<String> = serde_json::from_slice(line).map_err(|_| wrong(number))?;
        let of_object = sent.0.entry(entry.object).or_default();
        for (line, hash) in entry.sent {
            of_object.insert(line, LineHash(u64::from_str_radix(&hash, 16).map_err(|_| wrong(number))?));
        }
    }
    Ok((Some(to), sent, whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use proptest::prelude::*;
    use std::fs;
    use tempfile::TempDir;

    fn place(object: &str, line: u64) -> Place {
        Place { object: object.to_owned(), line, hash: LineHash::of(format!("{object} {line}").as_bytes()) }
    }

    /// A folder with a ledger in it that holds this.
    fn with(text: &[u8]) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[track_caller]
    fn refused(text: &str) -> String {
        let (folder, path) = with(text.as_bytes());
        let message = Ledger::open(&path, "kinesis:a").unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), text.as_bytes(), "it was changed");
        message.replace(folder.path().to_str().unwrap(), "DIR")
    }

    #[test]
    fn what_was_sent_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let mut ledger = Ledger::open(&path, "kinesis:a").unwrap();
        ledger.append(&[place("x", 1), place("x", 3), place("y", 1)]).unwrap();
        drop(ledger);
        assert_snapshot!(fs::read_to_string(&path).unwrap(), @r#"
        {"ledger":"headgate redrive","version":1,"to":"kinesis:a"}
        {"object":"x","sent":[[1,"bfbc9a7ca9eb54af"],[3,"d82e198202285dbd"]]}
        {"object":"y","sent":[[1,"50401e7c6f7c5eb9"]]}
        "#);
        let ledger = Ledger::open(&path, "kinesis:a").unwrap();
        let known = |object: &str, line| ledger.sent().known(object, line, place(object, line).hash);
        assert_eq!(
            [known("x", 1), known("x", 2), known("x", 3), known("z", 1)],
            [Known::Sent, Known::No, Known::Sent, Known::No]
        );
        assert_eq!(ledger.sent().known("x", 1, LineHash::of(b"other")), Known::OtherText);
        assert_eq!(Sent::read(&path, None).unwrap(), *ledger.sent());
        assert_eq!(Sent::read(&folder.path().join("none"), Some("kinesis:a")).unwrap(), Sent::default());
    }

    #[test]
    fn what_is_no_ledger_is_left_alone() {
        assert_snapshot!(refused("my thesis"), @"`DIR/ledger`: line 1 is not one of a ledger: name another with `--ledger`");
        assert_snapshot!(refused("{\"a\":1}\n{\"b\":2}\n"), @"`DIR/ledger`: line 1 is not one of a ledger: name another with `--ledger`");
        let head = "{\"ledger\":\"headgate redrive\",\"version\":1,\"to\":\"kinesis:a\"}\n";
        assert_snapshot!(refused(&format!("{head}{{\"object\":\"x\"\n")), @"`DIR/ledger`: line 2 is not one of a ledger: name another with `--ledger`");
        assert_snapshot!(refused(&head.replace('1', "2")), @"`DIR/ledger`: line 1 is not one of a ledger: name another with `--ledger`");
        let (_folder, path) = with(head.as_bytes());
        assert!(Sent::read(&path, Some("kinesis:a")).is_ok() && Sent::read(&path, Some("kinesis:b")).is_err());
        assert_snapshot!(refused(&head.replace(":a", ":b")), @"the ledger `DIR/ledger` is of records sent to `kinesis:b`, expected `kinesis:a`: name another with `--ledger`");
    }

    #[test]
    fn only_one_program_writes_it() {
        let (folder, path) = with(b"");
        let _open = Ledger::open(&path, "kinesis:a").unwrap();
        let message = Ledger::open(&path, "kinesis:a").unwrap_err().replace(folder.path().to_str().unwrap(), "DIR");
        assert_snapshot!(message, @"the ledger `DIR/ledger` is in use, expected no other redrive with it");
    }

    proptest! {
        // Each case waits for the disk.
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Whatever a kill leaves of the last line, the lines before it are known, and the next are kept.
        #[test]
        fn a_torn_line_is_cut_off(kept in 0..4_u64, cut in 0..1_000_usize) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("ledger");
            let mut ledger = Ledger::open(&path, "kinesis:a").unwrap();
            for line in 0..kept {
                ledger.append(&[place("x", line)]).unwrap();
            }
            let whole = fs::metadata(&path).unwrap().len();
            ledger.append(&[place("x", 9)]).unwrap();
            drop(ledger);
            let length = fs::metadata(&path).unwrap().len();
            let torn = whole + cut as u64 % (length - whole);
            File::options().write(true).open(&path).unwrap().set_len(torn).unwrap();
            let mut ledger = Ledger::open(&path, "kinesis:a").unwrap();
            ledger.append(&[place("y", 1)]).unwrap();
            drop(ledger);
            let sent = Sent::read(&path, None).unwrap();
            for line in 0..kept {
                prop_assert_eq!(sent.known("x", line, place("x", line).hash), Known::Sent);
            }
            prop_assert_eq!(sent.known("x", 9, place("x", 9).hash), Known::No);
            prop_assert_eq!(sent.known("y", 1, place("y", 1).hash), Known::Sent);
        }

        /// A program that was killed as it made the ledger has not made it unusable.
        #[test]
        fn a_torn_head_is_written_anew(cut in 0..58_usize) {
            let head = b"{\"ledger\":\"headgate redrive\",\"version\":1,\"to\":\"kinesis:a\"}\n";
            let (_folder, path) = with(&head[..cut]);
            drop(Ledger::open(&path, "kinesis:a").unwrap());
            prop_assert_eq!(fs::read(&path).unwrap(), head);
        }
    }
}
