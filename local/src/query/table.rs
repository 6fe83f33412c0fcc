//! A table of the lake, as DataFusion asks for it.

use super::objects::{Format, Object, Reader, Wanted, objects};
use crate::catalog::{Column, Table};
use crate::lake::Lake;
use crate::open_x::{OpenX, OpenXOptions};
use async_trait::async_trait;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringArray};
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures_util::stream;
use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

/// A table: the objects below the locations of its partitions, and nothing else.
#[derive(Debug)]
pub(super) struct LakeTable {
    name: String,
    lake: Arc<Lake>,
    format: Format,
    /// The columns in the objects, then the partition keys.
    schema: SchemaRef,
    /// The columns that are in the objects.
    columns: Vec<Column>,
    /// A row for each partition, a column for each key.
    partitions: RecordBatch,
    /// The location of each row of `partitions`.
    locations: Vec<String>,
}

/// A scan of some of a table's columns.
#[derive(Debug)]
struct Scan {
    reader: Reader,
    columns: Vec<Source>,
    schema: SchemaRef,
}

/// Where a column of a scan comes from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// This column of what is read.
    Object(usize),
    /// This key of the partition.
    Partition(usize),
}

/// An object, and the values of its partition's keys.
type Placed = (Object, Arc<[ScalarValue]>);

/// The part of a scan that one core does.
struct Share {
    scan: Arc<Scan>,
    objects: Vec<Placed>,
}

impl LakeTable {
    /// The table of this name. The error says what of it cannot be read.
    pub(super) fn new(name: &str, table: &Table, lake: Arc<Lake>) -> std::result::Result<Self, String> {
        let about = |fault: String| format!("the table `{name}` cannot be read: {fault}");
        let format = Format::of(table).map_err(about)?;
        let mut fields = fields(&table.columns).map_err(about)?;
        let partitions = partitions(table).map_err(about)?;
        fields.extend(partitions.schema_ref().fields().iter().cloned());
        let locations = if table.partition_keys.is_empty() {
            vec![table.location.clone()]
        } else {
            table.partitions.values().cloned().collect()
        };
        let (name, schema) = (name.to_owned(), Arc::new(Schema::new(fields)));
        Ok(Self { name, lake, format, schema, columns: table.columns.clone(), partitions, locations })
    }

    /// The rows of the partitions for which all filters hold. What a filter says of other columns is not asked here.
    fn selected(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<usize>> {
        let schema = DFSchema::try_from(Arc::clone(self.partitions.schema_ref()))?;
        let mut selected: Vec<usize> = (0..self.locations.len()).collect();
        for filter in filters.iter().filter(|filter| self.is_of_partitions(filter)) {
            let holds = state.create_physical_expr(filter.clone(), &schema)?.evaluate(&self.partitions)?;
            let holds = holds.into_array(self.partitions.num_rows())?;
            let holds = cast(&holds, &DataType::Boolean)?;
            let holds = holds.as_boolean();
            selected.retain(|row| holds.is_valid(*row) && holds.value(*row));
        }
        Ok(selected)
    }

    fn is_of_partitions(&self, filter: &Expr) -> bool {
        filter.column_refs().iter().all(|column| self.partitions.schema_ref().index_of(&column.name).is_ok())
    }

    /// All objects below the selected partitions.
    fn objects(&self, selected: &[usize]) -> Result<Vec<Placed>> {
        let mut placed = Vec::new();
        for row in selected {
            let keys = self.partitions.columns().iter();
            let values = keys.map(|key| ScalarValue::try_from_array(key, *row)).collect::<Result<Arc<[_]>>>()?;
            let Some(location) = self.locations.get(*row) else { continue };
            let found = objects(&self.lake, location)
                .map_err(|fault| failed(format!("the table `{}` cannot be read: {fault}", self.name)))?;
            placed.extend(found.into_iter().map(|object| (object, Arc::clone(&values))));
        }
        Ok(placed)
    }
}

#[async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let pushed = |filter: &&Expr| {
            // Each row of a partition has its values, so that what holds for the partition holds for its rows.
            if self.is_of_partitions(filter) {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(pushed).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let projection = projection.unwrap_or(&all);
        let mut read = Vec::new();
        let source = |place: &usize| match self.columns.get(*place) {
            Some(column) => {
                let data_type = self.schema.field(*place).data_type().clone();
                read.push(Wanted { column: column.clone(), place: *place, data_type });
                Source::Object(read.len() - 1)
            }
            None => Source::Partition(*place - self.columns.len()),
        };
        let columns = projection.iter().map(source).collect();
        let schema = Arc::new(self.schema.project(projection)?);
        let reader = Reader::new(self.format.clone(), read, state.config().batch_size());
        let scan = Arc::new(Scan { reader, columns, schema: Arc::clone(&schema) });
        let objects = self.objects(&self.selected(state, filters)?)?;
        let share = |objects| Arc::new(Share { scan: Arc::clone(&scan), objects }) as Arc<dyn PartitionStream>;
        let shares = shared_out(objects, state.config().target_partitions()).into_iter().map(share).collect();
        Ok(Arc::new(StreamingTableExec::try_new(schema, shares, None, None, false, limit)?))
    }
}

impl Scan {
    /// The rows of an object, in batches.
    fn read(self: &Arc<Self>, (object, values): Placed) -> impl Iterator<Item = Result<RecordBatch>> + Send + use<> {
        let scan = Arc::clone(self);
        self.reader.read(object).map(move |batch| scan.with_partition(&batch.map_err(failed)?, &values))
    }

    /// A batch with the values of its partition, in the order of the scan.
    fn with_partition(&self, batch: &RecordBatch, values: &[ScalarValue]) -> Result<RecordBatch> {
        let column = |source: &Source| match source {
            Source::Object(place) => Ok(Arc::clone(batch.column(*place))),
            Source::Partition(place) => {
                let value = values.get(*place).ok_or_else(|| failed(format!("no partition key {place}")))?;
                value.to_array_of_size(batch.num_rows())
            }
        };
        let columns = self.columns.iter().map(column).collect::<Result<Vec<ArrayRef>>>()?;
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &rows)?)
    }
}

impl PartitionStream for Share {
    fn schema(&self) -> &SchemaRef {
        &self.scan.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let scan = Arc::clone(&self.scan);
        let batches = self.objects.clone().into_iter().flat_map(move |object| scan.read(object));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.scan.schema), stream::iter(batches)))
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} objects", self.objects.len())
    }
}

/// The partitions of a table, a row each, with keys of their types. A table without keys has one, without values.
fn partitions(table: &Table) -> std::result::Result<RecordBatch, String> {
    let columns = table.partition_columns().map_err(|error| error.to_string())?;
    let typed = columns
        .columns()
        .iter()
        .map(|column| Column { name: column.name().to_owned(), hive_type: column.partition_type().to_string() });
    let fields = fields(&typed.collect::<Vec<_>>())?;
    let mut keys = Vec::new();
    for (place, field) in fields.iter().enumerate() {
        let texts = table.partitions.keys().map(|values| values.get(place).map(String::as_str));
        let texts: ArrayRef = Arc::new(texts.collect::<StringArray>());
        keys.push(strictly(&texts, field.data_type()).map_err(|error| {
            format!("a value of the partition column `{}` is not of its type: {error}", field.name())
        })?);
    }
    let rows = if keys.is_empty() { 1 } else { table.partitions.len() };
    let rows = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), keys, &rows).map_err(|error| error.to_string())
}

/// Columns as Arrow has them: one piece of code says it for all formats.
fn fields(columns: &[Column]) -> std::result::Result<Vec<FieldRef>, String> {
    Ok(OpenX::new(columns, &OpenXOptions::default())?.schema().fields().to_vec())
}

/// A cast that fails where a value is none of the type.
pub(super) fn strictly(array: &ArrayRef, to: &DataType) -> std::result::Result<ArrayRef, String> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, to, &options).map_err(|error| error.to_string())
}

/// Objects in so many lists of about the same size; the largest are given out first.
fn shared_out(mut objects: Vec<Placed>, shares: usize) -> Vec<Vec<Placed>> {
    let mut lists: Vec<(u64, Vec<Placed>)> = Vec::new();
    lists.resize_with(shares.clamp(1, objects.len().max(1)), Default::default);
    objects.sort_by_key(|(object, _)| Reverse(object.bytes));
    for object in objects {
        if let Some((bytes, list)) = lists.iter_mut().min_by_key(|(bytes, _)| *bytes) {
            // An empty object takes its turn, too.
            *bytes += object.0.bytes + 1;
            list.push(object);
        }
    }
    lists.into_iter().map(|(_, list)| list).collect()
}

fn failed(fault: String) -> DataFusionError {
    DataFusionError::External(fault.into())
}
