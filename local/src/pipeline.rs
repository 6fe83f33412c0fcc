//! Records go in; objects, partitions and a summary come out.

use crate::catalog::{Catalog, Table};
use crate::deployment::Deployment;
use crate::firehose::{Arrivals, Firehose, Object};
use crate::lake::{Lake, about, notification};
use crate::summary::Summary;
use serde_json::{Value, json};
use std::cell::Cell;
use std::io::{self, BufRead};
use std::ops::ControlFlow;

/// A deployment at work on a laptop.
pub struct Pipeline {
    deployment: Deployment,
}

/// The two functions, wherever they run.
pub trait Functions {
    /// Hands a request to the transform function: its reply, or why the invocation has failed.
    fn transform(&self, request: &str) -> Result<Vec<u8>, String>;

    /// Hands an event of SQS to the maintainer, at this moment in milliseconds since 1970: its reply, or why there is none.
    fn maintain(&self, event: &str, now: i64) -> Result<Value, String>;

    /// Adds what they have told of themselves since this was asked before.
    fn tell(&self, summary: &mut Summary);
}

/// Where objects go: a bucket, and the catalog that the maintainer registers their partitions in.
pub trait Destination {
    /// Called once, before the first record is read.
    fn begin(&self) -> io::Result<()>;

    /// Whether there is an object of this key.
    fn holds(&self, key: &str) -> io::Result<bool>;

    /// Writes an object, as a whole or not at all.
    fn put(&self, object: &Object) -> io::Result<()>;

    /// Keeps the catalog and the statements as they are now, so that a run that is ended is a run to there.
    fn keep(&self, summary: &mut Summary) -> io::Result<()>;
}

/// What a run tells while it lasts.
pub struct Watcher<'w> {
    /// Hears now and then how much was read so far.
    pub progress: &'w mut dyn FnMut(Progress),
    /// Whether the user wants no more.
    pub interrupted: &'w dyn Fn() -> bool,
}

/// How much was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Records.
    pub records: u64,
    /// Bytes, with the ends of lines.
    pub bytes: u64,
}

/// Records after which progress is told again.
const PROGRESS_EVERY: u64 = 256;

impl Pipeline {
    /// The pipeline of this deployment.
    pub fn new(deployment: Deployment) -> Self {
        Self { deployment }
    }

    /// The deployment.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// The bucket that it writes to.
    pub fn bucket(&self) -> &str {
        &self.deployment.bucket
    }

    /// The catalog as it is before the run: the lake's own, with the deployment's table in it.
    pub fn prepare(&self, lake: &Lake, mut catalog: Catalog) -> Result<Catalog, String> {
        let table =
            catalog.tables.entry(self.deployment.table_name.clone()).or_insert_with(|| self.deployment.table.clone());
        if table.partition_keys != self.deployment.table.partition_keys
            || table.location != self.deployment.table.location
        {
            let (name, folder) = (&self.deployment.table_name, lake.folder().display());
            return Err(format!(
                "the lake `{folder}` has a table `{name}` of another layout or place, expected another lake, or `run --fresh`"
            ));
        }
        // What else the template says of it may have changed since, as CloudFormation would change it.
        let partitions = std::mem::take(&mut table.partitions);
        *table = Table { partitions, ..self.deployment.table.clone() };
        Ok(catalog)
    }

    /// Sends the records of all inputs, one a line, the whole way.
    ///
    /// An interrupt ends the reading. What was delivered until then is written and registered, and what is still in a buffer is
    /// counted as not written.
    pub fn run(
        &self,
        inputs: impl IntoIterator<Item = impl BufRead>,
        arrivals: Arrivals,
        functions: &dyn Functions,
        destination: &dyn Destination,
        watcher: Watcher<'_>,
    ) -> io::Result<Summary> {
        let Watcher { progress, interrupted } = watcher;
        let mut summary = Summary::default();
        let mut delivery = Delivery { deployment: &self.deployment, functions, destination };
        let unknown = Cell::new(None);
        let taken = |key: &str| {
            destination.holds(key).unwrap_or_else(|error| {
                unknown.set(Some(error));
                false
            })
        };
        let call = |request: &str| functions.transform(request);
        let mut firehose = Firehose::new(&self.deployment.stream, arrivals, call, taken);
        destination.begin()?;
        let mut read = Progress::default();
        let mut deliver = |objects, summary: &mut Summary| {
            functions.tell(summary);
            // Before anything is written under a name that may be another's.
            unknown.take().map_or(Ok(()), Err)?;
            delivery.put(objects, summary)
        };
        let mut send = |line: &[u8], bytes: usize| {
            if interrupted() {
                return Ok(ControlFlow::Break(()));
            }
            read.bytes += bytes as u64;
            read.records += 1;
            if read.records.is_multiple_of(PROGRESS_EVERY) {
                progress(read);
            }
            deliver(firehose.put(line), &mut summary).map(ControlFlow::Continue)
        };
        let mut inputs = inputs.into_iter();
        let flow = inputs.try_for_each(|input| match for_each_line(input, &mut send) {
            Ok(ControlFlow::Continue(())) => ControlFlow::Continue(()),
            Ok(ControlFlow::Break(())) => ControlFlow::Break(Ok(())),
            Err(error) => ControlFlow::Break(Err(error)),
        });
        if let ControlFlow::Break(Err(error)) = flow {
            return Err(error);
        }
        progress(read);
        // An input can end because of the interrupt, too.
        let (objects, counts) = if interrupted() { (Vec::new(), firehose.abandon()) } else { firehose.close() };
        summary.counts = counts;
        deliver(objects, &mut summary)?;
        Ok(summary)
    }
}

/// What stands behind Firehose: the bucket, the queue and the maintainer.
struct Delivery<'p> {
    deployment: &'p Deployment,
    functions: &'p dyn Functions,
    destination: &'p dyn Destination,
}

impl Delivery<'_> {
    /// Writes objects, and tells the maintainer of each that is written, whatever happens to the others.
    fn put(&mut self, objects: Vec<Object>, summary: &mut Summary) -> io::Result<()> {
        if objects.is_empty() {
            return Ok(());
        }
        let Deployment { bucket, stream, maintainer_config, .. } = self.deployment;
        let mut messages = Vec::new();
        let written = objects.into_iter().try_for_each(|object| {
            self.destination.put(&object)?;
            messages.push((object.written_at, notification(&stream.region, bucket, &object)));
            summary.add_object(&maintainer_config.scope.layout, &object);
            Ok(())
        });
        self.tell(&messages, summary);
        self.destination.keep(summary)?;
        written
    }

    /// Hands messages over in batches, again and again until they are given up.
    fn tell(&self, messages: &[(i64, Value)], summary: &mut Summary) {
        let queue = &self.deployment.queue;
        for batch in messages.chunks(queue.batch_size) {
            let mut bodies: Vec<&Value> = batch.iter().map(|(_, body)| body).collect();
            let now = batch.iter().map(|(written_at, _)| *written_at).max().unwrap_or_default();
            for _ in 0..queue.max_receive_count {
                let failed = self.invoke(&bodies, now);
                self.functions.tell(summary);
                bodies = failed.into_iter().filter_map(|place| bodies.get(place).copied()).collect();
                if bodies.is_empty() {
                    break;
                }
            }
            summary.dead_letters += bodies.len() as u64;
        }
    }

    /// Hands messages to the maintainer as SQS does; gives the places of those that are to come again.
    fn invoke(&self, bodies: &[&Value], now: i64) -> Vec<usize> {
        let record = |(place, body): (usize, &&Value)| {
            let body = body.to_string();
            json!({ "messageId": place.to_string(), "eventSource": "aws:sqs", "body": body })
        };
        let event = json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() }).to_string();
        let failed = |reply: Value| {
            let items = reply.get("batchItemFailures")?.as_array()?.clone();
            items.iter().map(|item| item.get("itemIdentifier")?.as_str()?.parse().ok()).collect::<Option<Vec<usize>>>()
        };
        // As with Lambda: what is not a partial batch response fails the batch.
        self.functions.maintain(&event, now).ok().and_then(failed).unwrap_or_else(|| (0..bodies.len()).collect())
    }
}

/// Calls with each line, without its end, and with the bytes that it took, until that wants no more. The last line need not
/// end.
fn for_each_line(
    mut input: impl BufRead,
    call: &mut impl FnMut(&[u8], usize) -> io::Result<ControlFlow<()>>,
) -> io::Result<ControlFlow<()>> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let bytes = input.read_until(b'\n', &mut line).map_err(|error| about("the input", &error))?;
        if bytes == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        if call(line.strip_suffix(b"\n").unwrap_or(&line), bytes)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
}
