//! Partitions on their way into the catalog: canonical, looked for, added, remembered.

use crate::catalog::{Attempt, Catalog, CatalogError};
use crate::columns::PartitionColumns;
use crate::handler::Maintainer;
use shared::partition::Partition;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What became of partitions that were to be registered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registration {
    /// Each of them, as it was given.
    pub outcomes: BTreeMap<Partition, Outcome>,
    /// Why some are not registered.
    pub failures: Vec<Failure>,
    /// Calls that asked the catalog; those that were not made are not counted.
    pub lookups: u64,
    /// Calls that added to it, which are statements with Athena.
    pub queries: u64,
}

/// What became of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was registered before.
    Known,
    /// It is registered now.
    Added,
    /// It is registered, at another location.
    Elsewhere {
        /// Where.
        registered: String,
    },
    /// It is not, as far as is known. One of the failures says why.
    Failed,
}

/// Why partitions are not registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The error.
    pub error: CatalogError,
    /// How many partitions have it.
    pub partitions: usize,
    /// Where one of them lies.
    pub example: String,
}

impl<C: Catalog + Sync> Maintainer<C> {
    /// Registers partitions, each with the folder in which it lies (as [`shared::layout::Layout::render`] gives it).
    ///
    /// The catalog is asked before anything is added, and what it does not answer is not added: a partition that is
    /// registered elsewhere could not be told from one that is registered here, since `IF NOT EXISTS` says nothing.
    /// Of several folders that are one partition (`07` and `7` of integers) that one counts which is registered, or else the
    /// first in order; the others are elsewhere.
    pub async fn register(&self, wanted: &BTreeMap<Partition, String>, attempt: Attempt<'_>) -> Registration {
        let mut registration = Registration::default();
        if wanted.is_empty() {
            return registration;
        }
        let columns = match self.columns(attempt, &mut registration.lookups).await {
            Ok(columns) => columns,
            Err(error) => {
                registration.fail(wanted.iter().map(|(partition, folder)| (partition, self.location(folder))), &error);
                return registration;
            }
        };
        // Each partition of the table, with those that were given for it, in order.
        let mut canonical: BTreeMap<Partition, Vec<&Partition>> = BTreeMap::new();
        for (partition, folder) in wanted {
            match columns.canonical(partition) {
                Ok(of_table) => canonical.entry(of_table).or_default().push(partition),
                Err(misfit) => registration.fail([(partition, self.location(folder))], &misfit.into()),
            }
        }
        let claims = |of_table: &Partition| {
            let given = canonical.get(of_table).into_iter().flatten().copied();
            given.filter_map(|given| Some((given, self.location(wanted.get(given)?))))
        };

        let asked: Vec<Partition> = canonical.keys().cloned().collect();
        let mut missing: BTreeMap<Partition, String> = BTreeMap::new();
        let batches = if asked.is_empty() { Vec::new() } else { self.catalog().find(&asked, attempt).await };
        for batch in batches {
            registration.lookups += u64::from(was_made(&batch.result));
            match batch.result {
                Ok(found) => {
                    for of_table in &batch.partitions {
                        match found.get(of_table) {
                            Some(registered) => registration.settle(claims(of_table), registered, &Outcome::Known),
                            None => missing.extend(claims(of_table).next().map(|(_, first)| (of_table.clone(), first))),
                        }
                    }
                }
                Err(error) => registration.fail(batch.partitions.iter().flat_map(claims), &error),
            }
        }

        let batches =
            if missing.is_empty() { Vec::new() } else { self.catalog().add(&columns, &missing, attempt).await };
        for batch in batches {
            registration.queries += u64::from(was_made(&batch.result));
            match batch.result {
                Ok(()) => {
                    for of_table in &batch.partitions {
                        if let Some(location) = missing.get(of_table) {
                            registration.settle(claims(of_table), location, &Outcome::Added);
                        }
                    }
                }
                Err(error) => {
                    // The table may have changed; it is looked at anew next time.
                    if matches!(error, CatalogError::Failed { .. } | CatalogError::Rejected(_) | CatalogError::Table(_))
                    {
                        self.keep_columns(None);
                    }
                    registration.fail(batch.partitions.iter().flat_map(claims), &error);
                }
            }
        }

        let untold: Vec<_> =
            canonical.keys().flat_map(claims).filter(|(given, _)| !registration.outcomes.contains_key(given)).collect();
        let error = || CatalogError::Unavailable("the catalog did not say what became of it".to_owned());
        registration.fail(untold, &error());
        let settled = registration.outcomes.iter().filter(|(_, outcome)| **outcome != Outcome::Failed);
        self.remember(settled.filter_map(|(partition, _)| wanted.get(partition)));
        registration
    }

    /// The table's columns, which are asked for once, and again after something went wrong.
    pub(crate) async fn columns(
        &self,
        attempt: Attempt<'_>,
        lookups: &mut u64,
    ) -> Result<Arc<PartitionColumns>, CatalogError> {
        if let Some(columns) = self.kept_columns() {
            return Ok(columns);
        }
        let columns = self.catalog().columns(attempt).await;
        *lookups += u64::from(was_made(&columns));
        let columns = columns?;
        columns.matches(&self.scope().layout)?;
        let columns = Arc::new(columns);
        self.keep_columns(Some(Arc::clone(&columns)));
        Ok(columns)
    }
}

impl Registration {
    /// How many partitions have an outcome of this kind.
    pub fn count(&self, kind: impl Fn(&Outcome) -> bool) -> usize {
        self.outcomes.values().filter(|outcome| kind(outcome)).count()
    }

    /// Those that are one partition of the table, which is registered here; each with its location.
    fn settle<'p>(
        &mut self,
        claims: impl Iterator<Item = (&'p Partition, String)>,
        registered: &str,
        outcome: &Outcome,
    ) {
        let outcome = |location: &str| {
            let elsewhere = || Outcome::Elsewhere { registered: registered.to_owned() };
            if is_same_place(location, registered) { outcome.clone() } else { elsewhere() }
        };
        self.outcomes.extend(claims.map(|(given, location)| (given.clone(), outcome(&location))));
    }

    /// Those that failed for one reason, each with its location. A reason that was there before has one entry.
    fn fail<'p>(&mut self, claims: impl IntoIterator<Item = (&'p Partition, String)>, error: &CatalogError) {
        let claims: Vec<_> = claims.into_iter().collect();
        let Some((_, example)) = claims.first() else { return };
        match self.failures.iter_mut().find(|failure| failure.error == *error) {
            Some(failure) => failure.partitions += claims.len(),
            None => {
                self.failures.push(Failure {
                    error: error.clone(),
                    partitions: claims.len(),
                    example: example.clone(),
                });
            }
        }
        self.outcomes.extend(claims.into_iter().map(|(given, _)| (given.clone(), Outcome::Failed)));
    }
}

/// Whether a call was made at all.
pub(crate) fn was_made<T>(result: &Result<T, CatalogError>) -> bool {
    !matches!(result, Err(CatalogError::NotStarted(_) | CatalogError::Unfit(_)))
}

/// Whether two locations are one folder: Hive keeps no slash at the end, Glue keeps it.
pub(crate) fn is_same_place(one: &str, other: &str) -> bool {
    one.strip_suffix('/').unwrap_or(one) == other.strip_suffix('/').unwrap_or(other)
}
