//! Where Firehose puts what failed.

use crate::prefix::{Element, Prefix, PrefixError};

/// The `ErrorOutputPrefix` of a delivery stream.
///
/// It begins with text of its own, since that text is how an error object is told from data. Firehose demands the
/// expression `!{firehose:error-output-type}` where there is any expression, and allows no partition keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorPrefix {
    prefix: Prefix,
    head: String,
}

/// Why an error prefix is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorPrefixError {
    /// It is not a prefix at all.
    #[error(transparent)]
    Prefix(#[from] PrefixError),
    /// It begins with an expression, or is empty.
    #[error(
        "it begins with no text of its own, expected one such as `errors/`: error objects could not be told from data"
    )]
    NoHead,
    /// It begins with `/`.
    #[error("it begins with `/`, expected a name: S3 keys have no root")]
    LeadingSlash,
    /// It does not end in `/`.
    #[error("it does not end in `/`: object names would be glued to its last folder")]
    NoSlash,
    /// A folder that is none.
    #[error("it has the folder `{0}`, expected a name")]
    Folder(String),
    /// A partition key in it.
    #[error("it has the partition key `{0}`: Firehose evaluates none in error prefixes")]
    PartitionKey(String),
    /// Expressions, but not the one that Firehose demands.
    #[error("it has no `!{{firehose:error-output-type}}`, which Firehose demands where there is any expression")]
    NoErrorOutputType,
}

impl ErrorPrefix {
    /// Reads an error prefix and holds it against Firehose's rules.
    pub fn parse(text: &str) -> Result<Self, ErrorPrefixError> {
        let prefix = Prefix::parse(text)?;
        let Some(Element::Text(head)) = prefix.elements().first() else {
            return Err(ErrorPrefixError::NoHead);
        };
        if head.starts_with('/') {
            return Err(ErrorPrefixError::LeadingSlash);
        }
        if !text.ends_with('/') {
            return Err(ErrorPrefixError::NoSlash);
        }
        let mut folders = text.trim_end_matches('/').split('/');
        if let Some(folder) = folders.find(|folder| matches!(*folder, "" | "." | "..")) {
            return Err(ErrorPrefixError::Folder(folder.to_owned()));
        }
        for element in prefix.elements() {
            if let Element::KeyFromLambda(key) | Element::KeyFromQuery(key) = element {
                return Err(ErrorPrefixError::PartitionKey(key.clone()));
            }
        }
        if !prefix.is_plain() && !prefix.elements().contains(&Element::ErrorOutputType) {
            return Err(ErrorPrefixError::NoErrorOutputType);
        }
        let head = head.clone();
        Ok(Self { prefix, head })
    }

    /// The text that every error object's key begins with.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// The whole prefix. If it [is plain](Prefix::is_plain), Firehose appends the error type and `yyyy/MM/dd/HH/`.
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_the_text_before_the_first_expression() {
        let head = |text: &str| ErrorPrefix::parse(text).unwrap().head().to_owned();
        assert_eq!(head("errors/"), "errors/");
        assert_eq!(head("errors-!{firehose:error-output-type}/!{timestamp:yyyy}/"), "errors-");
    }

    #[test]
    fn errors() {
        let message = |text: &str| ErrorPrefix::parse(text).unwrap_err().to_string();
        insta::assert_snapshot!(message(""), @"it begins with no text of its own, expected one such as `errors/`: error objects could not be told from data");
        insta::assert_snapshot!(message("!{firehose:error-output-type}/"), @"it begins with no text of its own, expected one such as `errors/`: error objects could not be told from data");
        insta::assert_snapshot!(message("/errors/"), @"it begins with `/`, expected a name: S3 keys have no root");
        insta::assert_snapshot!(message("error"), @"it does not end in `/`: object names would be glued to its last folder");
        insta::assert_snapshot!(message("../errors/"), @"it has the folder `..`, expected a name");
        insta::assert_snapshot!(message("errors//!{firehose:error-output-type}/"), @"it has the folder ``, expected a name");
        insta::assert_snapshot!(message("errors/!{partitionKeyFromLambda:k}/"), @"it has the partition key `k`: Firehose evaluates none in error prefixes");
        insta::assert_snapshot!(message("errors/!{timestamp:yyyy}/"), @"it has no `!{firehose:error-output-type}`, which Firehose demands where there is any expression");
        insta::assert_snapshot!(message("errors/!{timestamp/"), @"`!{timestamp/` has no closing `}`");
    }
}
