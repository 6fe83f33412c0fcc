//! The layout of the bucket: Firehose's S3 prefix, read as a two-way street between partitions and object keys.

mod error;
mod parse;

pub use error::{KeyFault, LabelFault, LayoutError};

use crate::error_prefix::ErrorPrefix;
use crate::object_key::ObjectKey;
use crate::partition::{Partition, PartitionValue, escape, escape_first, unescape};
use crate::prefix::{Prefix, RANDOM_STRING_LENGTH};
use crate::timestamp_pattern::TimestampPattern;
use crate::variables::Variables;
use std::borrow::Cow;

/// Where data lies: what Firehose makes of a record's keys, and what a partition's values are in an object's key.
///
/// [`Layout::render`] and [`Layout::matches`] are inverses for every partition that a record can carry. To that end
/// values of the Lambda namespace are escaped by Hive's rules, so that `a/b` is one folder `a%2Fb`; their first character
/// is escaped as well where the folder would be hidden from Athena (`_`, `.`), or the path would lie under the error
/// prefix. Values of the query namespace are Firehose's own doing, and are taken as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    prefix: Prefix,
    error_prefix: ErrorPrefix,
    captures: Vec<Capture>,
    segments: Vec<Segment>,
    /// The capture whose value is escaped where the path could lie under the error prefix.
    guard: Option<usize>,
}

/// One partition column of the layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    column: String,
    source: Source,
}

/// Where the value of a capture comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The transform function returns it under this key.
    Lambda(String),
    /// Firehose's own query over the record gives it under this key.
    Query(String),
    /// Firehose's clock.
    Timestamp(TimestampPattern),
}

/// What stands between two slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Capture { index: usize, extent: Extent },
    Random,
}

/// How the end of a capture is found when a folder's name is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// It always has this many bytes.
    Fixed(usize),
    /// It ends before this character, which it cannot hold.
    Until(char),
    /// It ends this many bytes before the end.
    AllBut(usize),
}

/// What a folder is to a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Folder {
    /// Partitions can lie below it.
    Above,
    /// It is the partition's own, the one that [`Layout::render`] gives.
    Of(Partition),
    /// It lies inside of a partition's folder, and objects, or more such folders, can lie in it.
    Inside(Partition),
}

/// The longest prefix that Firehose writes to, in characters, once evaluated. Firehose is taken to count as Java does, so
/// that characters beyond the basic plane are two.
pub const LONGEST_PREFIX: usize = 512;

/// The longest prefix in bytes: S3 keys have 1,024, and the object's own name takes up to 256
/// (`stream-version-yyyy-MM-dd-HH-mm-ss-uuid.extension`).
pub const LONGEST_PREFIX_BYTES: usize = 1_024 - 256;

/// An error prefix under which no data lies.
const STAND_IN: &str = "\u{7f}/";

/// What Athena leaves where it adds a partition that exists at another location.
const FOLDER_MARKER: &str = "_$folder$";

impl Layout {
    /// Reads a layout, or says why it could not be read back.
    pub fn parse(prefix: &str, error_prefix: &ErrorPrefix) -> Result<Self, LayoutError> {
        parse::layout(Prefix::parse(prefix)?, error_prefix)
    }

    /// The layout that the variables `S3_PREFIX` and `ERROR_PREFIX` give.
    pub fn from_variables(variables: &mut Variables) -> Option<Self> {
        let prefix = variables.required("S3_PREFIX");
        let error_prefix = variables.required("ERROR_PREFIX");
        let error_prefix = error_prefix.and_then(|text| variables.check("ERROR_PREFIX", &text, ErrorPrefix::parse));
        // What is wrong with the layout is told even if there is no error prefix to hold it against.
        let stand_in = || ErrorPrefix::parse(STAND_IN).ok();
        let beside = error_prefix.clone().or_else(stand_in)?;
        let layout = variables.check("S3_PREFIX", &prefix?, |text| Self::parse(text, &beside));
        error_prefix.and(layout)
    }

    /// The prefix as Firehose takes it.
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// The error prefix that it stands beside.
    pub fn error_prefix(&self) -> &ErrorPrefix {
        &self.error_prefix
    }

    /// The partition columns, in the table's order.
    pub fn captures(&self) -> &[Capture] {
        &self.captures
    }

    /// The names of the keys that the transform function has to return, in the order of the layout.
    pub fn lambda_keys(&self) -> impl Iterator<Item = &str> {
        self.captures.iter().filter_map(|capture| match &capture.source {
            Source::Lambda(key) => Some(key.as_str()),
            Source::Query(_) | Source::Timestamp(_) => None,
        })
    }

    /// The keys of a record as Firehose is to get them: its values, in the order of [`Layout::lambda_keys`], escaped.
    ///
    /// Refused is what makes the evaluated prefix longer than Firehose ([`LONGEST_PREFIX`]) or S3 takes it.
    pub fn label(&self, values: &[PartitionValue]) -> Result<Vec<String>, LabelFault> {
        let mut given = values.iter();
        let values: Vec<Option<&PartitionValue>> =
            self.captures.iter().map(|capture| capture.is_escaped().then(|| given.next()).flatten()).collect();
        let escaped = self.escaped(&values);
        self.measure(&escaped)?;
        Ok(escaped.into_iter().flatten().collect())
    }

    /// The prefix under which a partition lies: it ends in `/`, and stops before the first random string.
    pub fn render(&self, partition: &Partition) -> Result<String, LabelFault> {
        let values: Vec<Option<&PartitionValue>> = partition.values().iter().map(Some).collect();
        let escaped = self.escaped(&values);
        self.measure(&escaped)?;
        let mut path = String::new();
        for segment in self.segments.iter().take_while(|segment| !segment.is_random()) {
            for piece in &segment.pieces {
                match piece {
                    Piece::Text(text) => path.push_str(text),
                    Piece::Capture { index, .. } => {
                        path.push_str(escaped.get(*index).and_then(Option::as_deref).unwrap_or_default());
                    }
                    Piece::Random => {}
                }
            }
            path.push('/');
        }
        Ok(path)
    }

    /// The partition in which an object lies, or why it lies in none of ours.
    ///
    /// Only what this layout would have written is taken: `render(matches(key))` is a prefix of the key.
    pub fn matches(&self, key: &ObjectKey) -> Result<Partition, KeyFault> {
        self.locate(key).map(|(partition, _)| partition)
    }

    /// The partition in which an object lies, as [`Layout::matches`] has it, and the prefix under which that lies.
    pub fn locate(&self, key: &ObjectKey) -> Result<(Partition, String), KeyFault> {
        let text = key.as_str();
        self.folder(key)?;
        let mut found = vec![""; self.captures.len()];
        for (segment, name) in self.segments.iter().zip(text.split('/')) {
            segment.read(name, &mut found).ok_or(KeyFault::Foreign)?;
        }
        let partition = self.partition(&found)?;
        match self.render(&partition) {
            Ok(prefix) if text.starts_with(&prefix) => Ok((partition, prefix)),
            Ok(_) | Err(_) => Err(KeyFault::Foreign),
        }
    }

    /// The folder of the partition in which an object lies, unless its folders' names are not of this layout: it is the prefix
    /// that [`Layout::locate`] gives, if that gives one. Objects of one folder lie in one partition or in none.
    pub fn folder<'k>(&self, key: &'k ObjectKey) -> Result<&'k str, KeyFault> {
        let text = key.as_str();
        if text.starts_with(self.error_prefix.head()) {
            return Err(KeyFault::ErrorObject);
        }
        if text.ends_with('/') || text.ends_with(FOLDER_MARKER) {
            return Err(KeyFault::FolderMarker);
        }
        // Up to the first random string all names tell the partition.
        let telling = self.segments.iter().take_while(|segment| !segment.is_random()).count();
        let hides = |place: usize| matches!(text.as_bytes().get(place), Some(b'_' | b'.'));
        if hides(0) {
            return Err(KeyFault::Hidden);
        }
        let (mut folders, mut end) = (0, 0);
        for slash in memchr::memchr_iter(b'/', text.as_bytes()) {
            if hides(slash + 1) {
                return Err(KeyFault::Hidden);
            }
            folders += 1;
            if folders == telling {
                end = slash + 1;
            }
        }
        if folders != self.segments.len() {
            return Err(KeyFault::Foreign);
        }
        let folder = text.get(..end).ok_or(KeyFault::Foreign)?;
        let rest = text.get(end..).unwrap_or_default();
        let mut random = self.segments.iter().skip(telling).zip(rest.split('/'));
        if random.all(|(segment, name)| segment.read(name, &mut []).is_some()) {
            Ok(folder)
        } else {
            Err(KeyFault::Foreign)
        }
    }

    /// What a folder is, or why none of our objects can lie below it. It is written as keys have it, from the bucket's root on
    /// and with `/` at the end: `data/year=2026/`. The root itself is nothing.
    ///
    /// Each folder on the way to an object that [`Layout::locate`] finds is one.
    pub fn kind_of_folder(&self, path: &str) -> Result<Folder, KeyFault> {
        if path.starts_with(self.error_prefix.head()) {
            return Err(KeyFault::ErrorObject);
        }
        if path.is_empty() {
            return Ok(Folder::Above);
        }
        let names: Vec<&str> = path.strip_suffix('/').ok_or(KeyFault::Foreign)?.split('/').collect();
        if names.iter().any(|name| name.starts_with(['_', '.'])) {
            return Err(KeyFault::Hidden);
        }
        if names.len() > self.segments.len() {
            return Err(KeyFault::Foreign);
        }
        let mut found = vec![""; self.captures.len()];
        for (segment, name) in self.segments.iter().zip(&names) {
            segment.read(name, &mut found).ok_or(KeyFault::Foreign)?;
        }
        let depth = self.segments.iter().take_while(|segment| !segment.is_random()).count();
        if names.len() < depth {
            return Ok(Folder::Above);
        }
        let partition = self.partition(&found)?;
        match self.render(&partition) {
            Ok(prefix) if path == prefix => Ok(Folder::Of(partition)),
            Ok(prefix) if path.starts_with(&prefix) => Ok(Folder::Inside(partition)),
            Ok(_) | Err(_) => Err(KeyFault::Foreign),
        }
    }

    /// The only name that a folder of ours can have at this depth, which is that many folders below the bucket's root;
    /// nothing where it depends on the object, and where there are none.
    pub fn folder_name(&self, depth: usize) -> Option<&str> {
        match self.segments.get(depth)?.pieces.as_slice() {
            [Piece::Text(name)] => Some(name),
            _ => None,
        }
    }

    /// How many folders below the bucket's root our objects lie.
    pub fn depth(&self) -> usize {
        self.segments.len()
    }

    /// The partition whose values have these texts in the path.
    fn partition(&self, found: &[&str]) -> Result<Partition, KeyFault> {
        let value = |(capture, text): (&Capture, &&str)| {
            let value = capture.value(text).ok_or(KeyFault::Foreign)?;
            PartitionValue::new(value).map_err(KeyFault::Value)
        };
        self.captures.iter().zip(found).map(value).collect::<Result<_, _>>().map(Partition::new)
    }

    /// The values as parts of a path; nothing where the value is not known yet.
    fn escaped(&self, values: &[Option<&PartitionValue>]) -> Vec<Option<String>> {
        let escape = |(capture, value): (&Capture, Option<&PartitionValue>)| {
            value.map(|value| match capture.source {
                Source::Lambda(_) => escape(value.as_str()),
                Source::Query(_) | Source::Timestamp(_) => value.as_str().to_owned(),
            })
        };
        let mut escaped: Vec<_> = self.captures.iter().zip(values.iter().copied()).map(escape).collect();
        for segment in &self.segments {
            if let Some(Piece::Capture { index, .. }) = segment.pieces.first()
                && let Some(Some(value)) = escaped.get_mut(*index)
                && value.starts_with(['_', '.'])
                && self.captures.get(*index).is_some_and(Capture::is_escaped)
            {
                *value = escape_first(value);
            }
        }
        if let Some(guard) = self.guard
            && self.could_lie_under_errors(&escaped)
            && let Some(Some(value)) = escaped.get_mut(guard)
        {
            *value = escape_first(value);
        }
        escaped
    }

    /// Whether the path begins as the error prefix does, as far as it is known before Firehose evaluates it.
    ///
    /// What only Firehose knows, such as the time, could be anything: the answer must be the same for writer and reader.
    fn could_lie_under_errors(&self, escaped: &[Option<String>]) -> bool {
        let mut head = self.error_prefix.head();
        for piece in self.segments.iter().flat_map(|segment| segment.pieces.iter().map(Some).chain([None])) {
            let text = match piece {
                None => "/",
                Some(Piece::Text(text)) => text,
                Some(Piece::Random) => return true,
                Some(Piece::Capture { index, .. }) => {
                    let escaped_by_us = self.captures.get(*index).is_some_and(Capture::is_escaped);
                    match escaped.get(*index) {
                        Some(Some(value)) if escaped_by_us => value,
                        _ => return true,
                    }
                }
            };
            match head.strip_prefix(text) {
                Some(rest) => head = rest,
                None => return text.starts_with(head),
            }
        }
        head.is_empty()
    }

    /// Counts the whole prefix as Firehose will evaluate it, with the longest that a timestamp can become.
    fn measure(&self, escaped: &[Option<String>]) -> Result<(), LabelFault> {
        let characters = |text: &str| text.chars().map(char::len_utf16).sum::<usize>();
        let (mut units, mut bytes) = (0, 0);
        for segment in &self.segments {
            for piece in &segment.pieces {
                let (more_units, more_bytes) = match piece {
                    Piece::Text(text) => (characters(text), text.len()),
                    Piece::Random => (RANDOM_STRING_LENGTH, RANDOM_STRING_LENGTH),
                    Piece::Capture { index, .. } => match (escaped.get(*index), self.captures.get(*index)) {
                        (_, Some(Capture { source: Source::Timestamp(pattern), .. })) => {
                            (pattern.longest(), pattern.longest())
                        }
                        (Some(Some(value)), _) => (characters(value), value.len()),
                        _ => (0, 0),
                    },
                };
                units += more_units;
                bytes += more_bytes;
            }
            units += 1;
            bytes += 1;
        }
        if units > LONGEST_PREFIX {
            Err(LabelFault::TooManyCharacters(units))
        } else if bytes > LONGEST_PREFIX_BYTES {
            Err(LabelFault::TooManyBytes(bytes))
        } else {
            Ok(())
        }
    }
}

impl Capture {
    /// The column's name, in lower case as Glue keeps it.
    pub fn column(&self) -> &str {
        &self.column
    }

    /// Where its value comes from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Whether its value is ours to escape: Firehose inserts its own as they are.
    fn is_escaped(&self) -> bool {
        matches!(self.source, Source::Lambda(_))
    }

    /// The value that a part of a folder's name stands for.
    fn value<'t>(&self, text: &'t str) -> Option<Cow<'t, str>> {
        match &self.source {
            Source::Lambda(_) => unescape(text),
            Source::Query(_) => Some(Cow::Borrowed(text)),
            Source::Timestamp(pattern) => pattern.accepts(text).then_some(Cow::Borrowed(text)),
        }
    }
}

impl Segment {
    fn is_random(&self) -> bool {
        self.pieces.contains(&Piece::Random)
    }

    /// Takes a folder's name apart; `found` gets the captures' texts.
    fn read<'t>(&self, folder: &'t str, found: &mut [&'t str]) -> Option<()> {
        let mut rest = folder;
        for piece in &self.pieces {
            let end = match piece {
                Piece::Text(text) => {
                    rest = rest.strip_prefix(text.as_str())?;
                    continue;
                }
                Piece::Random => {
                    let (random, after) = rest.split_at_checked(RANDOM_STRING_LENGTH)?;
                    if !random.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                        return None;
                    }
                    rest = after;
                    continue;
                }
                Piece::Capture { extent: Extent::Fixed(length), .. } => *length,
                Piece::Capture { extent: Extent::Until(character), .. } => rest.find(*character)?,
                Piece::Capture { extent: Extent::AllBut(length), .. } => rest.len().checked_sub(*length)?,
            };
            let (text, after) = rest.split_at_checked(end)?;
            if let Piece::Capture { index, .. } = piece
                && let Some(place) = found.get_mut(*index)
            {
                *place = text;
            }
            rest = after;
        }
        rest.is_empty().then_some(())
    }
}

#[cfg(test)]
mod tests;
