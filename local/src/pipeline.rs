//! Records go in; objects, partitions and a summary come out.

use crate::athena::LocalCatalog;
use crate::catalog::Catalog;
use crate::deployment::Deployment;
use crate::firehose::{Arrivals, Firehose, Object};
use crate::lake::{Lake, about, notification};
use crate::samples::Sampler;
use crate::summary::Summary;
use firehose_transform::handler::handle;
use firehose_transform::transform::Scratch;
use registrar::catalog::Attempt;
use registrar::config::Config;
use registrar::handler::{Invocation, Maintainer};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::io::{self, BufRead};
use std::time::SystemTime;

/// A deployment at work on a laptop.
pub struct Pipeline {
    deployment: Deployment,
}

/// Called with the number of bytes that were read so far.
pub type Progress<'p> = &'p mut dyn FnMut(u64);

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
        table.columns.clone_from(&self.deployment.table.columns);
        Ok(catalog)
    }

    /// Sends the records of all inputs, one a line, the whole way into a lake.
    pub fn run(
        &self,
        inputs: impl IntoIterator<Item = impl BufRead>,
        arrivals: Arrivals,
        lake: &Lake,
        catalog: Catalog,
        progress: Progress<'_>,
    ) -> io::Result<Summary> {
        let mut summary = Summary::default();
        let reports = RefCell::new(Vec::new());
        let mut scratch = Scratch::default();
        let mut sampler = Sampler::default();
        let mut call = |request: &str| match handle(&self.deployment.transform, request.as_bytes(), &mut scratch) {
            Ok((reply, report)) => {
                reports.borrow_mut().push((sampler.find(request, &report), report));
                Ok(reply)
            }
            Err(error) => Err(error.to_string()),
        };
        let taken = |key: &str| lake.holds(&self.deployment.bucket, key);
        let mut firehose = Firehose::new(&self.deployment.stream, arrivals, &mut call, taken);
        // From the first object on it is a lake, whatever happens on the way.
        lake.begin(&catalog)?;
        let mut delivery = Delivery::new(self, lake, catalog);
        let mut read = 0;
        let told = |summary: &mut Summary| {
            reports.take().into_iter().for_each(|(samples, report)| summary.add_transform_report(report, samples));
        };
        let mut send = |line: &[u8], bytes: usize| {
            read += bytes as u64;
            progress(read);
            let objects = firehose.put(line);
            told(&mut summary);
            delivery.put(objects, &mut summary)
        };
        inputs.into_iter().try_for_each(|input| for_each_line(input, &mut send))?;
        let (objects, counts) = firehose.close();
        told(&mut summary);
        summary.counts = counts;
        delivery.put(objects, &mut summary)?;
        Ok(summary)
    }
}

/// What stands behind Firehose: the bucket, the queue, the maintainer and the catalog.
struct Delivery<'p> {
    pipeline: &'p Pipeline,
    lake: &'p Lake,
    maintainer: Maintainer<LocalCatalog>,
    runtime: tokio::runtime::Runtime,
}

impl<'p> Delivery<'p> {
    fn new(pipeline: &'p Pipeline, lake: &'p Lake, catalog: Catalog) -> Self {
        let Config { scope, table, registration } = &pipeline.deployment.maintainer_config;
        let maintainer = Maintainer::new(scope.clone(), LocalCatalog::new(catalog, table, registration));
        // A runtime without drivers cannot fail to be built.
        #[expect(clippy::expect_used, reason = "it reserves nothing that could be missing")]
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers");
        Self { pipeline, lake, maintainer, runtime }
    }

    /// Writes objects, and tells the maintainer of each that is written, whatever happens to the others.
    fn put(&mut self, objects: Vec<Object>, summary: &mut Summary) -> io::Result<()> {
        let Deployment { bucket, stream, maintainer_config, .. } = &self.pipeline.deployment;
        let mut messages = Vec::new();
        let written = objects.into_iter().try_for_each(|object| {
            self.lake.put(bucket, &object)?;
            messages.push((object.written_at, notification(&stream.region, bucket, &object)));
            summary.add_object(&maintainer_config.scope.layout, &object);
            Ok(())
        });
        self.tell(&messages, summary);
        self.keep(summary)?;
        written
    }

    /// Hands messages over in batches, again and again until they are given up.
    fn tell(&self, messages: &[(i64, Value)], summary: &mut Summary) {
        let queue = &self.pipeline.deployment.queue;
        for batch in messages.chunks(queue.batch_size) {
            let mut bodies: Vec<&Value> = batch.iter().map(|(_, body)| body).collect();
            let now = batch.iter().map(|(written_at, _)| *written_at).max().unwrap_or_default();
            for _ in 0..queue.max_receive_count {
                let failed = self.invoke(&bodies, now, summary);
                bodies = failed.into_iter().filter_map(|place| bodies.get(place).copied()).collect();
                if bodies.is_empty() {
                    break;
                }
            }
            summary.dead_letters += bodies.len() as u64;
        }
    }

    /// Hands messages to the maintainer as SQS does; gives the places of those that are to come again.
    fn invoke(&self, bodies: &[&Value], now: i64, summary: &mut Summary) -> Vec<usize> {
        let record = |(place, body): (usize, &&Value)| {
            let body = body.to_string();
            json!({ "messageId": place.to_string(), "eventSource": "aws:sqs", "body": body })
        };
        let event = json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() }).to_string();
        // Nothing here waits, so there is no deadline to run into.
        let attempt = Attempt { deadline: SystemTime::UNIX_EPOCH, id: "local" };
        let invocation = Invocation { now: &move || now, attempt };
        let (reply, report) = self.runtime.block_on(self.maintainer.handle(&event, invocation));
        summary.add_maintainer_report(report);
        let failed = |reply: Value| {
            let items = reply.get("batchItemFailures")?.as_array()?.clone();
            items.iter().map(|item| item.get("itemIdentifier")?.as_str()?.parse().ok()).collect::<Option<Vec<usize>>>()
        };
        // As with Lambda: what is not a partial batch response fails the batch.
        reply.ok().and_then(failed).unwrap_or_else(|| (0..bodies.len()).collect())
    }

    /// Keeps the catalog and the statements as they are now, so that a run that is ended is a run to there.
    fn keep(&self, summary: &mut Summary) -> io::Result<()> {
        let catalog = self.maintainer.catalog();
        let news = catalog.news();
        let appended = if news.statements.is_empty() { Ok(()) } else { self.lake.append_statements(&news.statements) };
        let kept = if news.added == 0 { Ok(()) } else { catalog.look(|catalog| self.lake.keep_catalog(catalog)) };
        summary.add_news(news);
        appended.and(kept)
    }
}

/// Calls with each line, without its end, and with the bytes that it took. The last line need not end.
fn for_each_line(mut input: impl BufRead, call: &mut impl FnMut(&[u8], usize) -> io::Result<()>) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let bytes = input.read_until(b'\n', &mut line).map_err(|error| about("the input", &error))?;
        if bytes == 0 {
            return Ok(());
        }
        call(line.strip_suffix(b"\n").unwrap_or(&line), bytes)?;
    }
}
