//! SQL over a lake: what Athena would answer, by DataFusion.
//!
//! Only what is registered in the catalog is seen, as in Athena: `table.rs` gives DataFusion the objects below the locations of
//! those partitions that a query can touch, and `objects.rs` and what it uses read them. Nothing is ever written.

mod athena;
mod csv;
mod json;
mod objects;
mod output;
mod parquet;
mod table;

use super::catalog::Catalog;
use super::cli::OutputFormat;
use super::lake::Lake;
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider};
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{SetExpr, Statement as Ordinary};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use futures_util::StreamExt;
use output::Output;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::thread::available_parallelism;
use table::LakeTable;

/// Why a query has no answer.
#[derive(Debug)]
pub enum QueryError {
    /// It cannot be one of this lake: no object was read.
    Refused(String),
    /// Reading failed, or writing the answer.
    Failed(String),
}

/// The tables of a lake, as a query.
const TABLES: &str = "SELECT table_schema AS database, table_name AS \"table\" FROM information_schema.tables \
                      WHERE table_schema <> 'information_schema' ORDER BY 1, 2";

/// What Athena calls the catalog of Glue.
const CATALOG: &str = "awsdatacatalog";

/// Asks a lake, and writes the answer.
pub fn query(
    sql: &str,
    lake: Lake,
    catalog: &Catalog,
    format: OutputFormat,
    output: &mut dyn Write,
) -> Result<(), QueryError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().build();
    let runtime = runtime.map_err(|error| QueryError::Failed(format!("no threads to read with: {error}")))?;
    runtime.block_on(async {
        let names: Vec<&str> = catalog.tables.keys().map(String::as_str).collect();
        let (context, unreadable) = session(lake, catalog)?;
        let plan = plan(sql, &context, &names, &unreadable).await?;
        answer(plan, &context, format, output).await
    })
}

/// Why tables cannot be read, by `database.table`.
type Unreadable = BTreeMap<String, String>;

/// A session that knows the tables of the lake, but for those that cannot be read.
fn session(lake: Lake, catalog: &Catalog) -> Result<(SessionContext, Unreadable), QueryError> {
    let lake = Arc::new(lake);
    let mut unreadable = Unreadable::new();
    let mut databases: BTreeMap<String, Arc<MemorySchemaProvider>> = BTreeMap::new();
    for (name, table) in &catalog.tables {
        let (database, bare) = name.split_once('.').unwrap_or(("default", name));
        let tables = databases.entry(database.to_lowercase()).or_default();
        match LakeTable::new(name, table, Arc::clone(&lake)) {
            Ok(table) => {
                tables.register_table(bare.to_lowercase(), Arc::new(table)).map_err(|error| refused(&error))?;
            }
            Err(fault) => {
                unreadable.insert(name.to_lowercase(), fault);
            }
        }
    }
    let default = match databases.keys().collect::<Vec<_>>().as_slice() {
        [only] => (*only).clone(),
        _ => "default".to_owned(),
    };
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, default)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(true)
        .with_target_partitions(available_parallelism().map_or(1, usize::from));
    let options = &mut config.options_mut().sql_parser;
    // As Athena sorts (https://trino.io/docs/current/sql/select.html#order-by-clause).
    "nulls_last".clone_into(&mut options.default_null_ordering);
    options.map_string_types_to_utf8view = false;
    let context = SessionContext::new_with_config(config);
    let tables = MemoryCatalogProvider::new();
    for (name, database) in databases {
        tables.register_schema(&name, database).map_err(|error| refused(&error))?;
    }
    context.register_catalog(CATALOG, Arc::new(tables));
    Ok((context, unreadable))
}

/// Reads a query, and finds the tables and columns that it names.
async fn plan(
    sql: &str,
    context: &SessionContext,
    tables: &[&str],
    unreadable: &Unreadable,
) -> Result<LogicalPlan, QueryError> {
    let state = context.state();
    let default = state.config_options().catalog.default_schema.clone();
    let dialect = state.config_options().sql_parser.dialect;
    let refused = |error: DataFusionError| refused(&error);
    let statement = match state.sql_to_statement(&without_case(sql), &dialect).map_err(refused)? {
        statement if !is_query(&statement) => return Err(no_query(&statement)),
        // Athena lists what a user has made.
        statement if is_show_tables(&statement) => state.sql_to_statement(TABLES, &dialect).map_err(refused)?,
        mut statement => {
            if let Some(ordinary) = ordinary(&mut statement) {
                athena::respell(ordinary).map_err(QueryError::Refused)?;
            }
            statement
        }
    };
    for reference in state.resolve_table_references(&statement).map_err(refused)? {
        let (database, table) = (reference.schema().unwrap_or(&default), reference.table());
        let is_function = reference.schema().is_none() && state.table_functions().contains_key(table);
        // An error says that there is no such database, either.
        let exists = context.table_exist(reference.clone()).unwrap_or(false);
        if database == "information_schema" || is_function || exists {
            continue;
        }
        if let Some(fault) = unreadable.get(&format!("{database}.{table}")) {
            return Err(QueryError::Refused(fault.clone()));
        }
        let known = match tables {
            [] => "the lake has none".to_owned(),
            tables => format!("expected one of `{}`", tables.join("`, `")),
        };
        return Err(QueryError::Refused(format!("there is no table `{reference}`, {known}")));
    }
    let plan = state.statement_to_plan(statement.clone()).await.map_err(refused)?;
    let reads = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    reads.verify_plan(&plan).map_err(|_| no_query(&statement))?;
    state.optimize(&plan).map_err(refused)
}

/// Reads what the plan needs, and writes the rows as they come.
async fn answer(
    plan: LogicalPlan,
    context: &SessionContext,
    format: OutputFormat,
    output: &mut dyn Write,
) -> Result<(), QueryError> {
    let failed = |error: DataFusionError| QueryError::Failed(told(&error));
    let state = context.state();
    let planned = state.query_planner().create_physical_plan(&plan, &state).await;
    let plan = planned.map_err(|error| match error.find_root() {
        // Of ours: the objects of a table could not be listed.
        DataFusionError::External(_) => failed(error),
        _ => refused(&error),
    })?;
    let mut output = Output::new(format, &plan.schema(), output);
    let mut batches = execute_stream(plan, state.task_ctx()).map_err(failed)?;
    while let Some(batch) = batches.next().await {
        if output.write(&batch.map_err(failed)?).map_err(QueryError::Failed)?.is_break() {
            return Ok(());
        }
    }
    output.finish().map_err(QueryError::Failed)
}

/// Whether a statement asks, and changes nothing.
fn is_query(statement: &Statement) -> bool {
    match statement {
        Statement::Statement(statement) => match &**statement {
            Ordinary::Query(query) => {
                !matches!(*query.body, SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_))
            }
            Ordinary::ShowTables { .. } | Ordinary::ShowColumns { .. } | Ordinary::ExplainTable { .. } => true,
            _ => false,
        },
        Statement::Explain(explain) => is_query(&explain.statement),
        _ => false,
    }
}

/// What is asked or explained.
fn ordinary(statement: &mut Statement) -> Option<&mut Ordinary> {
    match statement {
        Statement::Statement(statement) => Some(statement),
        Statement::Explain(explain) => ordinary(&mut explain.statement),
        _ => None,
    }
}

fn is_show_tables(statement: &Statement) -> bool {
    matches!(statement, Statement::Statement(statement) if matches!(**statement, Ordinary::ShowTables { .. }))
}

fn no_query(statement: &Statement) -> QueryError {
    let text = statement.to_string();
    let verb = text.split_whitespace().next().unwrap_or_default();
    QueryError::Refused(format!("`{verb}` is no query, expected `SELECT …`: a lake is only read"))
}

/// The same query with names between double quotes in lower case, since names have no case in Athena, quoted or not.
fn without_case(sql: &str) -> String {
    // What it cannot read the parser will not, either, and tells where.
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).with_unescape(false).tokenize() else {
        return sql.to_owned();
    };
    let text = |token: Token| match token {
        Token::Word(mut word) if word.quote_style == Some('"') => {
            word.value = word.value.to_lowercase();
            Token::Word(word).to_string()
        }
        other => other.to_string(),
    };
    tokens.into_iter().map(text).collect()
}

fn refused(error: &DataFusionError) -> QueryError {
    QueryError::Refused(told(error))
}

/// What an error says to whoever wrote the query.
fn told(error: &DataFusionError) -> String {
    match error.find_root() {
        DataFusionError::SQL(error, _) => match error.as_ref() {
            ParserError::ParserError(fault) | ParserError::TokenizerError(fault) => {
                format!("the query cannot be read: {}", in_a_line(fault))
            }
            ParserError::RecursionLimitExceeded => "the query cannot be read: it is nested too deeply".to_owned(),
        },
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => {
                let mut known: Vec<&str> = valid_fields.iter().map(|column| column.name.as_str()).collect();
                known.dedup();
                let known = match known.as_slice() {
                    [] => "there are none here".to_owned(),
                    known => format!("expected one of `{}`", known.join("`, `")),
                };
                format!("there is no column `{}`, {known}", field.flat_name())
            }
            error => in_a_line(&error.to_string()),
        },
        DataFusionError::External(error) => error.to_string(),
        // Of what else is not done a name says what; this one comes from the reader of statements.
        DataFusionError::NotImplemented(fault) if fault.contains("single SQL statement") => {
            "there are several statements, expected one query".to_owned()
        }
        error => {
            let message = in_a_line(&error.message());
            // What DataFusion takes for alike is seldom meant, and not the same each time.
            message.split_once(". Did you mean").map_or(message.clone(), |(fault, _)| fault.to_owned())
        }
    }
}

/// A message as ours are: one line that begins in lower case.
fn in_a_line(message: &str) -> String {
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let message = message.trim_end_matches('.');
    let mut letters = message.chars();
    // A word of capitals is SQL's, and stays so.
    match letters.next() {
        Some(first) if !letters.as_str().starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => message.to_owned(),
    }
}
