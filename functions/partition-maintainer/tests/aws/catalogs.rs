//! Glue, and Athena with Glue: what they do as catalogs.

use super::*;
use aws_sdk_glue::types::PartitionInput;
use registrar::conformance::{self, conforms};
use serde_json::json;
use stub::{Fault, THROTTLED};

#[tokio::test]
async fn both_are_catalogs_as_all_others_are() {
    for page in [1_000, 400] {
        let stub = Stub::start(&conformance::COLUMNS);
        stub.state().page(page);
        conforms(&glue(&stub), attempt(LONG).deadline).await;
        let stub = Stub::start(&conformance::COLUMNS);
        stub.state().page(page);
        conforms(&athena(&stub), attempt(LONG).deadline).await;
    }
}

#[tokio::test]
async fn the_columns_are_those_of_the_table() {
    let stub = Stub::start(&COLUMNS);
    assert_eq!(glue(&stub).columns(attempt(LONG)).await, Ok(columns()));
    let stub = Stub::start(&[("ratio", "double")]);
    insta::assert_snapshot!(glue(&stub).columns(attempt(LONG)).await.unwrap_err(), @"the table does not fit: the partition column `ratio` is of the type `double`, expected one of `string char(n) varchar(n) boolean tinyint smallint int bigint decimal(p,s) date timestamp`");
}

#[tokio::test]
async fn partitions_are_added_by_hundreds_and_found_by_thousands() {
    let stub = Stub::start(&COLUMNS);
    let (glue, wanted) = (glue(&stub), partitions(2_050));
    insta::assert_snapshot!(add(&glue, &wanted).await.replace("100: ok\n", "+"), @"++++++++++++++++++++50: ok");
    insta::assert_snapshot!(calls(&stub), @"BatchCreatePartition 21, GetTable 1");
    let (told, found) = find(&glue, &wanted).await;
    insta::assert_snapshot!(told, @"
    1000: ok
    1000: ok
    50: ok
    ");
    insta::assert_snapshot!(calls(&stub), @"BatchGetPartition 3");
    assert_eq!(found, wanted);
    let (_, found) = find(&glue, &BTreeMap::from([(partition("c0001", 3), String::new())])).await;
    assert_eq!(found, BTreeMap::new());
}

#[tokio::test]
async fn more_than_a_hundred_at_once_are_refused() {
    let stub = Stub::start(&COLUMNS);
    let input = || PartitionInput::builder().values("a").values("1").build();
    let inputs = std::iter::repeat_with(input).take(101).collect();
    let request = aws_sdk_glue::Client::new(&stub.configuration()).batch_create_partition();
    let reply = request.database_name("db").table_name("t").set_partition_input_list(Some(inputs)).send().await;
    let error = aws_sdk_glue::error::ProvideErrorMetadata::message(&reply.unwrap_err()).unwrap().to_owned();
    insta::assert_snapshot!(error, @"1 validation error detected: Value at 'partitionInputList' failed to satisfy constraint: Member must have length less than or equal to 100");
}

#[tokio::test]
async fn a_partition_is_read_as_its_table_is() {
    let stub = Stub::start(&COLUMNS);
    add(&glue(&stub), &BTreeMap::from([(partition("a", 7), "s3://lake/a/07/".to_owned())])).await;
    insta::assert_json_snapshot!(stub.state().descriptors[&["a", "7"].map(str::to_owned)[..]], @r#"
    {
      "Columns": [
        {
          "Name": "value",
          "Type": "double"
        }
      ],
      "Location": "s3://lake/a/07/",
      "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
      "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
      "Compressed": true,
      "NumberOfBuckets": -1,
      "SerdeInfo": {
        "SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe",
        "Parameters": {
          "case.insensitive": "TRUE"
        }
      },
      "Parameters": {
        "classification": "json"
      }
    }
    "#);
}

#[tokio::test]
async fn what_is_there_keeps_its_location_and_is_success() {
    let stub = Stub::start(&COLUMNS);
    let (glue, athena) = (glue(&stub), athena(&stub));
    let before = BTreeMap::from([(partition("a", 7), "s3://old/a/".to_owned())]);
    let wanted = |component| {
        BTreeMap::from(["a", component].map(|component| (partition(component, 7), format!("s3://lake/{component}/07"))))
    };
    assert_eq!(add(&glue, &before).await, "1: ok\n");
    assert_eq!(add(&glue, &wanted("b")).await, "2: ok\n");
    assert_eq!(add(&athena, &wanted("c")).await, "2: ok\n");
    let (_, found) = find(&glue, &wanted("b").into_iter().chain(wanted("c")).collect()).await;
    assert_eq!(found.values().collect::<Vec<_>>(), ["s3://old/a/", "s3://lake/b/07", "s3://lake/c/07"]);
}

#[tokio::test]
async fn partitions_that_are_not_created_are_told_by_their_code() {
    let stub = Stub::start(&COLUMNS);
    stub.fails(|call| match (call.operation, call.body.contains("c0150")) {
        ("BatchCreatePartition", false) => Some(Fault::Without("c0007", "InternalServiceException", "try again")),
        ("BatchCreatePartition", true) => Some(Fault::Without("c0150", "AccessDeniedException", "not this one")),
        _ => None,
    });
    insta::assert_snapshot!(add(&glue(&stub), &partitions(250)).await, @"
    99: ok
    1: unavailable: `BatchCreatePartition`: InternalServiceException: try again
    99: ok
    1: access denied: `BatchCreatePartition`: AccessDeniedException: not this one
    50: ok
    ");
    assert_eq!(stub.partitions().len(), 248);
    // An error without a partition can be one of any.
    let anonymous =
        json!({ "Errors": [{ "ErrorDetail": { "ErrorCode": "InternalServiceException", "ErrorMessage": "oops" } }] });
    stub.fails(move |call| (call.operation == "BatchCreatePartition").then(|| Fault::Said(anonymous.clone())));
    insta::assert_snapshot!(add(&glue(&stub), &partitions(2)).await, @"2: unavailable: `BatchCreatePartition`: InternalServiceException: oops");
}

#[tokio::test]
async fn what_was_left_unprocessed_is_asked_for_again() {
    let stub = Stub::start(&COLUMNS);
    let (glue, wanted) = (glue(&stub), partitions(1_200));
    add(&glue, &wanted).await;
    calls(&stub);
    stub.state().page(300);
    let (told, found) = find(&glue, &wanted).await;
    insta::assert_snapshot!(told, @"
    1000: ok
    200: ok
    ");
    insta::assert_snapshot!(calls(&stub), @"BatchGetPartition 5");
    assert_eq!(found, wanted);

    stub.state().page(0);
    insta::assert_snapshot!(find(&glue, &wanted).await.0, @"
    1000: throttled: `BatchGetPartition`: 1000 partitions are left unprocessed
    200: not started: the request before was throttled
    ");
    insta::assert_snapshot!(calls(&stub), @"BatchGetPartition 4");
}

#[tokio::test]
async fn all_partitions_are_listed_page_by_page() {
    let stub = Stub::start(&COLUMNS);
    let (glue, wanted) = (glue(&stub), partitions(25));
    add(&glue, &wanted).await;
    // One that no object of ours can be in.
    let strange = vec!["__HIVE_DEFAULT_PARTITION__".to_owned(), "7".to_owned()];
    stub.state().catalog.change(|catalog| {
        catalog.tables.get_mut(TABLE).unwrap().partitions.insert(strange, "s3://lake/x/".to_owned());
    });
    for page in [1, 7, 26, 1_000] {
        stub.state().page(page);
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let some = glue.list(after.as_deref(), attempt(LONG)).await.unwrap();
            assert!(some.partitions.len() <= page);
            listed.extend(some.partitions);
            after = some.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(listed.len(), 25);
        assert_eq!(listed.into_iter().collect::<BTreeMap<_, _>>(), wanted);
    }
}

/// The error when everything is refused like this, and after how many calls.
async fn refused(stub: &Stub, status: u16, code: &'static str, message: &'static str) -> String {
    stub.fails(move |_| Some(Fault::Refused(status, code, message)));
    calls(stub);
    let error = glue(stub).list(None, attempt(LONG)).await.unwrap_err();
    format!("{error} ({})", calls(stub))
}

#[tokio::test]
async fn the_code_of_an_error_tells_its_class() {
    let stub = Stub::start(&COLUMNS);
    insta::assert_snapshot!(refused(&stub, 400, "ThrottlingException", "Rate exceeded").await, @"throttled: `GetPartitions`: ThrottlingException: Rate exceeded (GetPartitions 4)");
    insta::assert_snapshot!(refused(&stub, 400, "ConcurrentModificationException", "busy").await, @"throttled: `GetPartitions`: ConcurrentModificationException: busy (GetPartitions 1)");
    insta::assert_snapshot!(refused(&stub, 400, "AccessDeniedException", "not authorized to perform: glue:GetPartitions").await, @"access denied: `GetPartitions`: AccessDeniedException: not authorized to perform: glue:GetPartitions (GetPartitions 1)");
    insta::assert_snapshot!(refused(&stub, 403, "ExpiredTokenException", "The security token included in the request is expired").await, @"unavailable: `GetPartitions`: ExpiredTokenException: The security token included in the request is expired (GetPartitions 1)");
    insta::assert_snapshot!(refused(&stub, 400, "EntityNotFoundException", "Table db.t not found.").await, @"rejected: `GetPartitions`: EntityNotFoundException: Table db.t not found. (GetPartitions 1)");
    insta::assert_snapshot!(refused(&stub, 400, "InvalidInputException", "no").await, @"rejected: `GetPartitions`: InvalidInputException: no (GetPartitions 1)");
    insta::assert_snapshot!(refused(&stub, 400, "ResourceNumberLimitExceededException", "Number of partitions exceeded").await, @"rejected: `GetPartitions`: ResourceNumberLimitExceededException: Number of partitions exceeded (GetPartitions 1)");
    insta::assert_snapshot!(refused(&stub, 400, "GlueEncryptionException", "no key").await, @"access denied: `GetPartitions`: GlueEncryptionException: no key (GetPartitions 1)");
    insta::assert_snapshot!(refused(&stub, 500, "InternalServiceException", "oops").await, @"unavailable: `GetPartitions`: InternalServiceException: oops (GetPartitions 4)");
    insta::assert_snapshot!(refused(&stub, 400, "OperationTimeoutException", "slow").await, @"unavailable: `GetPartitions`: OperationTimeoutException: slow (GetPartitions 1)");
}

#[tokio::test]
async fn each_door_says_what_it_did() {
    let stub = Stub::start(&COLUMNS);
    stub.fails(|_| Some(Fault::Refused(400, "AccessDeniedException", "no")));
    let (glue, athena, wanted) = (glue(&stub), athena(&stub), partitions(1));
    insta::assert_snapshot!(glue.columns(attempt(LONG)).await.unwrap_err(), @"access denied: `GetTable`: AccessDeniedException: no");
    insta::assert_snapshot!(find(&glue, &wanted).await.0, @"1: access denied: `BatchGetPartition`: AccessDeniedException: no");
    insta::assert_snapshot!(add(&glue, &wanted).await, @"1: access denied: `GetTable`: AccessDeniedException: no");
    insta::assert_snapshot!(add(&athena, &wanted).await, @"1: access denied: `StartQueryExecution`: AccessDeniedException: no");
    stub.fails(|call| {
        (call.operation == "BatchCreatePartition").then_some(Fault::Refused(400, "AccessDeniedException", "no"))
    });
    insta::assert_snapshot!(add(&glue, &wanted).await, @"1: access denied: `BatchCreatePartition`: AccessDeniedException: no");
}

#[tokio::test]
async fn throttling_on_every_second_call_is_not_noticed() {
    let stub = Stub::start(&COLUMNS);
    stub.fails(|call| call.before.is_multiple_of(2).then_some(THROTTLED));
    let wanted = partitions(150);
    assert_eq!(add(&glue(&stub), &wanted).await, "100: ok\n50: ok\n");
    assert_eq!(add(&athena(&stub), &wanted).await, "150: ok\n");
    assert_eq!(find(&glue(&stub), &wanted).await.1, wanted);
}

#[tokio::test]
async fn after_throttling_nothing_more_is_asked() {
    let stub = Stub::start(&COLUMNS);
    stub.fails(|call| call.operation.starts_with("Batch").then_some(THROTTLED));
    insta::assert_snapshot!(add(&glue(&stub), &partitions(250)).await, @"
    100: throttled: `BatchCreatePartition`: ThrottlingException: Rate exceeded
    100: not started: the request before was throttled
    50: not started: the request before was throttled
    ");
    insta::assert_snapshot!(find(&glue(&stub), &partitions(2_500)).await.0, @"
    1000: throttled: `BatchGetPartition`: ThrottlingException: Rate exceeded
    1000: not started: the request before was throttled
    500: not started: the request before was throttled
    ");
    insta::assert_snapshot!(calls(&stub), @"BatchCreatePartition 4, BatchGetPartition 4, GetTable 1");
}

#[tokio::test]
async fn the_deadline_is_kept() {
    let stub = Stub::start(&COLUMNS);
    let (glue, athena, wanted) = (glue(&stub), athena(&stub), partitions(150));
    let asked: Vec<_> = wanted.keys().cloned().collect();
    let soon = || attempt(50);
    // So that the table is known in this attempt, and what follows it is what takes too long.
    assert_eq!(glue.columns(attempt(LONG)).await, Ok(columns()));
    stub.fails(|call| (call.operation != "GetTable").then_some(Fault::Silent));
    insta::assert_snapshot!(told(&glue.find(&asked, soon()).await), @"150: no answer before the deadline: `BatchGetPartition` has not replied");
    insta::assert_snapshot!(told(&glue.add(&columns(), &wanted, soon()).await), @"
    100: no answer before the deadline: `BatchCreatePartition` has not replied
    50: not started: the request before took all the time
    ");
    insta::assert_snapshot!(told(&athena.add(&columns(), &wanted, soon()).await), @"150: no answer before the deadline: `StartQueryExecution` has not replied");
    insta::assert_snapshot!(glue.list(None, soon()).await.unwrap_err(), @"no answer before the deadline: `GetPartitions` has not replied");
    stub.fails(|_| Some(Fault::Silent));
    let later = Attempt { id: "two", ..soon() };
    insta::assert_snapshot!(glue.columns(later).await.unwrap_err(), @"no answer before the deadline: `GetTable` has not replied");

    calls(&stub);
    let past = || Attempt { deadline: SystemTime::now() + Duration::from_millis(900), id: "three" };
    insta::assert_snapshot!(told(&glue.find(&asked, past()).await), @"150: not started: there is no time left");
    insta::assert_snapshot!(told(&glue.add(&columns(), &wanted, past()).await), @"150: not started: there is no time left");
    insta::assert_snapshot!(told(&athena.add(&columns(), &wanted, past()).await), @"150: not started: there is no time left");
    insta::assert_snapshot!(glue.list(None, past()).await.unwrap_err(), @"not started: there is no time left");
    insta::assert_snapshot!(glue.columns(past()).await.unwrap_err(), @"not started: there is no time left");
    assert_eq!(calls(&stub), "");
}

#[tokio::test]
async fn a_table_that_has_changed_is_left_alone() {
    let stub = Stub::start(&[("component", "string"), ("month", "string")]);
    insta::assert_snapshot!(add(&glue(&stub), &partitions(1)).await, @"1: the table does not fit: its partition columns have changed");
    assert_eq!(stub.partitions().len(), 0);
}
