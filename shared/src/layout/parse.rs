//! From a prefix to a layout, and all the reasons why there is none.

use super::{Capture, Extent, Layout, LayoutError, Piece, Segment, Source};
use crate::error_prefix::ErrorPrefix;
use crate::partition::is_escaped;
use crate::prefix::{Element, Prefix};
use crate::timestamp_pattern::{Item, TimestampPattern};
use std::iter::{once, repeat_n};

/// A part of a folder's name.
#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Key(String, Source),
    Time(Vec<Item>),
    Random,
}

pub(super) fn layout(prefix: Prefix, error_prefix: &ErrorPrefix) -> Result<Layout, LayoutError> {
    let mut captures: Vec<Capture> = Vec::new();
    let mut segments = Vec::new();
    let mut random = false;
    for folder in folders(&prefix)? {
        let hidden = match folder.first() {
            Some(Part::Text(text)) => text.starts_with(['_', '.']),
            Some(Part::Time(items)) => TimestampPattern::of(items.clone()).head().starts_with(['_', '.']),
            _ => false,
        };
        if hidden {
            return Err(LayoutError::HiddenFolder(written(&folder)));
        }
        random |= folder.iter().any(|part| matches!(part, Part::Random));
        let ours = columns(&folder)?;
        for capture in &ours {
            if captures.iter().any(|before| before.column == capture.column) {
                return Err(LayoutError::Twice(capture.column.clone()));
            }
            let times = matches!(capture.source, Source::Timestamp(_));
            if let Some(before) = captures.iter().find(|before| !times && before.source == capture.source) {
                return Err(LayoutError::OneKey { first: before.column.clone(), second: capture.column.clone() });
            }
            if random {
                return Err(LayoutError::RandomBeforeKey(capture.column.clone()));
            }
            captures.push(capture.clone());
        }
        segments.push(segment(&folder, &ours, captures.len() - ours.len())?);
    }
    if captures.is_empty() {
        return Err(LayoutError::NoPartitionKey);
    }
    let guard = guard(&segments, &captures, error_prefix)?;
    Ok(Layout { prefix, error_prefix: error_prefix.clone(), captures, segments, guard })
}

/// The folders' names, each in its parts: a timestamp pattern can hold slashes as well, and times and the text between
/// them are one part.
fn folders(prefix: &Prefix) -> Result<Vec<Vec<Part>>, LayoutError> {
    let mut parts = Vec::new();
    for element in prefix.evaluated() {
        match element {
            Element::Text(text) => split(&text, Part::Text, &mut parts),
            Element::KeyFromLambda(name) => parts.push(Some(Part::Key(name.clone(), Source::Lambda(name)))),
            Element::KeyFromQuery(name) => parts.push(Some(Part::Key(name.clone(), Source::Query(name)))),
            Element::Timestamp(pattern) => {
                for item in pattern.items() {
                    match item {
                        Item::Text(text) => {
                            split(text, |text| Part::Time(vec![Item::Text(text)]), &mut parts);
                        }
                        Item::Field { .. } => parts.push(Some(Part::Time(vec![item.clone()]))),
                    }
                }
            }
            Element::RandomString => parts.push(Some(Part::Random)),
            Element::ErrorOutputType => return Err(LayoutError::ErrorOutputType),
        }
    }
    let mut folders: Vec<Vec<Part>> =
        parts.split(Option::is_none).map(|folder| join_times(folder.iter().flatten().cloned())).collect();
    if folders.pop().is_some_and(|last| !last.is_empty()) {
        return Err(LayoutError::NoSlash);
    }
    if folders.iter().any(Vec::is_empty) {
        return Err(LayoutError::EmptyFolder);
    }
    Ok(folders)
}

/// The parts of a text that may hold slashes; a slash is nothing.
fn split(text: &str, part: impl Fn(String) -> Part, parts: &mut Vec<Option<Part>>) {
    for (place, name) in text.split('/').enumerate() {
        parts.extend(repeat_n(None, usize::from(place > 0)));
        if !name.is_empty() {
            parts.push(Some(part(name.to_owned())));
        }
    }
}

/// `!{timestamp:yyyy}-!{timestamp:MM}` is one time, as `!{timestamp:yyyy-MM}` is.
fn join_times(parts: impl Iterator<Item = Part>) -> Vec<Part> {
    let mut joined: Vec<Part> = Vec::new();
    for part in parts {
        let Part::Time(items) = part else {
            joined.push(part);
            continue;
        };
        if let [.., Part::Time(before), Part::Text(between)] = joined.as_mut_slice() {
            before.push(Item::Text(std::mem::take(between)));
            before.extend(items);
            joined.pop();
        } else if let Some(Part::Time(before)) = joined.last_mut() {
            before.extend(items);
        } else {
            joined.push(Part::Time(items));
        }
    }
    joined
}

/// The columns of one folder. In `name=…` a single value is that of `name`; else a key names itself.
fn columns(folder: &[Part]) -> Result<Vec<Capture>, LayoutError> {
    let hive = match folder.first() {
        Some(Part::Text(text)) => text.split_once('=').map(|(name, _)| name).filter(|name| !name.is_empty()),
        _ => None,
    };
    let alone = folder.iter().filter(|part| matches!(part, Part::Key(..) | Part::Time(_))).count() == 1;
    let hive = hive.filter(|_| alone);
    let mut columns = Vec::new();
    for part in folder {
        let (name, source) = match part {
            Part::Key(name, source) => (hive.unwrap_or(name).to_owned(), source.clone()),
            Part::Time(items) => {
                let pattern = TimestampPattern::of(items.clone());
                let name = hive.or_else(|| time_name(&pattern));
                let name = name.ok_or_else(|| LayoutError::NamelessTimestamp(pattern.to_string()))?;
                (name.to_owned(), Source::Timestamp(pattern))
            }
            Part::Text(_) | Part::Random => continue,
        };
        if let Some(character) = name.chars().find(|c| matches!(c, '`' | '/') || c.is_control()) {
            return Err(LayoutError::Name { name, character });
        }
        columns.push(Capture { column: name.to_lowercase(), source });
    }
    Ok(columns)
}

/// What everybody calls a time of these fields.
fn time_name(pattern: &TimestampPattern) -> Option<&'static str> {
    match pattern.letters().replace('u', "y").as_str() {
        "y" => Some("year"),
        "M" => Some("month"),
        "d" => Some("day"),
        "H" => Some("hour"),
        "m" => Some("minute"),
        "s" => Some("second"),
        "yMd" => Some("date"),
        "yMdH" => Some("datehour"),
        _ => None,
    }
}

/// One folder, with a way to find the end of each value in it.
fn segment(folder: &[Part], columns: &[Capture], first: usize) -> Result<Segment, LayoutError> {
    let mut pieces = Vec::new();
    let mut columns = columns.iter().zip(first..);
    let mut rest = folder.iter();
    while let Some(part) = rest.next() {
        match part {
            Part::Text(text) => pieces.push(Piece::Text(text.clone())),
            Part::Random => pieces.push(Piece::Random),
            Part::Key(..) | Part::Time(_) => {
                let Some((capture, index)) = columns.next() else { break };
                let extent = extent(&capture.source, rest.as_slice()).ok_or_else(|| LayoutError::Ambiguous {
                    folder: written(folder),
                    column: capture.column.clone(),
                })?;
                pieces.push(Piece::Capture { index, extent });
            }
        }
    }
    Ok(Segment { pieces })
}

fn extent(source: &Source, rest: &[Part]) -> Option<Extent> {
    if let Source::Timestamp(pattern) = source
        && let Some(length) = pattern.fixed_length()
    {
        return Some(Extent::Fixed(length));
    }
    let fixed = |part: &Part| match part {
        Part::Text(text) => Some(text.len()),
        Part::Time(items) => TimestampPattern::of(items.clone()).fixed_length(),
        Part::Key(..) | Part::Random => None,
    };
    if let Some(length) = rest.iter().map(fixed).sum() {
        return Some(Extent::AllBut(length));
    }
    match rest.first() {
        Some(Part::Text(text)) => text.chars().next().filter(|next| !can_hold(source, *next)).map(Extent::Until),
        _ => None,
    }
}

/// Whether this character can stand in a value as it is written.
fn can_hold(source: &Source, character: char) -> bool {
    match source {
        Source::Lambda(_) => character == '%' || !is_escaped(character),
        Source::Query(_) => true,
        Source::Timestamp(pattern) => pattern.can_hold(character),
    }
}

/// The key whose value can make a path begin as the error prefix does, if there is one.
fn guard(segments: &[Segment], captures: &[Capture], error_prefix: &ErrorPrefix) -> Result<Option<usize>, LayoutError> {
    let under_errors = || LayoutError::UnderErrors(error_prefix.prefix().as_str().to_owned());
    let slash = Piece::Text("/".to_owned());
    let mut head = error_prefix.head();
    for piece in segments.iter().flat_map(|segment| segment.pieces.iter().chain(once(&slash))) {
        let Some(next) = head.chars().next() else { return Err(under_errors()) };
        match piece {
            Piece::Text(text) => match head.strip_prefix(text.as_str()) {
                Some(rest) => head = rest,
                None if text.starts_with(head) => return Err(under_errors()),
                None => return Ok(None),
            },
            Piece::Random => return Ok(None),
            Piece::Capture { index, .. } => match captures.get(*index).map(Capture::source) {
                // An escaped value can begin with `%` on its own account, so escaping could not keep it out.
                Some(Source::Lambda(_)) if next == '%' => return Err(under_errors()),
                Some(Source::Lambda(_)) => return Ok(Some(*index)),
                Some(source) if can_hold(source, next) => return Err(under_errors()),
                _ => return Ok(None),
            },
        }
    }
    // The error prefix lies below a folder that the layout names to the end: its objects are deeper than data.
    if head.is_empty() { Err(under_errors()) } else { Ok(None) }
}

/// A folder's name as it was written, or nearly so.
fn written(folder: &[Part]) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Key(name, Source::Query(_)) => format!("!{{partitionKeyFromQuery:{name}}}"),
        Part::Key(name, _) => format!("!{{partitionKeyFromLambda:{name}}}"),
        Part::Time(items) => format!("!{{timestamp:{}}}", TimestampPattern::of(items.clone())),
        Part::Random => "!{firehose:random-string}".to_owned(),
    };
    folder.iter().map(part).collect()
}
