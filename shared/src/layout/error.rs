//! What can be wrong with a layout, with a record's labels, and with a key.

use super::{LONGEST_PREFIX, LONGEST_PREFIX_BYTES};
use crate::partition::ValueFault;
use crate::prefix::PrefixError;

/// Why a prefix is not a layout: it could not be read back, or Athena would not see what lies there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// It is not a prefix at all.
    #[error(transparent)]
    Prefix(#[from] PrefixError),
    /// No key and no timestamp.
    #[error("it has no partition key, expected one such as `!{{partitionKeyFromLambda:name}}`")]
    NoPartitionKey,
    /// It does not end in `/`.
    #[error("it does not end in `/`: object names would be glued to its last folder")]
    NoSlash,
    /// Nothing between two slashes, or before the first.
    #[error("it has a folder without a name: Hive takes `//` for `/`, so the location would be another one")]
    EmptyFolder,
    /// A folder that Athena does not look into.
    #[error("the folder `{0}` begins with `_` or `.`, so Athena would not see what lies in it")]
    HiddenFolder(String),
    /// The expression of error prefixes.
    #[error("it has `!{{firehose:error-output-type}}`, which belongs in the error prefix alone")]
    ErrorOutputType,
    /// Two columns of one name.
    #[error("it has the partition key `{0}` twice (names are compared without case, as Glue does)")]
    Twice(String),
    /// Two columns that always have the same value, which would have to be escaped in two ways.
    #[error("`{first}` and `{second}` are the same key, expected each key once")]
    OneKey {
        /// The column that comes first.
        first: String,
        /// The other.
        second: String,
    },
    /// A name that cannot stand between back-ticks.
    #[error("the partition key `{name}` has a {character:?}, which no column name can have")]
    Name {
        /// The name.
        name: String,
        /// The character.
        character: char,
    },
    /// A timestamp whose column has no name.
    #[error("the timestamp `{0}` has no name, expected `name=!{{timestamp:…}}`")]
    NamelessTimestamp(String),
    /// Two values in one folder's name, and nothing certain between them.
    #[error("in the folder `{folder}` it cannot be told where `{column}` ends, expected a `/` after it")]
    Ambiguous {
        /// The folder's name, as written.
        folder: String,
        /// The value whose end cannot be found.
        column: String,
    },
    /// A random string before a key.
    #[error(
        "`!{{firehose:random-string}}` stands before or beside `{0}`, so that a partition would lie in many folders, expected it in a \
         folder of its own after the last key"
    )]
    RandomBeforeKey(String),
    /// Data under the error prefix.
    #[error("what it writes would lie under the error prefix `{0}`, expected another place for errors")]
    UnderErrors(String),
}

/// Why Firehose cannot write a record under its labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelFault {
    /// Longer than Firehose evaluates a prefix.
    #[error("the prefix would have {0} characters, expected at most {LONGEST_PREFIX}")]
    TooManyCharacters(usize),
    /// Longer than S3 keys can be.
    #[error("the prefix would have {0} bytes, expected at most {LONGEST_PREFIX_BYTES}")]
    TooManyBytes(usize),
}

/// Why an object lies in no partition of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// It lies under the error prefix.
    #[error("it lies under the error prefix")]
    ErrorObject,
    /// It only stands for a folder.
    #[error("it is a folder marker")]
    FolderMarker,
    /// Its name, or that of a folder, begins with `_` or `.`.
    #[error("it is hidden from Athena: a name in its key begins with `_` or `.`")]
    Hidden,
    /// This layout would not have written it.
    #[error("it is not of the layout")]
    Foreign,
    /// The place of a value holds none.
    #[error("a value in its key cannot be one: {0}")]
    Value(ValueFault),
}
