//! A catalog around another that fails on demand.

use crate::catalog::{Attempt, Batch, Catalog, CatalogError, Page};
use crate::columns::PartitionColumns;
use shared::partition::Partition;
use std::collections::BTreeMap;
use std::future::{pending, poll_fn};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

/// Asks before each call what is to go wrong with it, and keeps an account of the calls.
///
/// Every call lets others go on before and after it, so that what runs at once is interleaved, and can be dropped there.
pub struct FailingCatalog<C> {
    catalog: C,
    faults: Mutex<Box<Faults>>,
    calls: Mutex<Vec<Call>>,
}

/// What is to go wrong with a call.
type Faults = dyn FnMut(&Call) -> Option<Fault> + Send;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// The columns were asked for.
    Columns,
    /// These partitions were looked for.
    Find(Vec<Partition>),
    /// These were added.
    Add(Vec<Partition>),
    /// A page was asked for.
    List,
}

/// What goes wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is refused, and nothing is done.
    Refused(CatalogError),
    /// It is done, but the answer says this.
    AnswerLost(CatalogError),
    /// It fails for this partition alone.
    OnePartition(Partition, CatalogError),
    /// It never ends, and nothing is done.
    NeverEnds,
    /// It is done, and never ends.
    DoneAndNeverEnds,
}

impl<C: Catalog + Sync> FailingCatalog<C> {
    /// A catalog whose calls fail as this says.
    pub fn new(catalog: C, faults: impl FnMut(&Call) -> Option<Fault> + Send + 'static) -> Self {
        Self { catalog, faults: Mutex::new(Box::new(faults)), calls: Mutex::default() }
    }

    /// A catalog of which every so manieth call is refused with this error.
    pub fn every(catalog: C, nth: usize, error: CatalogError) -> Self {
        let mut calls = 0;
        Self::new(catalog, move |_| {
            calls += 1;
            (calls % nth == 0).then(|| Fault::Refused(error.clone()))
        })
    }

    /// The catalog within.
    pub fn catalog(&self) -> &C {
        &self.catalog
    }

    /// The calls since this was asked before, in order.
    pub fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut *lock(&self.calls))
    }

    /// A call begins; the fault that it is to have.
    async fn begin(&self, call: Call) -> Option<Fault> {
        yield_now().await;
        let fault = (lock(&self.faults))(&call);
        lock(&self.calls).push(call);
        if fault == Some(Fault::NeverEnds) {
            pending::<()>().await;
        }
        fault
    }

    /// What is left of a call that was done.
    async fn end(fault: Option<&Fault>) {
        if fault == Some(&Fault::DoneAndNeverEnds) {
            pending::<()>().await;
        }
        yield_now().await;
    }
}

impl<C: Catalog + Sync> Catalog for FailingCatalog<C> {
    async fn columns(&self, attempt: Attempt<'_>) -> Result<PartitionColumns, CatalogError> {
        let fault = self.begin(Call::Columns).await;
        let result = self.catalog.columns(attempt).await;
        Self::end(fault.as_ref()).await;
        fault.and_then(Fault::of_whole).map_or(result, Err)
    }

    async fn find(&self, partitions: &[Partition], attempt: Attempt<'_>) -> Vec<Batch<BTreeMap<Partition, String>>> {
        let fault = self.begin(Call::Find(partitions.to_vec())).await;
        if let Some(Fault::Refused(error) | Fault::AnswerLost(error)) = fault {
            return vec![Batch { partitions: partitions.to_vec(), result: Err(error) }];
        }
        let found = match &fault {
            Some(Fault::OnePartition(one, error)) if partitions.contains(one) => {
                let others: Vec<Partition> = partitions.iter().filter(|other| *other != one).cloned().collect();
                let mut found = self.catalog.find(&others, attempt).await;
                found.push(Batch { partitions: vec![one.clone()], result: Err(error.clone()) });
                found
            }
            _ => self.catalog.find(partitions, attempt).await,
        };
        Self::end(fault.as_ref()).await;
        found
    }

    async fn add(
        &self,
        columns: &PartitionColumns,
        partitions: &BTreeMap<Partition, String>,
        attempt: Attempt<'_>,
    ) -> Vec<Batch<()>> {
        let all: Vec<Partition> = partitions.keys().cloned().collect();
        let fault = self.begin(Call::Add(all.clone())).await;
        let added = match &fault {
            Some(Fault::Refused(error)) => vec![Batch { partitions: all, result: Err(error.clone()) }],
            Some(Fault::AnswerLost(error)) => {
                self.catalog.add(columns, partitions, attempt).await;
                vec![Batch { partitions: all, result: Err(error.clone()) }]
            }
            Some(Fault::OnePartition(one, error)) if partitions.contains_key(one) => {
                let mut others = partitions.clone();
                others.remove(one);
                let mut added = self.catalog.add(columns, &others, attempt).await;
                added.push(Batch { partitions: vec![one.clone()], result: Err(error.clone()) });
                added
            }
            _ => self.catalog.add(columns, partitions, attempt).await,
        };
        Self::end(fault.as_ref()).await;
        added
    }

    async fn list(&self, after: Option<&str>, attempt: Attempt<'_>) -> Result<Page, CatalogError> {
        let fault = self.begin(Call::List).await;
        let result = self.catalog.list(after, attempt).await;
        Self::end(fault.as_ref()).await;
        fault.and_then(Fault::of_whole).map_or(result, Err)
    }
}

impl Fault {
    /// The error of a call that is not about partitions.
    fn of_whole(self) -> Option<CatalogError> {
        match self {
            Self::Refused(error) | Self::AnswerLost(error) => Some(error),
            Self::OnePartition(..) | Self::NeverEnds | Self::DoneAndNeverEnds => None,
        }
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets others go on.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
