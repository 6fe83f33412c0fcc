//! What `headgate run` reads: files, standard input, or sample data.

use super::{Console, Deployed};
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// What records are read from.
type Input<'c> = BufReader<Box<dyn Read + 'c>>;

/// All of it, with its size in bytes if that is known.
pub(super) type Inputs<'c> = (Vec<Input<'c>>, Option<u64>);

/// All inputs, and their size if it is known; or which of them are not there.
pub(super) fn open<'c>(files: &[PathBuf], standard_input: Box<dyn Read + 'c>) -> Result<Inputs<'c>, Vec<String>> {
    let mut standard_input = Some(standard_input);
    let mut inputs: Vec<Input<'c>> = Vec::new();
    let mut bytes = 0;
    let mut faults = Vec::new();
    for path in files {
        let shown = path.display();
        if path == Path::new("-") {
            match standard_input.take() {
                Some(input) => inputs.push(BufReader::new(input)),
                None => faults.push("`-` is given twice, expected standard input once".to_owned()),
            }
            continue;
        }
        match File::open(path).and_then(|file| Ok((file.metadata()?, file))) {
            Ok((metadata, _)) if metadata.is_dir() => {
                faults.push(format!("`{shown}` is a folder, expected a file of records"));
            }
            Ok((metadata, file)) => {
                bytes += metadata.len();
                inputs.push(BufReader::new(Box::new(file)));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                faults.push(format!("`{shown}` does not exist, expected a file of records"));
            }
            Err(error) => faults.push(format!("`{shown}`: {error}")),
        }
    }
    let known = standard_input.is_some();
    if faults.is_empty() { Ok((inputs, known.then_some(bytes))) } else { Err(faults) }
}

/// Standard input, which is there once.
pub(super) fn standard_input<'c>(console: &mut Console<'c>) -> Box<dyn Read + 'c> {
    std::mem::replace(&mut console.input, Box::new(io::empty()))
}

impl Deployed {
    /// The file of sample data that has the environment's name, whatever its extension.
    pub(super) fn sample(&self) -> Result<PathBuf, Vec<String>> {
        let folder = self.template.with_file_name("samples");
        let entries = fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok);
        let has_name = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem == self.config_env.as_str());
        let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(has_name).collect();
        found.sort();
        let (shown, name) = (folder.display(), &self.config_env);
        match found.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(vec![format!("`{shown}` has no sample data `{name}.…`, expected a file of records")]),
            _ => Err(vec![format!("`{shown}` has {} files `{name}.…`, expected one of sample data", found.len())]),
        }
    }
}
