//! A run that the user ends.

use crate::headgate::{Place, Workshop, project, record};
use local::athena::{LocalCatalog, SharedCatalog};
use local::deployment::{Choice, Deployment};
use local::firehose::{Arrivals, Counts};
use local::functions::{InProcess, idle_runtime};
use local::lake::{Lake, LakeDestination};
use local::pipeline::{Pipeline, Progress, Watcher};
use std::cell::Cell;
use std::collections::BTreeSet;

/// What became of 70,000 records of two components, each thousandth of which is none, if the user wants no more once so many
/// of them were read; the second component comes after 5,000.
fn run_until(workshop: &Workshop, wanted: u64) -> Counts {
    let choice = Choice {
        template: project().join("template.yaml"),
        config_env: "default".to_owned(),
        parameter_overrides: vec![],
    };
    let pipeline = Pipeline::new(Deployment::read(&choice).unwrap());
    let (lake, catalog) = Lake::open(&workshop.path("lake")).unwrap();
    let catalog = SharedCatalog::new(pipeline.prepare(&lake, catalog).unwrap());
    let config = &pipeline.deployment().maintainer_config;
    let registering = LocalCatalog::new(catalog.clone(), &config.table, &config.registration);
    let functions = InProcess::new(pipeline.deployment(), registering, idle_runtime());
    let destination = LakeDestination { lake: &lake, bucket: pipeline.bucket(), catalog };
    let input: Vec<u8> = (0..70_000)
        .flat_map(|n| {
            if n % 1_000 == 999 { b"{".to_vec() } else { record(if n < 5_000 { "a" } else { "b" }) }
                .into_iter()
                .chain(*b"\n")
        })
        .collect();
    let asked = Cell::new(0);
    let mut told = Progress::default();
    let watcher = Watcher {
        progress: &mut |progress| told = progress,
        interrupted: &|| {
            asked.set(asked.get() + 1);
            asked.get() > wanted
        },
    };
    let summary = pipeline
        .run(
            [input.as_slice()],
            Arrivals::paced(&pipeline.deployment().stream.source, 0),
            &functions,
            &destination,
            watcher,
        )
        .unwrap();
    assert_eq!(told.records, summary.counts.read);
    let bytes =
        input.split_inclusive(|byte| *byte == b'\n').take(usize::try_from(told.records).unwrap()).map(<[u8]>::len);
    assert_eq!(told.bytes, bytes.sum::<usize>() as u64);
    summary.counts
}

#[test]
fn each_record_is_accounted_for_wherever_a_run_is_interrupted() {
    for wanted in [0, 1, 9_999, 10_002, 30_000, 60_500, 65_432, 69_999, 70_000] {
        let workshop = Workshop::new();
        let counts = run_until(&workshop, wanted);
        assert_eq!(counts.read, wanted);
        assert_eq!(counts.read, counts.delivered + counts.dropped + counts.rejected() + counts.not_written, "{wanted}");
        let records = workshop.records();
        let failed = records.iter().filter(|(place, _)| *place == Place::Errors).count() as u64;
        assert_eq!((records.len() as u64 - failed, failed), (counts.delivered, counts.rejected()), "{wanted}");
        // All that is written is registered, and nothing else.
        let folders: BTreeSet<&Place> = records.iter().map(|(place, _)| place).collect();
        let registered: BTreeSet<Place> =
            workshop.partitions().into_iter().map(|(_, folder)| Place::Folder(folder)).collect();
        assert!(folders.into_iter().filter(|place| **place != Place::Errors).eq(&registered), "{wanted}");
    }
}

#[test]
fn a_run_that_nobody_interrupts_writes_all() {
    let counts = run_until(&Workshop::new(), u64::MAX);
    assert_eq!((counts.read, counts.delivered, counts.rejected(), counts.not_written), (70_000, 69_930, 70, 0));
}
