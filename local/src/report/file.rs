//! Where a report goes.

use crate::lake::about;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// A file that can be written, when the time comes.
#[derive(Debug)]
pub struct ReportFile {
    path: PathBuf,
}

/// What every report begins with.
pub(super) const BEGINNING: &str = "<!DOCTYPE html>\n<!-- headgate: the report of a run -->\n";

impl ReportFile {
    /// The file of this path; nothing of it is changed yet. What is no report of before is refused: it might be somebody's
    /// records.
    pub fn at(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let failed = |error: io::Error| format!("`{shown}`: {error}");
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                return Err(format!("`{shown}` is a folder, expected a file for the report"));
            }
            Ok(metadata) if !metadata.is_file() => {
                return Err(format!("`{shown}` is no file, expected one for the report"));
            }
            Ok(_) => {
                let mut beginning = Vec::new();
                let file = OpenOptions::new().read(true).append(true).open(path).map_err(failed)?;
                file.take(BEGINNING.len() as u64).read_to_end(&mut beginning).map_err(failed)?;
                if !beginning.is_empty() && beginning != BEGINNING.as_bytes() {
                    return Err(format!("`{shown}` is something else, expected a report of before, or nothing"));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Whether it can be made is known when it was.
                File::create_new(path).map_err(|error| match error.kind() {
                    io::ErrorKind::NotFound => {
                        format!("`{shown}` is in no folder that is there, expected one for the report")
                    }
                    _ => failed(error),
                })?;
                fs::remove_file(path).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
        Ok(Self { path: path.to_owned() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the report in place of the one before.
    pub fn write(&self, html: &str) -> io::Result<()> {
        let written = File::create(&self.path).and_then(|mut file| file.write_all(html.as_bytes()));
        written.map_err(|error| about(&format!("the report `{}`", self.path.display()), &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(path: &Path, folder: &Path) -> String {
        ReportFile::at(path).unwrap_err().replace(&folder.display().to_string(), "DIR")
    }

    #[test]
    fn what_is_no_report_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.ndjson");
        fs::write(&path, "{}\n").unwrap();
        insta::assert_snapshot!(refused(&path, folder.path()), @"`DIR/records.ndjson` is something else, expected a report of before, or nothing");
        insta::assert_snapshot!(refused(folder.path(), folder.path()), @"`DIR` is a folder, expected a file for the report");
        insta::assert_snapshot!(refused(&folder.path().join("no/report.html"), folder.path()), @"`DIR/no/report.html` is in no folder that is there, expected one for the report");
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}\n");
    }

    #[test]
    fn a_report_takes_the_place_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        let file = ReportFile::at(&path).unwrap();
        assert!(!path.exists(), "asking makes no file");
        for text in ["the first, which is longer", "the second"] {
            file.write(&format!("{BEGINNING}{text}")).unwrap();
            let kept = fs::read_to_string(ReportFile::at(&path).unwrap().path()).unwrap();
            assert_eq!(kept.strip_prefix(BEGINNING), Some(text));
        }
    }
}
