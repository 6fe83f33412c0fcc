//! S3, as far as listing goes.

use super::{State, refused, xml};
use local::services::server::{Answer, Request};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The only bucket.
const BUCKET: &str = "/lake/";

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
pub(super) fn list(state: &State, request: &Request) -> Answer {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let asked: BTreeMap<&str, String> = request
        .query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name, decoded(value)))
        .collect();
    if request.path != BUCKET {
        return refused(request, 404, "NoSuchBucket", "The specified bucket does not exist");
    }
    let prefix = asked.get("prefix").map_or("", String::as_str);
    let delimiter = asked.get("delimiter");
    let after = asked.get("start-after");
    let most = asked.get("max-keys").map_or(1_000, |most| most.parse().unwrap()).min(state.page);
    // Things of the page: objects, and the folders that stand for all that is in them.
    let folder = |key: &str| {
        let delimiter = delimiter?;
        let end = prefix.len() + key.get(prefix.len()..)?.find(delimiter.as_str())? + delimiter.len();
        Some(key[..end].to_owned())
    };
    let listed = |key: &str| key.starts_with(prefix) && after.is_none_or(|after| key > after.as_str());
    let thing = |(key, size): (&String, &u64)| folder(key).map_or((key.clone(), Some(*size)), |folder| (folder, None));
    let objects = state.objects.iter().filter(|(key, _)| listed(key));
    let things: BTreeSet<(String, Option<u64>)> = objects.map(thing).collect();
    let page = things.iter().take(most);
    let mut body = "<ListBucketResult>".to_owned();
    for (name, size) in page {
        let name = encoded(name, asked.get("encoding-type"));
        match size {
            Some(size) => write!(body, "<Contents><Key>{name}</Key><Size>{size}</Size></Contents>").unwrap(),
            None => write!(body, "<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>").unwrap(),
        }
    }
    write!(body, "<IsTruncated>{}</IsTruncated>", things.len() > most).unwrap();
    xml(200, body + "</ListBucketResult>")
}

/// A name as it stands in the reply: what XML cannot say is only kept if it was asked for in this form.
fn encoded(name: &str, form: Option<&String>) -> String {
    match form.map(String::as_str) {
        Some("url") => utf8_percent_encode(name, NON_ALPHANUMERIC).to_string().replace("%20", "+").replace("%2F", "/"),
        _ => name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
    }
}
