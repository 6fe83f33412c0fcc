//! How large the objects are.

use super::share;
use crate::summary::grouped;

/// The sizes of some objects.
pub(super) struct Sizes {
    pub(super) smallest: String,
    pub(super) median: String,
    pub(super) largest: String,
    /// In bytes, for who reads the page by program.
    pub(super) exactly: [u64; 3],
    pub(super) classes: Vec<Class>,
}

/// Objects of about one size.
pub(super) struct Class {
    pub(super) label: String,
    pub(super) objects: u64,
    pub(super) number: String,
    pub(super) share: String,
    /// The length of its bar; that of the largest class is 1,000.
    pub(super) length: u64,
}

const KIB: u64 = 1_024;
const MIB: u64 = 1_024 * KIB;

/// Where a class ends and the next begins: steps of four, and what Athena likes.
const BOUNDS: [u64; 10] = [KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB, 16 * MIB, 64 * MIB, 128 * MIB];

impl Sizes {
    /// The sizes of these objects, in bytes; none if there is no object.
    pub(super) fn new(sizes: impl Iterator<Item = u64>) -> Option<Self> {
        let mut sizes: Vec<u64> = sizes.collect();
        sizes.sort_unstable();
        let (smallest, largest) = (*sizes.first()?, *sizes.last()?);
        let median = *sizes.get((sizes.len() - 1) / 2)?;
        let all = sizes.len() as u64;
        let mut classes = Vec::new();
        let mut rest = sizes.as_slice();
        let lower = std::iter::once(0).chain(BOUNDS);
        let upper = BOUNDS.into_iter().map(Some).chain([None]);
        for (lower, upper) in lower.zip(upper) {
            let (here, more) =
                rest.split_at(upper.map_or(rest.len(), |upper| rest.partition_point(|size| *size < upper)));
            rest = more;
            classes.push((lower, upper, here.len() as u64));
        }
        let fullest = classes.iter().map(|(_, _, objects)| *objects).max().unwrap_or_default().max(1);
        // From the smallest to the largest that there is.
        let known = |(lower, upper, _): &(u64, Option<u64>, u64)| {
            *lower <= largest && upper.is_none_or(|upper| smallest < upper)
        };
        let class = |(lower, upper, objects)| Class {
            label: match upper {
                None => format!("{} and more", bytes(lower)),
                Some(upper) if lower == 0 => format!("below {}", bytes(upper)),
                Some(upper) => format!("{} to {}", bytes(lower), bytes(upper)),
            },
            objects,
            number: grouped(objects),
            share: share(objects, all),
            length: (objects * 1_000).div_ceil(fullest),
        };
        Some(Self {
            smallest: bytes(smallest),
            median: bytes(median),
            largest: bytes(largest),
            exactly: [smallest, median, largest],
            classes: classes.into_iter().filter(known).map(class).collect(),
        })
    }
}

/// A number of bytes as a person reads it.
#[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
pub(super) fn bytes(bytes: u64) -> String {
    let units = [(1_024 * MIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        None => format!("{} B", grouped(bytes)),
        Some((unit, name)) if bytes.is_multiple_of(unit) => format!("{} {name}", grouped(bytes / unit)),
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / unit as f64),
    }
}
