//! Rules of the architecture that a machine can hold.

use crate::headgate::project;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The packages that a package is built from, itself included.
fn dependencies(package: &str) -> Vec<String> {
    let arguments = ["tree", "--offline", "--package", package, "--edges", "normal", "--prefix", "none"];
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(project()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).unwrap();
    names.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// All Rust files below a folder, with their paths within the project.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            sources.extend(self::sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(project()).unwrap().to_str().unwrap().to_owned();
            sources.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    sources
}

#[test]
fn only_the_maintainer_is_built_with_an_aws_sdk() {
    let sdk = |package: &str| dependencies(package).iter().any(|name| name.starts_with("aws-"));
    assert!(sdk("partition-maintainer"), "the question is asked wrongly");
    for package in ["shared", "registrar", "firehose-transform", "local"] {
        assert!(!sdk(package), "`{package}` is built with an AWS SDK");
    }
}

#[test]
fn the_transform_is_built_without_an_async_runtime() {
    let runtime = |package: &str| dependencies(package).iter().any(|name| ["tokio", "hyper"].contains(&name.as_str()));
    assert!(runtime("partition-maintainer"), "the question is asked wrongly");
    assert!(!runtime("firehose-transform"), "docs/decisions/0003-runtime.md");
}

#[test]
fn one_file_names_each_sdk() {
    let sources = sources(&project().join("functions/partition-maintainer/src"));
    for (sdk, file) in [("aws_sdk_athena", "athena.rs"), ("aws_sdk_glue", "glue.rs"), ("aws_sdk_s3", "s3.rs")] {
        let naming = sources.iter().filter(|(name, text)| text.contains(sdk) && !name.contains("/bin/"));
        let naming: Vec<&str> = naming.map(|(name, _)| name.as_str()).collect();
        assert_eq!(naming, [format!("functions/partition-maintainer/src/{file}")]);
    }
}

#[test]
fn one_file_of_headgate_names_an_aws_sdk() {
    let naming = sources(&project().join("local")).into_iter().filter(|(_, text)| text.contains("aws_sdk_"));
    assert_eq!(naming.map(|(name, _)| name).collect::<Vec<_>>(), ["local/src/aws.rs"]);
}

/// A second version of Arrow would be compiled beside DataFusion's own, with types of its own.
#[test]
fn arrow_is_there_once() {
    let lock = fs::read_to_string(project().join("Cargo.lock")).unwrap();
    let packages = lock.split("[[package]]\n").filter_map(|package| package.lines().next());
    let of_arrow =
        |line: &&str| line.contains("\"arrow") || *line == "name = \"parquet\"" || line.contains("\"datafusion");
    let names: Vec<&str> = packages.filter(of_arrow).collect();
    let once: BTreeSet<&str> = names.iter().copied().collect();
    assert!(once.len() > 10, "the question is asked wrongly: {once:?}");
    assert_eq!(names.len(), once.len(), "{names:?}");
}

#[test]
fn only_queries_are_built_with_datafusion() {
    let asks = |name: &String| name.starts_with("datafusion");
    assert!(!dependencies("local").iter().any(asks), "minutes of compiling in the way of `cargo run`");
}

#[test]
fn main_only_wires() {
    let is_ours = |name: &str| name.ends_with("src/main.rs") && !name.starts_with("bench/");
    let mains = sources(&project()).into_iter().filter(|(name, _)| is_ours(name));
    for (name, text) in mains {
        assert!(text.lines().count() <= 45, "`{name}` has {} lines", text.lines().count());
    }
}

/// What the manifest does not say, cargo-lambda does: it would have a panic abort.
#[test]
fn panics_unwind() {
    let manifest = fs::read_to_string(project().join("Cargo.toml")).unwrap();
    let release = manifest.split("[profile.release]").nth(1).unwrap();
    let settings: Vec<&str> = release.lines().take_while(|line| !line.starts_with('[')).collect();
    assert!(settings.contains(&"panic = \"unwind\""), "{settings:?}");
}

#[test]
fn the_architecture_stays_short() {
    let text = fs::read_to_string(project().join("ARCHITECTURE.md")).unwrap();
    assert!(text.lines().count() < 150, "{} lines", text.lines().count());
}
