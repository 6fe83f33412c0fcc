//! Athena's queries, and how they end.

use super::*;
use serde_json::json;
use stub::{End, Fault};

#[tokio::test]
async fn queries_end_in_all_the_ways_that_there_are() {
    let stub = Stub::start(&COLUMNS);
    let ended = async |end: End, milliseconds| {
        let attempt = Attempt { id: &format!("{end:?}"), ..attempt(milliseconds) };
        stub.fails(move |call| (call.operation == "StartQueryExecution").then(|| Fault::Ends(end.clone())));
        told(&athena(&stub).add(&columns(), &partitions(3), attempt).await)
    };
    let error = |category, error_type| json!({ "ErrorCategory": category, "ErrorType": error_type });
    insta::assert_snapshot!(ended(End::Cancelled, LONG).await, @"3: query `0` was cancelled");
    insta::assert_snapshot!(ended(End::Never, 600).await, @"3: no answer before the deadline: query `1` is `RUNNING`");
    insta::assert_snapshot!(ended(End::Failed("FAILED: SemanticException", error(2, 1003)), LONG).await, @"3: query `2` failed: FAILED: SemanticException (error type 1003)");
    insta::assert_snapshot!(ended(End::Failed("Rate exceeded", error(2, 1401)), LONG).await, @"3: throttled: query `3`: Rate exceeded (error type 1401)");
    insta::assert_snapshot!(ended(End::Failed("Access Denied", error(2, 1501)), LONG).await, @"3: access denied: query `4`: Access Denied (error type 1501)");
    insta::assert_snapshot!(ended(End::Failed("Query exhausted resources", error(1, 100)), LONG).await, @"3: unavailable: query `5`: Query exhausted resources (error type 100)");
    insta::assert_snapshot!(ended(End::AsItShould, LONG).await, @"3: ok");
    assert_eq!(stub.partitions().len(), 3);
}

#[tokio::test]
async fn an_attempt_runs_a_statement_once() {
    let stub = Stub::start(&COLUMNS);
    let wanted = partitions(3);
    // The query was started, and nobody was told.
    let mut lost = 2;
    stub.fails(move |call| {
        let loses = call.operation == "StartQueryExecution" && lost > 0;
        lost -= i32::from(loses);
        loses.then_some(Fault::Unanswered)
    });
    insta::assert_snapshot!(add(&athena(&stub), &wanted).await, @"3: ok");
    insta::assert_snapshot!(calls(&stub), @"GetQueryExecution 3, StartQueryExecution 3");
    assert_eq!(stub.statements(), 1);
    // Another one is not answered with what became of the first.
    let again = Attempt { id: "two", ..attempt(LONG) };
    insta::assert_snapshot!(told(&athena(&stub).add(&columns(), &wanted, again).await), @"3: ok");
    assert_eq!(stub.statements(), 1);
}
