//! The bucket's folders held against the catalog, for what no event told of.
//!
//! Events can be lost, and data can be there before the first of them. So the folders are walked, level by level and never
//! object by object, and what is not registered is added, by the same way as what an event tells of. Then what is registered
//! is held against the folders; nothing is ever taken out of the catalog here.
//!
//! In reading order:
//!
//! - this file: the two parts, one after the other, until all is done or the deadline is near;
//! - `request.rs`: what is asked for, and by which events;
//! - `walk.rs`: the walk down the layout, pure;
//! - `bucket.rs`: the port to the bucket, and `memory.rs`, one in memory;
//! - `report.rs`: what was done and found.

mod bucket;
#[cfg(any(test, feature = "testing"))]
mod memory;
mod report;
mod request;
mod walk;

pub use bucket::{Bucket, Listing, PAGE};
#[cfg(any(test, feature = "testing"))]
pub use memory::MemoryBucket;
pub use report::{Finding, Findings, Reconciliation, Stopped};
pub use request::{Place, Request, RequestError};

use crate::catalog::{Catalog, CatalogError};
use crate::columns::PartitionColumns;
use crate::handler::{Invocation, Maintainer};
use crate::registration::{Outcome, is_same_place, was_made};
use crate::report::Elsewhere;
use crate::statement::{removal, statements};
use crate::table_name::TableName;
use bucket::before;
use futures_util::future::join_all;
use serde_json::Value;
use shared::layout::{Folder, Layout};
use shared::object_key::ObjectKey;
use shared::partition::Partition;
use shared::telemetry::Line;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;
use walk::{Found, Question, Walk, parent};

/// What holds a bucket against a catalog: one for as long as the process lives, since it remembers how far it came.
#[derive(Debug)]
pub struct Reconciler<B> {
    bucket: B,
    table: TableName,
    place: Mutex<Option<Place>>,
}

/// Why an invocation has failed that was to reconcile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreconciled {
    /// It was not said rightly what to do, and nothing was done.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Not all could be done, though the rest was. The next try goes on.
    #[error("{0}")]
    Failed(String),
}

/// Called with each finding.
pub type Tell<'f> = &'f mut (dyn FnMut(Finding) + Send);

/// The time that is kept for what was found on the way, in milliseconds: for looks at up to [`BATCH`] folders, and for a
/// statement of Athena's, which takes some seconds.
const FOR_SETTLING: i64 = 15_000;

/// The time that is kept when it is found out what to register, in milliseconds: for the statement alone.
const FOR_REGISTERING: i64 = 5_000;

/// Calls to S3 at once. It takes 5,500 in a second below each prefix, and answers one in some 30 milliseconds.
const AT_ONCE: usize = 16;

/// Folders that are held against the catalog at once: as many as Glue takes in one call.
const BATCH: usize = 1_000;

/// Registered partitions that are held against the bucket at once: the more there are, the more lie side by side and are
/// found in one listing.
const CHUNK: usize = 10_000;

/// The longest statement of a dry run, in bytes: it is shown to a person, and a line of the log has 256 KB.
const SHOWN_STATEMENT: usize = 50_000;

impl<B: Bucket + Sync> Reconciler<B> {
    /// One that holds this bucket against the table of this name.
    pub fn new(bucket: B, table: TableName) -> Self {
        Self { bucket, table, place: Mutex::default() }
    }

    /// Does what an event asks for, and gives the reply and the lines of the log; nothing if the event asks for no reconcile.
    pub async fn handle<C: Catalog + Sync>(
        &self,
        maintainer: &Maintainer<C>,
        event: &str,
        invocation: Invocation<'_>,
    ) -> Option<(Result<Value, Unreconciled>, Vec<Line>)> {
        let request = match Request::read(event)? {
            Ok(request) => request,
            Err(error) => return Some((Err(error.into()), Vec::new())),
        };
        let mut found = Findings::default();
        let done = self.run(maintainer, &request, invocation, &mut |finding| found.keep(finding)).await;
        let reply = match done.fault() {
            Some(fault) => Err(Unreconciled::Failed(fault)),
            None => Ok(done.reply(&found)),
        };
        Some((reply, done.lines(&found)))
    }

    /// Holds the bucket against the catalog, and tells of each finding.
    ///
    /// It goes on where the one before stopped, unless the request says where. A dry run adds nothing, and is not gone on
    /// with by another.
    pub async fn run<C: Catalog + Sync>(
        &self,
        maintainer: &Maintainer<C>,
        request: &Request,
        invocation: Invocation<'_>,
        tell: Tell<'_>,
    ) -> Reconciliation {
        let kept = self.place.lock().unwrap_or_else(PoisonError::into_inner).clone().filter(|_| !request.dry_run);
        let place = request.after.clone().or(kept).unwrap_or(Place::Folder(String::new()));
        let report = Reconciliation { dry_run: request.dry_run, ..Reconciliation::default() };
        let (layout, bucket) = (&maintainer.scope().layout, &self.bucket);
        let lister = Lister { bucket, layout, invocation, listings: AtomicU64::new(0) };
        let mut run = Run { maintainer, table: &self.table, lister, tell, report, place };
        let stopped = run.run().await.err();
        let Run { mut report, lister, place, .. } = run;
        report.listings = lister.listings.into_inner();
        report.after = stopped.is_some().then_some(place);
        report.stopped = stopped;
        if !request.dry_run {
            self.place.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&report.after);
        }
        report
    }
}

/// One reconcile.
struct Run<'r, C, B> {
    maintainer: &'r Maintainer<C>,
    table: &'r TableName,
    lister: Lister<'r, B>,
    tell: Tell<'r>,
    report: Reconciliation,
    /// Where it can be gone on with.
    place: Place,
}

impl<C: Catalog + Sync, B: Bucket + Sync> Run<'_, C, B> {
    async fn run(&mut self) -> Result<(), Stopped> {
        self.lister.need(FOR_SETTLING)?;
        let attempt = self.lister.invocation.attempt;
        let columns = self.maintainer.columns(attempt, &mut self.report.lookups).await;
        let columns = columns.map_err(|error| stopped("read the table", error))?;
        if let Place::Folder(after) = &self.place {
            let after = after.clone();
            self.walk(&columns, &after).await?;
            self.place = Place::Catalog { catalog: None, after: None };
        }
        self.look_for_gone(&columns).await
    }

    /// Walks the folders that come after a text, and registers what is not.
    async fn walk(&mut self, columns: &PartitionColumns, after: &str) -> Result<(), Stopped> {
        let layout = self.lister.layout;
        let mut walk = Walk::new(layout, after);
        let mut batch = Vec::new();
        loop {
            while batch.len() < BATCH
                && let Some(found) = walk.take()
            {
                batch.push(found);
            }
            let questions = if batch.len() < BATCH { walk.questions(AT_ONCE) } else { Vec::new() };
            let (answers, stopped) = self.lister.list_all(&questions).await;
            for folder in walk.tell(answers) {
                self.report.foreign += 1;
                (self.tell)(Finding::Foreign(folder));
            }
            if questions.is_empty() || stopped.is_some() {
                // The batch is full, or the walk is at its end, or cannot go on: what was found is settled first.
                self.settle(columns, std::mem::take(&mut batch)).await?;
                if let Some(behind) = walk.behind() {
                    self.place = Place::Folder(behind.to_owned());
                }
                if let Some(stopped) = stopped {
                    return Err(stopped);
                }
                if walk.is_at_end() {
                    return Ok(());
                }
            }
        }
    }

    /// Holds folders against the catalog, and registers those that have data and are not.
    async fn settle(&mut self, columns: &PartitionColumns, found: Vec<Found>) -> Result<(), Stopped> {
        if found.is_empty() {
            return Ok(());
        }
        let (attempt, count) = (self.lister.invocation.attempt, found.len() as u64);
        // The folders of each partition of the table, of which `07` and `7` can be one.
        let mut canonical: BTreeMap<Partition, Vec<Found>> = BTreeMap::new();
        let mut unregistered: Vec<(Found, Claim)> = Vec::new();
        for found in found {
            match columns.canonical(&found.partition) {
                Ok(of_table) => canonical.entry(of_table).or_default().push(found),
                Err(misfit) => unregistered.push((found, Claim::Unfit(misfit.to_string()))),
            }
        }
        let asked: Vec<Partition> = canonical.keys().cloned().collect();
        let batches = if asked.is_empty() { Vec::new() } else { self.maintainer.catalog().find(&asked, attempt).await };
        let mut registered = BTreeMap::new();
        for batch in batches {
            self.report.lookups += u64::from(was_made(&batch.result));
            registered.extend(batch.result.map_err(|error| stopped("look for partitions", error))?);
        }
        for (of_table, folders) in canonical {
            let registered = registered.get(&of_table);
            let unregistered_here = folders.into_iter().filter_map(|found| {
                let location = self.maintainer.location(&found.folder);
                match registered {
                    Some(registered) if is_same_place(registered, &location) => None,
                    Some(registered) => Some((found, Claim::Elsewhere(registered.clone()))),
                    None => Some((found, Claim::Missing(of_table.clone()))),
                }
            });
            unregistered.extend(unregistered_here);
        }

        let (with_data, cut) = self.look(unregistered).await;
        if self.report.dry_run {
            self.tell_claims(columns, with_data);
        } else {
            self.register(with_data).await?;
        }
        if let Some(Cut { stopped, behind }) = cut {
            self.place = behind.map_or_else(|| self.place.clone(), Place::Folder);
            return Err(stopped);
        }
        self.report.folders += count;
        Ok(())
    }

    /// One small look at each of these folders, in the order of the walk: those that have data. If there is no time for all of
    /// them, those at the beginning, and where that ends.
    async fn look(&mut self, mut claims: Vec<(Found, Claim)>) -> (Vec<(Found, Claim)>, Option<Cut>) {
        claims.sort_unstable_by(|(one, _), (other, _)| one.folder.cmp(&other.folder));
        let (mut with_data, mut behind) = (Vec::new(), None);
        let mut rest = claims.into_iter().peekable();
        while rest.peek().is_some() {
            let some: Vec<(Found, Claim)> = rest.by_ref().take(AT_ONCE).collect();
            let looks = join_all(some.iter().map(|(found, _)| self.lister.has_data(&found.folder))).await;
            for (claim, has_data) in some.into_iter().zip(looks) {
                let has_data = match has_data {
                    Ok(has_data) => has_data,
                    Err(stopped) => return (with_data, Some(Cut { stopped, behind })),
                };
                behind = Some(claim.0.folder.clone());
                if has_data {
                    with_data.push(claim);
                } else {
                    self.report.empty += 1;
                }
            }
        }
        (with_data, None)
    }

    /// Registers folders with data, by the way of the handler, which finds out by itself what stands against it.
    async fn register(&mut self, claims: Vec<(Found, Claim)>) -> Result<(), Stopped> {
        let folders: BTreeMap<Partition, String> =
            claims.iter().map(|(found, _)| (found.partition.clone(), found.folder.clone())).collect();
        let registration = self.maintainer.register(&folders, self.lister.invocation.attempt).await;
        self.report.lookups += registration.lookups;
        self.report.queries += registration.queries;
        // What would fail again at once is tried again from here on; what is a folder's own must not stand in the others' way.
        let stop = registration.failures.iter().find(|failure| is_general(&failure.error));
        let stop = stop.map(|failure| stopped("register partitions", failure.error.clone()));
        for (found, claim) in claims {
            let location = self.maintainer.location(&found.folder);
            match (registration.outcomes.get(&found.partition), claim) {
                (Some(Outcome::Known), _) => {}
                (Some(Outcome::Added), _) => {
                    self.report.missing += 1;
                    self.report.added += 1;
                    (self.tell)(Finding::Missing(location));
                }
                (Some(Outcome::Elsewhere { registered }), _) => {
                    self.report.elsewhere += 1;
                    let registered = registered.clone();
                    (self.tell)(Finding::Elsewhere(Elsewhere { wanted: location, registered }));
                }
                (Some(Outcome::Failed) | None, _) if stop.is_some() => {}
                (Some(Outcome::Failed) | None, Claim::Unfit(reason)) => {
                    self.report.failed += 1;
                    (self.tell)(Finding::Unfit { location, reason });
                }
                (Some(Outcome::Failed) | None, _) => {
                    self.report.missing += 1;
                    self.report.failed += 1;
                    (self.tell)(Finding::Missing(location));
                }
            }
        }
        if let Some(stop) = stop {
            return Err(stop);
        }
        self.report.failures.extend(registration.failures);
        Ok(())
    }

    /// Tells what would be done with folders that have data.
    fn tell_claims(&mut self, columns: &PartitionColumns, claims: Vec<(Found, Claim)>) {
        let mut missing: BTreeMap<Partition, String> = BTreeMap::new();
        for (found, claim) in claims {
            let location = self.maintainer.location(&found.folder);
            match claim {
                Claim::Missing(of_table) => match missing.get(&of_table) {
                    None => {
                        self.report.missing += 1;
                        (self.tell)(Finding::Missing(location.clone()));
                        missing.insert(of_table, location);
                    }
                    Some(first) => {
                        self.report.elsewhere += 1;
                        (self.tell)(Finding::Elsewhere(Elsewhere { wanted: location, registered: first.clone() }));
                    }
                },
                Claim::Elsewhere(registered) => {
                    self.report.elsewhere += 1;
                    (self.tell)(Finding::Elsewhere(Elsewhere { wanted: location, registered }));
                }
                Claim::Unfit(reason) => {
                    self.report.failed += 1;
                    (self.tell)(Finding::Unfit { location, reason });
                }
            }
        }
        let with_locations = missing.iter().map(|(partition, location)| (partition, location.as_str()));
        let (statements, unwritable) = statements(self.table, columns, with_locations, SHOWN_STATEMENT);
        for statement in statements {
            (self.tell)(Finding::Statement(statement.sql().to_owned()));
        }
        for unwritable in unwritable {
            let location = missing.get(&unwritable.partition).cloned().unwrap_or_default();
            self.report.failed += 1;
            (self.tell)(Finding::Unfit { location, reason: unwritable.reason.to_string() });
        }
    }

    /// Holds what is registered against the folders, from the place on.
    async fn look_for_gone(&mut self, columns: &PartitionColumns) -> Result<(), Stopped> {
        while let Place::Catalog { catalog: token, after } = self.place.clone() {
            let (registered, next) = self.registered(columns, token.clone()).await?;
            let mut searches: VecDeque<Search> = VecDeque::new();
            for folder in registered.keys().filter(|folder| Some(*folder) > after.as_ref()) {
                match searches.back_mut() {
                    Some(search) if search.parent == parent(folder) => search.wanted.push_back(folder.clone()),
                    _ => searches.push_back(Search::new(folder)),
                }
            }
            while !searches.is_empty() {
                self.lister.need(FOR_REGISTERING)?;
                let some = searches.iter().take(AT_ONCE).map(|search| self.lister.search(search));
                let listings = join_all(some).await;
                let mut stopped = None;
                for (search, listed) in searches.iter_mut().zip(listings) {
                    match listed {
                        Ok(listing) => search.learn(listing),
                        Err(error) => stopped = stopped.or(Some(error)),
                    }
                }
                // In order, so that it is known up to where all is done.
                while let Some(search) = searches.front_mut() {
                    for (folder, is_there) in search.known.drain(..) {
                        self.report.registered += 1;
                        if let Some((partition, location)) = registered.get(&folder)
                            && !is_there
                        {
                            self.report.gone += 1;
                            let (location, statement) = (location.clone(), removal(self.table, columns, partition));
                            (self.tell)(Finding::Gone { location, statement });
                        }
                        self.place = Place::Catalog { catalog: token.clone(), after: Some(folder) };
                    }
                    if !search.wanted.is_empty() {
                        break;
                    }
                    searches.pop_front();
                }
                if let Some(stopped) = stopped {
                    return Err(stopped);
                }
            }
            match next {
                Some(_) => self.place = Place::Catalog { catalog: next, after: None },
                None => break,
            }
        }
        Ok(())
    }

    /// Some of what is registered, from a page on: the partitions that lie where the layout has them, by their folders, and the
    /// token of the page after.
    async fn registered(
        &mut self,
        columns: &PartitionColumns,
        mut token: Option<String>,
    ) -> Result<(BTreeMap<String, (Partition, String)>, Option<String>), Stopped> {
        let (mut registered, mut seen) = (BTreeMap::new(), 0);
        loop {
            let page = match self.lister.need(FOR_SETTLING) {
                Ok(()) => {
                    let page = self.maintainer.catalog().list(token.as_deref(), self.lister.invocation.attempt).await;
                    self.report.lookups += u64::from(was_made(&page));
                    page.map_err(|error| stopped("list the catalog", error))
                }
                Err(stopped) => Err(stopped),
            };
            let page = match page {
                Ok(page) => page,
                // What is known is held against the bucket first.
                Err(_) if seen > 0 => return Ok((registered, token)),
                Err(stopped) => {
                    // A token does not hold for ever: then it is all to be done again.
                    if matches!(stopped, Stopped::Failed { error: CatalogError::Rejected(_), .. }) {
                        self.place = Place::Catalog { catalog: None, after: None };
                    }
                    return Err(stopped);
                }
            };
            seen += page.partitions.len();
            for (partition, location) in page.partitions {
                if let Some(folder) = self.home(columns, &partition, &location) {
                    registered.insert(folder, (partition, location));
                } else {
                    self.report.registered += 1;
                    self.report.outside += 1;
                }
            }
            token = page.next;
            if token.is_none() || seen >= CHUNK {
                return Ok((registered, token));
            }
        }
    }

    /// The folder of a registered partition, if it lies where the layout has it.
    fn home(&self, columns: &PartitionColumns, partition: &Partition, location: &str) -> Option<String> {
        let folder = location.strip_prefix(&self.maintainer.location(""))?;
        let folder = format!("{}/", folder.strip_suffix('/').unwrap_or(folder));
        match self.lister.layout.kind_of_folder(&folder) {
            Ok(Folder::Of(own)) if columns.canonical(&own).as_ref() == Ok(partition) => Some(folder),
            _ => None,
        }
    }
}

/// What a folder that is not registered is to the catalog.
enum Claim {
    /// Its partition is not registered: this one of the table.
    Missing(Partition),
    /// It is registered there.
    Elsewhere(String),
    /// It can be no partition of the table.
    Unfit(String),
}

/// Why not all folders were looked at.
struct Cut {
    stopped: Stopped,
    /// The last that was.
    behind: Option<String>,
}

/// The bucket, with the time in which it can be looked into.
struct Lister<'r, B> {
    bucket: &'r B,
    layout: &'r Layout,
    invocation: Invocation<'r>,
    listings: AtomicU64,
}

/// Folders that are looked for in the one in which they lie.
struct Search {
    parent: String,
    after: Option<String>,
    /// Those that are not found out yet, in order.
    wanted: VecDeque<String>,
    /// Those that are, in order: whether they are there.
    known: Vec<(String, bool)>,
}

impl Search {
    fn new(folder: &str) -> Self {
        let (parent, wanted) = (parent(folder).to_owned(), VecDeque::from([folder.to_owned()]));
        Self { parent, after: None, wanted, known: Vec::new() }
    }

    /// Takes in a page of what is there.
    fn learn(&mut self, listing: Listing) {
        let there: BTreeSet<String> = listing.folders.into_iter().collect();
        while let Some(folder) = self.wanted.pop_front() {
            let is_there = there.contains(&folder);
            if !is_there && listing.next.as_ref().is_some_and(|next| *next < folder) {
                self.wanted.push_front(folder);
                break;
            }
            self.known.push((folder, is_there));
        }
        self.after = listing.next;
    }
}

impl<B: Bucket + Sync> Lister<'_, B> {
    /// Whether there is more time than so many milliseconds.
    fn need(&self, milliseconds: i64) -> Result<(), Stopped> {
        let deadline = self.invocation.attempt.deadline.duration_since(UNIX_EPOCH).unwrap_or_default();
        let deadline = i64::try_from(deadline.as_millis()).unwrap_or(i64::MAX);
        if (self.invocation.now)() < deadline.saturating_sub(milliseconds) { Ok(()) } else { Err(Stopped::Deadline) }
    }

    async fn list(&self, folder: &str, after: Option<&str>, at_most: usize) -> Result<Listing, Stopped> {
        self.listings.fetch_add(1, Ordering::Relaxed);
        let listing = self.bucket.list(folder, after, at_most, self.invocation.attempt).await;
        let trying =
            || if folder.is_empty() { "list the bucket".to_owned() } else { format!("list the folder `{folder}`") };
        listing.map_err(|error| stopped(&trying(), error))
    }

    /// The answers to questions, as many as there are before the first that fails, and why that did.
    async fn list_all(&self, questions: &[Question]) -> (Vec<Listing>, Option<Stopped>) {
        if let Err(stopped) = self.need(FOR_SETTLING) {
            return (Vec::new(), Some(stopped));
        }
        let list = |question: &Question| {
            let Question { folder, after } = question.clone();
            async move { self.list(&folder, after.as_deref(), PAGE).await }
        };
        let mut answers = Vec::new();
        for listed in join_all(questions.iter().map(list)).await {
            match listed {
                Ok(listing) => answers.push(listing),
                Err(stopped) => return (answers, Some(stopped)),
            }
        }
        (answers, None)
    }

    /// Whether a partition's folder has an object that an event would have told of: of the layout, and not empty.
    async fn has_data(&self, folder: &str) -> Result<bool, Stopped> {
        // A folder of random strings has its objects in others.
        let mut folders = vec![(folder.to_owned(), None)];
        while let Some((inside, after)) = folders.pop() {
            self.need(FOR_REGISTERING)?;
            let listing = self.list(&inside, after.as_deref(), PAGE).await?;
            let counts = |(key, bytes): &(String, u64)| {
                let located = || self.layout.locate(&ObjectKey::from_plain(key.as_str()));
                *bytes > 0 && located().is_ok_and(|(_, prefix)| prefix == folder)
            };
            if listing.objects.iter().any(counts) {
                return Ok(true);
            }
            folders.extend(listing.next.map(|next| (inside, Some(next))));
            let is_inside = |folder: &String| matches!(self.layout.kind_of_folder(folder), Ok(Folder::Inside(_)));
            folders.extend(listing.folders.into_iter().rev().filter(is_inside).map(|folder| (folder, None)));
        }
        Ok(false)
    }

    /// Lists from the first folder on that is looked for, no further than needed.
    async fn search(&self, search: &Search) -> Result<Listing, Stopped> {
        let first = search.wanted.front().map(|folder| before(folder));
        let after = first.max(search.after.clone());
        let at_most = if search.wanted.len() == 1 { 1 } else { PAGE };
        self.list(&search.parent, after.as_deref(), at_most).await
    }
}

fn stopped(trying: &str, error: CatalogError) -> Stopped {
    match error {
        // It was not even tried, or did not end, for want of time.
        CatalogError::NotStarted(_) | CatalogError::TimedOut(_) => Stopped::Deadline,
        error => Stopped::Failed { trying: trying.to_owned(), error },
    }
}

/// Whether whatever is tried next would fail as well.
fn is_general(error: &CatalogError) -> bool {
    match error {
        CatalogError::Throttled(_)
        | CatalogError::Denied(_)
        | CatalogError::Table(_)
        | CatalogError::NotStarted(_)
        | CatalogError::TimedOut(_)
        | CatalogError::Unavailable(_) => true,
        CatalogError::Rejected(_)
        | CatalogError::Failed { .. }
        | CatalogError::Unfit(_)
        | CatalogError::Cancelled(_) => false,
    }
}

#[cfg(test)]
mod tests;
