//! The two functions' own code, in this process.

use crate::deployment::Deployment;
use crate::pipeline::Functions;
use crate::samples::{Sample, Sampler};
use crate::summary::Summary;
use firehose_transform::handler::handle;
use firehose_transform::outcome::Reason;
use firehose_transform::transform::{Scratch, Transform};
use registrar::catalog::{Attempt, Catalog};
use registrar::config::Config;
use registrar::handler::{Invocation, Maintainer};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::runtime::Runtime;

/// A deployment's functions, of which the maintainer registers in this catalog.
pub struct InProcess<'d, C> {
    transform: &'d Transform,
    scratch: RefCell<Scratch>,
    sampler: RefCell<Sampler>,
    maintainer: Maintainer<C>,
    runtime: Arc<Runtime>,
    started: Duration,
    invocations: Cell<u64>,
    told: RefCell<Told>,
}

/// What the functions have told, and nobody was told yet.
#[derive(Default)]
struct Told {
    transform: Vec<(firehose_transform::report::Report, Vec<(Reason, Sample)>)>,
    maintainer: Vec<registrar::report::Report>,
}

/// How long the maintainer may take for an event: as `Timeout` in template.yaml.
pub(crate) const LONGEST_INVOCATION: Duration = Duration::from_mins(1);

impl<'d, C: Catalog + Sync> InProcess<'d, C> {
    /// The functions of this deployment. What the catalog waits for, it waits for in this runtime.
    pub fn new(deployment: &'d Deployment, catalog: C, runtime: Arc<Runtime>) -> Self {
        let Config { scope, .. } = &deployment.maintainer_config;
        Self {
            transform: &deployment.transform,
            scratch: RefCell::default(),
            sampler: RefCell::default(),
            maintainer: Maintainer::new(scope.clone(), catalog),
            runtime,
            started: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            invocations: Cell::new(0),
            told: RefCell::default(),
        }
    }
}

impl<C: Catalog + Sync> Functions for InProcess<'_, C> {
    fn transform(&self, request: &str) -> Result<Vec<u8>, String> {
        let handled = handle(self.transform, request.as_bytes(), &mut self.scratch.borrow_mut());
        let (reply, report) = handled.map_err(|error| error.to_string())?;
        let samples = self.sampler.borrow_mut().find(request, &report);
        self.told.borrow_mut().transform.push((report, samples));
        Ok(reply)
    }

    fn maintain(&self, event: &str, now: i64) -> Result<Value, String> {
        self.invocations.set(self.invocations.get() + 1);
        // No two invocations have the same, those of other runs included.
        let id = format!("{}-{}-{}", std::process::id(), self.started.as_nanos(), self.invocations.get());
        let attempt = Attempt { deadline: SystemTime::now() + LONGEST_INVOCATION, id: &id };
        let invocation = Invocation { now: &move || now, attempt };
        let (reply, report) = self.runtime.block_on(self.maintainer.handle(event, invocation));
        self.told.borrow_mut().maintainer.push(report);
        reply.map_err(|error| error.to_string())
    }

    fn tell(&self, summary: &mut Summary) {
        let Told { transform, maintainer } = self.told.take();
        for (report, samples) in transform {
            summary.add_transform_report(report, samples);
        }
        for report in maintainer {
            summary.add_maintainer_report(report);
        }
    }
}

/// A runtime for a catalog that never waits.
pub fn idle_runtime() -> Arc<Runtime> {
    // A runtime without drivers cannot fail to be built.
    #[expect(clippy::expect_used, reason = "it reserves nothing that could be missing")]
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers");
    Arc::new(runtime)
}
