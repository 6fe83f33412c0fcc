//! The walk down the bucket, level by level: pure, it says what to list, and is told what is there.

use super::bucket::{Listing, past};
use shared::layout::{Folder, KeyFault, Layout};
use shared::partition::Partition;
use std::collections::VecDeque;

/// What there is still to walk, in the order of keys, which is that in which S3 lists them.
///
/// Whatever the layout says by itself is not listed: of `traffic/year=…/` the first is known. What is held are the folders of
/// a few pages for each level, however large the bucket is.
#[derive(Debug)]
pub(super) struct Walk<'l> {
    layout: &'l Layout,
    steps: VecDeque<Step>,
    behind: Option<String>,
}

#[derive(Debug)]
enum Step {
    List(Question),
    Take(Found),
}

/// A folder to be listed, after a text if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) folder: String,
    pub(super) after: Option<String>,
}

/// The folder of a partition. It may be empty, and may not even exist if the layout alone says its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) folder: String,
    pub(super) partition: Partition,
}

impl<'l> Walk<'l> {
    /// A walk over all that comes after a text, in the order of keys: a folder, which is then behind with all that is in it,
    /// or any other text.
    pub(super) fn new(layout: &'l Layout, after: &str) -> Self {
        let mut walk = Self { layout, steps: VecDeque::new(), behind: None };
        // Of each folder in which the place lies what comes after it; the deepest first, as keys are ordered.
        let mut bound = if after.ends_with('/') { past(after) } else { after.to_owned() };
        loop {
            let folder = bound.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
            if walk.layout.kind_of_folder(&folder) == Ok(Folder::Above) {
                let step = if let Some(name) = walk.layout.folder_name(depth(&folder)) {
                    let only = format!("{folder}{name}/");
                    if only > bound { walk.enter(only) } else { None }
                } else {
                    let after = Some(bound).filter(|bound| !bound.is_empty());
                    Some(Step::List(Question { folder: folder.clone(), after }))
                };
                walk.steps.extend(step);
            }
            if folder.is_empty() {
                return walk;
            }
            bound = past(&folder);
        }
    }

    /// The next partition's folder, unless something has to be listed before it is known which that is.
    pub(super) fn take(&mut self) -> Option<Found> {
        let step = self.steps.pop_front()?;
        let Step::Take(found) = step else {
            self.steps.push_front(step);
            return None;
        };
        self.behind = Some(found.folder.clone());
        Some(found)
    }

    /// What is to be listed next, the first so many of it; nothing at the end of the walk.
    pub(super) fn questions(&self, at_most: usize) -> Vec<Question> {
        let question = |step: &Step| match step {
            Step::List(question) => Some(question.clone()),
            Step::Take(_) => None,
        };
        self.steps.iter().filter_map(question).take(at_most).collect()
    }

    /// Goes on by the answers to the first questions; gives the folders that are not of the layout.
    pub(super) fn tell(&mut self, answers: Vec<Listing>) -> Vec<String> {
        let mut foreign = Vec::new();
        let mut answers = answers.into_iter();
        let mut steps = VecDeque::new();
        for step in std::mem::take(&mut self.steps) {
            let question = match step {
                Step::List(question) if answers.len() > 0 => question,
                step => {
                    steps.push_back(step);
                    continue;
                }
            };
            let Some(listing) = answers.next() else { continue };
            for folder in listing.folders {
                match self.layout.kind_of_folder(&folder) {
                    Ok(Folder::Above | Folder::Of(_)) => steps.extend(self.enter(folder)),
                    // Below partitions nothing is listed.
                    Ok(Folder::Inside(_)) | Err(KeyFault::ErrorObject | KeyFault::Hidden | KeyFault::FolderMarker) => {}
                    Err(KeyFault::Foreign | KeyFault::Value(_)) => foreign.push(folder),
                }
            }
            if steps.is_empty() {
                self.behind = listing.next.clone().or(Some(question.folder.clone()));
            }
            if listing.next.is_some() {
                steps.push_back(Step::List(Question { after: listing.next, ..question }));
            }
        }
        self.steps = steps;
        foreign
    }

    /// Whether there is nothing left.
    pub(super) fn is_at_end(&self) -> bool {
        self.steps.is_empty()
    }

    /// How far the walk is: all up to there was taken, or is not to be. It can be gone on after that.
    pub(super) fn behind(&self) -> Option<&str> {
        self.behind.as_deref()
    }

    /// What is to be done with a folder of ours; those that the layout names are passed through.
    fn enter(&self, mut folder: String) -> Option<Step> {
        loop {
            match self.layout.kind_of_folder(&folder).ok()? {
                Folder::Of(partition) => return Some(Step::Take(Found { folder, partition })),
                Folder::Inside(_) => return None,
                Folder::Above => match self.layout.folder_name(depth(&folder)) {
                    Some(name) => {
                        folder.push_str(name);
                        folder.push('/');
                    }
                    None => return Some(Step::List(Question { folder, after: None })),
                },
            }
        }
    }
}

/// How many folders a path has.
fn depth(path: &str) -> usize {
    path.matches('/').count()
}

/// The folder in which a folder lies; nothing for the bucket's root.
pub(super) fn parent(folder: &str) -> &str {
    let end = folder.strip_suffix('/').unwrap_or(folder).rfind('/').map_or(0, |place| place + 1);
    folder.get(..end).unwrap_or_default()
}
