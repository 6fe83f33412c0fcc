use super::*;
use crate::partition::ValueFault;
use proptest::prelude::*;
use std::cmp::Ordering;

const VALUE_ONLY: &str = "!{partitionKeyFromLambda:componentName}/";
const MIXED: &str = "store-data/store_id=!{partitionKeyFromLambda:store_id}/!{partitionKeyFromLambda:year}/!{partitionKeyFromLambda:month}/!{partitionKeyFromLambda:day}/!{partitionKeyFromLambda:hour}/";
const HIVE: &str = "data/year=!{partitionKeyFromLambda:year}/month=!{partitionKeyFromLambda:month}/date=!{partitionKeyFromLambda:date}/";
const TIMES: &str = "traffic/year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/hour=!{timestamp:HH}/";
const ERRORS: &str = "errors/!{firehose:error-output-type}/";

fn layout_with(prefix: &str, error_prefix: &str) -> Layout {
    Layout::parse(prefix, &ErrorPrefix::parse(error_prefix).unwrap()).unwrap()
}

fn layout(prefix: &str) -> Layout {
    layout_with(prefix, ERRORS)
}

fn partition(values: &[&str]) -> Partition {
    Partition::new(values.iter().map(|value| PartitionValue::new(*value).unwrap()).collect())
}

/// These values lie under this prefix, and come back from an object there.
#[track_caller]
fn check(layout: &Layout, values: &[&str], prefix: &str) {
    let partition = partition(values);
    assert_eq!(layout.render(&partition).unwrap(), prefix);
    let key = ObjectKey::from_plain(format!("{prefix}stream-1-2026-11-21-09-00-00-uuid.json"));
    assert_eq!(layout.matches(&key), Ok(partition));
}

#[track_caller]
fn refused(layout: &Layout, key: &str, fault: KeyFault) {
    assert_eq!(layout.matches(&ObjectKey::from_plain(key)), Err(fault));
}

#[test]
fn the_five_systems() {
    check(&layout(VALUE_ONLY), &["order-service"], "order-service/");
    let mixed = layout(MIXED);
    check(&mixed, &["STORE_5", "2026", "01", "02", "03"], "store-data/store_id=STORE_5/2026/01/02/03/");
    check(&layout(HIVE), &["2022", "04", "01"], "data/year=2022/month=04/date=01/");
    check(&layout(TIMES), &["2026", "11", "21", "09"], "traffic/year=2026/month=11/day=21/hour=09/");
    check(&layout("logs/dt=!{partitionKeyFromLambda:dt}/"), &["2015-05-17"], "logs/dt=2015-05-17/");
}

#[test]
fn columns_are_named_by_hive_names_then_by_keys_in_lower_case() {
    let columns = |prefix: &str| {
        let layout = layout(prefix);
        layout.captures().iter().map(Capture::column).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(columns(VALUE_ONLY), "componentname");
    assert_eq!(columns(MIXED), "store_id year month day hour");
    assert_eq!(columns("dt=!{partitionKeyFromLambda:Date}/"), "dt");
    assert_eq!(columns("dt=!{timestamp:yyyy}-!{timestamp:MM}-!{timestamp:dd}/"), "dt");
    assert_eq!(columns("!{timestamp:yyyy/MM/dd/HH}/"), "year month day hour");
    assert_eq!(columns("!{timestamp:yyyy-MM-dd}/!{partitionKeyFromQuery:Customer}/"), "date customer");
    assert_eq!(columns("legacy/"), "year month day hour");
}

#[test]
fn values_that_are_hard_on_paths() {
    let bare = layout(VALUE_ONLY);
    check(&bare, &["a/b"], "a%2Fb/");
    check(&bare, &["order service"], "order service/");
    check(&bare, &["a=b+c%2Fd"], "a%3Db+c%252Fd/");
    check(&bare, &["it's \"x\"; --"], "it%27s %22x%22; --/");
    check(&bare, &["naïve 🚚"], "naïve 🚚/");
    check(&bare, &["a\nb\u{7f}"], "a%0Ab%7F/");
    let hive = layout("data/k=!{partitionKeyFromLambda:k}/");
    check(&hive, &["_x"], "data/k=_x/");
    check(&hive, &[".."], "data/k=../");
    check(&hive, &["k=v"], "data/k=k%3Dv/");
}

#[test]
fn bare_values_are_never_hidden_from_athena() {
    check(&layout(VALUE_ONLY), &["_tmp"], "%5Ftmp/");
    check(&layout(VALUE_ONLY), &[".."], "%2E./");
}

#[test]
fn a_component_called_errors_is_a_component() {
    check(&layout(VALUE_ONLY), &["errors"], "%65rrors/");
    check(&layout(VALUE_ONLY), &["errors2"], "errors2/");
    check(&layout_with(VALUE_ONLY, "err-!{firehose:error-output-type}/"), &["err-1"], "%65rr-1/");
    let two =
        layout_with("!{partitionKeyFromLambda:a}/!{partitionKeyFromLambda:b}/", "x/y-!{firehose:error-output-type}/");
    check(&two, &["x", "y-1"], "%78/y-1/");
    check(&two, &["x", "z"], "x/z/");
    // The time is not known when the key is written, and writer and reader have to agree.
    let timed = layout_with("!{partitionKeyFromLambda:a}/!{timestamp:yyyy}/", "x/1970/");
    check(&timed, &["x", "2026"], "%78/2026/");
    check(&timed, &["y", "2026"], "y/2026/");
}

#[test]
fn several_values_in_one_folder() {
    check(&layout("!{timestamp:yyyy}-!{partitionKeyFromLambda:k}/"), &["2026", "a-b"], "2026-a-b/");
    check(&layout("!{partitionKeyFromLambda:k}-!{timestamp:yyyy}/"), &["a-b", "2026"], "a-b-2026/");
    check(&layout("!{partitionKeyFromLambda:a}:!{partitionKeyFromLambda:b}/"), &["x:1", "y"], "x%3A1:y/");
    check(&layout("pre-!{partitionKeyFromLambda:k}-post/"), &["v"], "pre-v-post/");
    check(&layout("day=!{timestamp:d}/"), &["1"], "day=1/");
}

#[test]
fn a_random_string_is_no_part_of_the_partition() {
    let random = layout("k=!{partitionKeyFromLambda:k}/!{firehose:random-string}/");
    assert_eq!(random.render(&partition(&["v"])).unwrap(), "k=v/");
    assert_eq!(random.matches(&ObjectKey::from_plain("k=v/Ab3dEf6hIjk/file")), Ok(partition(&["v"])));
    refused(&random, "k=v/file", KeyFault::Foreign);
    refused(&random, "k=v/short/file", KeyFault::Foreign);
}

#[test]
fn keys_that_are_not_ours() {
    let bare = layout(VALUE_ONLY);
    refused(&bare, "errors/processing-failed/file", KeyFault::ErrorObject);
    refused(&bare, "order-service/", KeyFault::FolderMarker);
    refused(&bare, "order-service_$folder$", KeyFault::FolderMarker);
    refused(&bare, "order-service/_SUCCESS", KeyFault::Hidden);
    refused(&bare, "_tmp/file", KeyFault::Hidden);
    refused(&bare, "file", KeyFault::Foreign);
    refused(&bare, "order-service/2026/file", KeyFault::Foreign);
    refused(&bare, "/file", KeyFault::Value(ValueFault::Empty));
    refused(&bare, "__HIVE_DEFAULT_PARTITION__/file", KeyFault::Hidden);
    let hive = layout("data/k=!{partitionKeyFromLambda:k}/");
    refused(
        &hive,
        "data/k=__HIVE_DEFAULT_PARTITION__/f",
        KeyFault::Value(ValueFault::Reserved("__HIVE_DEFAULT_PARTITION__")),
    );
    refused(&hive, "data/K=v/file", KeyFault::Foreign);
    refused(&layout(TIMES), "traffic/year=26/month=11/day=21/hour=09/file", KeyFault::Foreign);
    // Not as this layout writes them: unescaped, escaped without need, not UTF-8.
    refused(&hive, "data/k=a:b/file", KeyFault::Foreign);
    refused(&hive, "data/k=%61/file", KeyFault::Foreign);
    refused(&hive, "data/k=%FF/file", KeyFault::Foreign);
}

#[test]
fn labels_are_what_firehose_gets() {
    let values = [PartitionValue::new("errors").unwrap()];
    assert_eq!(layout(VALUE_ONLY).label(&values).unwrap(), ["%65rrors"]);
    assert_eq!(layout(MIXED).lambda_keys().collect::<Vec<_>>(), ["store_id", "year", "month", "day", "hour"]);
    assert_eq!(layout(TIMES).lambda_keys().count(), 0);
}

#[test]
fn prefixes_too_long_for_firehose_or_s3_are_refused() {
    let label = |text: String| {
        let values = [PartitionValue::new(text).unwrap()];
        layout(VALUE_ONLY).label(&values).map(|_| ()).map_err(|fault| fault.to_string())
    };
    assert_eq!(label("a".repeat(511)), Ok(()));
    insta::assert_snapshot!(label("a".repeat(512)).unwrap_err(), @"the prefix would have 513 characters, expected at most 512");
    insta::assert_snapshot!(label("/".repeat(200)).unwrap_err(), @"the prefix would have 601 characters, expected at most 512");
    insta::assert_snapshot!(label(format!("{}{}", "a".repeat(428), "🚚".repeat(80))).unwrap_err(), @"the prefix would have 589 characters, expected at most 512");
    insta::assert_snapshot!(label("🚚".repeat(200)).unwrap_err(), @"the prefix would have 801 bytes, expected at most 768");
}

#[test]
fn layouts_that_cannot_be_read_back() {
    let message = |prefix: &str| Layout::parse(prefix, &ErrorPrefix::parse(ERRORS).unwrap()).unwrap_err().to_string();
    insta::assert_snapshot!(message("!{firehose:random-string}/"), @"it has no partition key, expected one such as `!{partitionKeyFromLambda:name}`");
    insta::assert_snapshot!(message("!{partitionKeyFromLambda:a}"), @"it does not end in `/`: object names would be glued to its last folder");
    insta::assert_snapshot!(message("/!{partitionKeyFromLambda:a}/"), @"it has a folder without a name: Hive takes `//` for `/`, so the location would be another one");
    insta::assert_snapshot!(message("_x/!{partitionKeyFromLambda:a}/"), @"the folder `_x` begins with `_` or `.`, so Athena would not see what lies in it");
    insta::assert_snapshot!(message("!{timestamp:'_'yyyy}/"), @"the folder `!{timestamp:_yyyy}` begins with `_` or `.`, so Athena would not see what lies in it");
    insta::assert_snapshot!(message("!{partitionKeyFromLambda:a}/!{firehose:error-output-type}/"), @"it has `!{firehose:error-output-type}`, which belongs in the error prefix alone");
    insta::assert_snapshot!(message("!{partitionKeyFromLambda:a}/!{partitionKeyFromLambda:A}/"), @"it has the partition key `a` twice (names are compared without case, as Glue does)");
    insta::assert_snapshot!(message("x=!{partitionKeyFromLambda:a}/y=!{partitionKeyFromLambda:a}/"), @"`x` and `y` are the same key, expected each key once");
    insta::assert_snapshot!(message("!{partitionKeyFromLambda:a`b}/"), @"the partition key `a`b` has a '`', which no column name can have");
    insta::assert_snapshot!(message("!{timestamp:yyyy'W'ww}/"), @"the timestamp `yyyy'W'ww` has no name, expected `name=!{timestamp:…}`");
    insta::assert_snapshot!(message("!{partitionKeyFromLambda:a}-!{partitionKeyFromLambda:b}/"), @"in the folder `!{partitionKeyFromLambda:a}-!{partitionKeyFromLambda:b}` it cannot be told where `a` ends, expected a `/` after it");
    insta::assert_snapshot!(message("!{firehose:random-string}/!{partitionKeyFromLambda:a}/"), @"`!{firehose:random-string}` stands before or beside `a`, so that a partition would lie in many folders, expected it in a folder of its own after the last key");
    insta::assert_snapshot!(message("errors/!{partitionKeyFromLambda:a}/"), @"what it writes would lie under the error prefix `errors/!{firehose:error-output-type}/`, expected another place for errors");
    insta::assert_snapshot!(message("!{partitionKeyFromQuery:a}/"), @"what it writes would lie under the error prefix `errors/!{firehose:error-output-type}/`, expected another place for errors");
    insta::assert_snapshot!(message("!{componentName}/"), @"`!{componentName}` is not an expression of Firehose, expected the namespace `partitionKeyFromLambda`, `partitionKeyFromQuery`, `timestamp` or `firehose`");
}

/// Layouts of every kind, with an error prefix that some values have to be kept out of.
fn layouts() -> impl Strategy<Value = Layout> {
    const PREFIXES: [&str; 7] = [
        VALUE_ONLY,
        MIXED,
        HIVE,
        "!{partitionKeyFromLambda:a}/!{partitionKeyFromLambda:b}/",
        "x=!{partitionKeyFromLambda:a}:!{partitionKeyFromLambda:b}/",
        "!{partitionKeyFromLambda:a}/part/!{firehose:random-string}/",
        "pre!{partitionKeyFromLambda:a}post/",
    ];
    (proptest::sample::select(&PREFIXES), proptest::sample::select(&["errors/", "e", "a/b/", "x=e/"][..]))
        .prop_filter_map("refused", |(prefix, errors)| {
            Layout::parse(prefix, &ErrorPrefix::parse(&format!("{}/", errors.trim_end_matches('/'))).unwrap()).ok()
        })
}

/// Any text, and more often than at random those that are hard.
fn values() -> impl Strategy<Value = String> {
    const HARD: [&str; 28] = [
        "errors",
        "e",
        "a",
        "b",
        "x=e",
        ".",
        "..",
        "_",
        "%",
        "%2F",
        "/",
        "//",
        "+",
        " ",
        "a/b",
        "é",
        "\u{0}",
        "\u{85}",
        "post",
        "pre",
        "postpost",
        ":",
        "'",
        "\\",
        "`",
        ";",
        "__",
        "\u{1f69a}",
    ];
    prop_oneof![any::<String>(), proptest::sample::select(&HARD).prop_map(str::to_owned), "[ -~]{1,8}"]
}

#[test]
fn folders_on_the_way_to_objects() {
    let check = |layout: &Layout, path: &str, expected: &str| {
        let values =
            |partition: Partition| partition.values().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let found = match layout.kind_of_folder(path) {
            Ok(Folder::Above) => "above".to_owned(),
            Ok(Folder::Of(partition)) => format!("of {}", values(partition)),
            Ok(Folder::Inside(partition)) => format!("inside of {}", values(partition)),
            Err(fault) => fault.to_string(),
        };
        assert_eq!(found, expected, "`{path}`");
    };
    let times = layout(TIMES);
    check(&times, "", "above");
    check(&times, "traffic/", "above");
    check(&times, "traffic/year=2026/month=11/", "above");
    check(&times, "traffic/year=2026/month=11/day=21/hour=09/", "of 2026, 11, 21, 09");
    check(&times, "traffic/year=2026/month=11/day=21/hour=09/x/", "it is not of the layout");
    check(&times, "traffic/year=2026/month=1/", "it is not of the layout");
    check(&times, "other/", "it is not of the layout");
    check(&times, "traffic", "it is not of the layout");
    check(&times, "errors/", "it lies under the error prefix");
    check(&times, "traffic/_temporary/", "it is hidden from Athena: a name in its key begins with `_` or `.`");

    let value_only = layout(VALUE_ONLY);
    check(&value_only, "a%2Fb/", "of a/b");
    check(&value_only, "a%2fb/", "it is not of the layout");
    check(&value_only, "%65rrors/", "of errors");
    check(&value_only, "/", "a value in its key cannot be one: it is empty");

    let random = layout("x/!{partitionKeyFromLambda:a}/y/!{firehose:random-string}/z/");
    check(&random, "x/1/", "above");
    check(&random, "x/1/y/", "of 1");
    check(&random, "x/1/y/Ab3dEf6hIjk/", "inside of 1");
    check(&random, "x/1/y/Ab3dEf6hIjk/z/", "inside of 1");
    check(&random, "x/1/y/z/", "it is not of the layout");
    let names: Vec<_> = (0..=random.depth()).map(|depth| random.folder_name(depth)).collect();
    assert_eq!(names, [Some("x"), None, Some("y"), None, Some("z"), None]);

    // The error prefix can lie beside data, below a folder of the layout.
    let beside = layout_with("data/!{partitionKeyFromLambda:a}/", "data/errors/");
    check(&beside, "data/", "above");
    check(&beside, "data/errors/", "it lies under the error prefix");
    check(&beside, "data/%65rrors/", "of errors");
}

proptest! {
    #[test]
    fn the_way_to_an_object_is_of_folders(layout in layouts(), values in proptest::collection::vec(values(), 5)) {
        let values: Vec<_> = values.iter().filter_map(|value| PartitionValue::new(value.clone()).ok()).collect();
        prop_assume!(values.len() >= layout.captures().len());
        let partition = Partition::new(values[..layout.captures().len()].to_vec());
        let Ok(prefix) = layout.render(&partition) else { return Ok(()) };
        let random = if layout.prefix().as_str().contains("random") { "Ab3dEf6hIjk/" } else { "" };
        let mut path = String::new();
        for name in format!("{prefix}{random}").split_inclusive('/') {
            path.push_str(name);
            let expected = match path.len().cmp(&prefix.len()) {
                Ordering::Less => Folder::Above,
                Ordering::Equal => Folder::Of(partition.clone()),
                Ordering::Greater => Folder::Inside(partition.clone()),
            };
            prop_assert_eq!(layout.kind_of_folder(&path), Ok(expected));
        }
    }

    #[test]
    fn what_is_rendered_is_matched(layout in layouts(), values in proptest::collection::vec(values(), 5)) {
        let values: Vec<_> = values.iter().filter_map(|value| PartitionValue::new(value.clone()).ok()).collect();
        prop_assume!(values.len() >= layout.captures().len());
        let partition = Partition::new(values[..layout.captures().len()].to_vec());
        let Ok(prefix) = layout.render(&partition) else { return Ok(()) };
        let random = if layout.prefix().as_str().contains("random") { "Ab3dEf6hIjk/" } else { "" };
        let key = ObjectKey::from_plain(format!("{prefix}{random}stream-1-2026-11-21-09-00-00-uuid"));
        prop_assert_eq!(layout.matches(&key), Ok(partition));
    }

    #[test]
    fn what_is_matched_is_rendered(layout in layouts(), folders in proptest::collection::vec(values(), 1..7)) {
        let key = ObjectKey::from_plain(folders.join("/"));
        if let Ok(partition) = layout.matches(&key) {
            let prefix = layout.render(&partition).unwrap();
            prop_assert!(key.as_str().starts_with(&prefix), "`{prefix}` is not where `{key}` lies");
        }
    }

    #[test]
    fn objects_of_one_folder_lie_in_one_partition(
        layout in layouts(),
        values in proptest::collection::vec(values(), 5),
        name in "(Ab3dEf6hIjk/)?[a-z_.$/]{0,4}",
    ) {
        let values: Vec<_> = values.iter().filter_map(|value| PartitionValue::new(value.clone()).ok()).collect();
        prop_assume!(values.len() >= layout.captures().len());
        let Ok(path) = layout.render(&Partition::new(values[..layout.captures().len()].to_vec())) else { return Ok(()) };
        let random = if layout.prefix().as_str().contains("random") { "Ab3dEf6hIjk/" } else { "" };
        let (one, other) = [format!("{random}object"), name].map(|name| ObjectKey::from_plain(format!("{path}{name}"))).into();
        let located = layout.locate(&one);
        prop_assert!(located.is_ok());
        prop_assert_eq!(layout.folder(&one), Ok(path.as_str()));
        match layout.folder(&other) {
            Ok(folder) => {
                prop_assert_eq!(folder, path);
                prop_assert_eq!(layout.locate(&other), located);
            }
            Err(fault) => prop_assert_eq!(layout.locate(&other), Err(fault)),
        }
    }

    #[test]
    fn firehose_evaluates_labels_to_what_is_rendered(layout in layouts(), values in proptest::collection::vec(values(), 5)) {
        let values: Vec<_> = values.iter().filter_map(|value| PartitionValue::new(value.clone()).ok()).collect();
        prop_assume!(values.len() >= layout.captures().len());
        let partition = Partition::new(values[..layout.captures().len()].to_vec());
        let (Ok(labels), Ok(rendered)) = (layout.label(partition.values()), layout.render(&partition)) else { return Ok(()) };
        let mut evaluated = layout.prefix().as_str().to_owned();
        for (key, label) in layout.lambda_keys().zip(labels) {
            evaluated = evaluated.replacen(&format!("!{{partitionKeyFromLambda:{key}}}"), &label.replace("!{", "\u{e000}"), 1);
        }
        let evaluated = evaluated.replace('\u{e000}', "!{");
        prop_assert!(evaluated.starts_with(&rendered), "`{evaluated}` is not `{rendered}`");
    }
}
