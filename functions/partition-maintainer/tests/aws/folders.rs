//! S3, as far as folders are listed.

use super::maintainers::scope;
use super::*;
use partition_maintainer::s3::S3;
use registrar::handler::{Invocation, Maintainer};
use registrar::reconcile::{Bucket, Reconciler};
use stub::{Fault, THROTTLED};

fn bucket(stub: &Stub) -> S3 {
    S3::new(stub.configuration(), "lake".to_owned())
}

/// All that lies directly in a folder, over as many pages as there are.
async fn lies_in(bucket: &S3, folder: &str, at_most: usize) -> (Vec<String>, Vec<(String, u64)>) {
    let (mut folders, mut objects, mut after) = (Vec::new(), Vec::new(), None::<String>);
    loop {
        let page = bucket.list(folder, after.as_deref(), at_most, attempt(LONG)).await.unwrap();
        assert!(page.folders.len() + page.objects.len() <= at_most);
        folders.extend(page.folders);
        objects.extend(page.objects);
        after = page.next;
        if after.is_none() {
            return (folders, objects);
        }
    }
}

#[tokio::test]
async fn folders_are_listed_with_all_the_keys_that_there_can_be() {
    let stub = Stub::start(&COLUMNS);
    let keys = [
        "a",
        "a/",
        "a/1",
        "a/b/1",
        "a!/1",
        "a0",
        "a1",
        "a+b/1",
        "a b/1",
        "a%2Fb/1",
        "a%/1",
        "a=b/1",
        "&lt;<>/1",
        "\u{1}\n\u{7f}/1",
        "漢😀/1",
        "a//1",
        "it's/1",
        "../1",
    ];
    let sized = || keys.iter().enumerate().map(|(size, key)| ((*key).to_owned(), size as u64));
    stub.state().objects = sized().collect();
    for (page, at_most) in [(1_000, 1_000), (1_000, 1), (2, 1_000), (3, 2)] {
        stub.state().page(page);
        for folder in ["", "a/", "a b/", "漢😀/", "nothing/"] {
            // What lies directly in it, by its name alone.
            let below: BTreeMap<String, u64> = sized().filter(|(key, _)| key.starts_with(folder)).collect();
            let inner = |key: &String| key[folder.len()..].split_once('/').map(|(name, _)| format!("{folder}{name}/"));
            let folders: BTreeSet<String> = below.keys().filter_map(inner).collect();
            let objects: Vec<_> = below.into_iter().filter(|(key, _)| inner(key).is_none()).collect();
            let expected = (folders.into_iter().collect::<Vec<_>>(), objects);
            assert_eq!(lies_in(&bucket(&stub), folder, at_most).await, expected, "`{folder}` by {page} and {at_most}");
        }
    }
}

#[tokio::test]
async fn a_bucket_that_cannot_be_listed_says_why() {
    let stub = Stub::start(&COLUMNS);
    let error = async |status, code, message| {
        stub.fails(move |_| Some(Fault::Refused(status, code, message)));
        bucket(&stub).list("a/", None, 1_000, attempt(LONG)).await.unwrap_err()
    };
    insta::assert_snapshot!(error(503, "SlowDown", "Please reduce your request rate.").await, @"throttled: `ListObjectsV2`: SlowDown: Please reduce your request rate.");
    insta::assert_snapshot!(error(403, "AccessDenied", "Access Denied").await, @"access denied: `ListObjectsV2`: AccessDenied: Access Denied");
    insta::assert_snapshot!(error(404, "NoSuchBucket", "The specified bucket does not exist").await, @"rejected: `ListObjectsV2`: NoSuchBucket: The specified bucket does not exist");
    insta::assert_snapshot!(error(301, "PermanentRedirect", "The bucket is elsewhere").await, @"rejected: `ListObjectsV2`: PermanentRedirect: The bucket is elsewhere");
    insta::assert_snapshot!(error(500, "InternalError", "We encountered an internal error.").await, @"unavailable: `ListObjectsV2`: InternalError: We encountered an internal error.");
    stub.fails(|_| Some(Fault::Silent));
    insta::assert_snapshot!(bucket(&stub).list("a/", None, 1_000, attempt(50)).await.unwrap_err(), @"no answer before the deadline: `ListObjectsV2` has not replied");
    insta::assert_snapshot!(bucket(&stub).list("a/", None, 1_000, Attempt { deadline: SystemTime::UNIX_EPOCH, id: "" }).await.unwrap_err(), @"not started: there is no time left");
}

/// What no event told of is found in the bucket and registered, whatever fails on the way.
#[tokio::test]
async fn a_reconcile_registers_what_lies_in_the_bucket() {
    let stub = Stub::start(&COLUMNS);
    let wanted = partitions(150);
    let keys = wanted.values().map(|location| (format!("{}object", location.strip_prefix("s3://lake/").unwrap()), 1));
    stub.state().objects = keys.chain([("errors/object".to_owned(), 1), ("c9999/12/".to_owned(), 0)]).collect();
    stub.state().page(40);
    let mut seen = BTreeSet::new();
    // Not each of them: the SDK does not bear that for long.
    stub.fails(move |call| (seen.insert(call.body.to_owned()) && seen.len().is_multiple_of(3)).then_some(THROTTLED));
    let maintainer = Maintainer::new(scope(), glue(&stub));
    let reconciler = Reconciler::new(bucket(&stub), table());
    let invocation = Invocation { now: &|| 0, attempt: attempt(LONG) };
    let done = async |event: &str| {
        let (reply, _) = reconciler.handle(&maintainer, event, invocation).await.unwrap();
        let reply = reply.unwrap();
        ["complete", "folders", "missing", "added", "empty", "gone"].map(|count| reply[count].to_string()).join(" ")
    };
    insta::assert_snapshot!(done(r#"{"reconcile": {"dry_run": true}}"#).await, @"true 151 150 0 1 0");
    assert_eq!(stub.partitions().len(), 0);
    insta::assert_snapshot!(done(r#"{"reconcile": {}}"#).await, @"true 151 150 150 1 0");
    assert_eq!(stub.partitions().into_values().collect::<Vec<_>>(), wanted.values().cloned().collect::<Vec<_>>());
    insta::assert_snapshot!(done(r#"{"reconcile": {}}"#).await, @"true 151 0 0 1 0");
}
