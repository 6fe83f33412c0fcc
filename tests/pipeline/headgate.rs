//! The program, and the lake that it writes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use local::cli::{self, Console};
use local::ddl;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The bucket of the default environment.
pub(crate) const BUCKET: &str = "headgate-component-metrics-data-123456789012-eu-west-1";

/// What the program said, and its exit status.
pub(crate) struct Said {
    pub(crate) status: u8,
    pub(crate) output: String,
    pub(crate) errors: String,
}

/// A folder of one test's own.
pub(crate) struct Workshop {
    folder: TempDir,
}

/// A record as it came, and where it went: into the partition whose folder this is, or to the errors.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Folder(String),
    Errors,
}

/// A record of a component of this name, or of something else in its place.
pub(crate) fn record(name: impl Into<Value>) -> Vec<u8> {
    json!({ "componentName": name.into(), "fromTimestamp": "t", "metricName": "cpu" }).to_string().into_bytes()
}

/// The project's own folder.
pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

impl Workshop {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Runs `headgate run` on the project's own deployment, into the lake `lake` of this workshop.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.run_with_input(arguments, b"")
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Said {
        let mut own = vec![OsString::from("headgate"), "run".into()];
        for (option, path) in [("--template", project().join("template.yaml")), ("--out", self.path("lake"))] {
            if !arguments.contains(&option) {
                own.extend([option.into(), path.into()]);
            }
        }
        self.call(own, arguments, input)
    }

    /// Runs `headgate redrive` with the ledger `ledger` of this workshop.
    pub(crate) fn redrive(&self, arguments: &[&str]) -> Said {
        let ledger = self.path("ledger");
        self.call(vec!["headgate".into(), "redrive".into(), "--ledger".into(), ledger.into()], arguments, b"")
    }

    /// Runs `headgate check`, on the project's own template unless another is named.
    pub(crate) fn check(&self, arguments: &[&str]) -> Said {
        let mut own = vec![OsString::from("headgate"), "check".into()];
        if !arguments.contains(&"--template") {
            own.extend(["--template".into(), project().join("template.yaml").into()]);
        }
        self.call(own, arguments, b"")
    }

    /// Runs `headgate query` on the lake `lake` of this workshop.
    pub(crate) fn query(&self, arguments: &[&str]) -> Said {
        self.call(vec!["headgate".into(), "query".into(), "--lake".into(), self.path("lake").into()], arguments, b"")
    }

    fn call(&self, own: Vec<OsString>, arguments: &[&str], input: &[u8]) -> Said {
        let arguments = arguments
            .iter()
            .map(|argument| OsString::from(argument.replace("DIR", self.folder.path().to_str().unwrap())));
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let console = Console { input: Box::new(input), output: &mut output, errors: &mut errors };
        let status = cli::main(own.into_iter().chain(arguments), console);
        let shown = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap().replace(self.folder.path().to_str().unwrap(), "DIR");
            text.replace(project().to_str().unwrap(), "PROJECT")
        };
        Said { status, output: shown(output), errors: shown(errors) }
    }

    /// Every record of the lake, with the place where it lies.
    pub(crate) fn records(&self) -> Vec<(Place, Vec<u8>)> {
        let mut records = Vec::new();
        let bucket = self.path("lake").join(BUCKET);
        for path in files(&bucket) {
            let bytes = fs::read(&path).unwrap();
            // A name that is too long for the file system goes on in the folder below.
            let folder = path.parent().unwrap().strip_prefix(&bucket).unwrap().to_str().unwrap().replace("\\/", "");
            for line in bytes.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n') {
                records.push(if folder.starts_with("errors/") {
                    let error: Value = serde_json::from_slice(line).unwrap();
                    (Place::Errors, STANDARD.decode(error["rawData"].as_str().unwrap()).unwrap())
                } else {
                    (Place::Folder(folder.clone()), line.to_vec())
                });
            }
        }
        records
    }

    /// The partitions of the catalog: value and folder within the bucket.
    pub(crate) fn partitions(&self) -> Vec<(String, String)> {
        let catalog = fs::read(self.path("lake/catalog.json")).unwrap();
        let catalog: Value = serde_json::from_slice(&catalog).unwrap();
        let partitions = catalog["tables"]["headgate.component_metrics"]["partitions"].as_array().unwrap();
        let partition = |partition: &Value| {
            let location = partition["location"].as_str().unwrap();
            let folder = location.strip_prefix(&format!("s3://{BUCKET}/")).unwrap().strip_suffix('/').unwrap();
            (partition["values"][0].as_str().unwrap().to_owned(), folder.to_owned())
        };
        partitions.iter().map(partition).collect()
    }

    /// The statements that were run, parsed.
    pub(crate) fn statements(&self) -> Vec<ddl::AddPartitions> {
        let text = fs::read_to_string(self.path("lake/statements.sql")).unwrap();
        text.split_terminator(";\n\n").map(|statement| ddl::parse(statement).unwrap()).collect()
    }
}

/// All files below a folder, in order.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
