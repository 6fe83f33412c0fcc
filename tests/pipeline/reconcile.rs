//! A lake whose catalog is behind its folders, or ahead of them.

use crate::headgate::{BUCKET, Said, Workshop, project, record};
use local::cli::{self, Console};
use registrar::awkward::TEXTS;
use serde_json::Value;
use std::ffi::OsString;
use std::fs;

/// Runs `headgate reconcile` on the lake `lake` of a workshop.
fn reconcile(workshop: &Workshop, arguments: &[&str]) -> Said {
    let mut all: Vec<OsString> = ["headgate", "reconcile", "--template"].map(OsString::from).into();
    all.extend([project().join("template.yaml").into(), "--lake".into(), workshop.path("lake").into()]);
    all.extend(arguments.iter().map(OsString::from));
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let console = Console { input: Box::new(&b""[..]), output: &mut output, errors: &mut errors };
    let status = cli::main(all, console);
    let folder = workshop.path("");
    let folder = folder.to_str().unwrap().trim_end_matches('/');
    let shown = |bytes| {
        String::from_utf8(bytes)
            .unwrap()
            .replace(folder, "DIR")
            .replace(project().to_str().unwrap(), "PROJECT")
            .replace(BUCKET, "BUCKET")
    };
    Said { status, output: shown(output), errors: shown(errors) }
}

/// A lake with these components.
fn lake(names: &[&str]) -> Workshop {
    let workshop = Workshop::new();
    let records: Vec<u8> = names.iter().flat_map(|name| [record(*name), b"\n".to_vec()].concat()).collect();
    let said = workshop.run_with_input(&["-"], &records);
    assert_eq!((said.status, said.errors.as_str()), (0, ""));
    workshop
}

/// Changes the partitions of the lake's table.
fn change(workshop: &Workshop, table: &str, change: impl FnOnce(&mut Vec<Value>)) {
    let path = workshop.path("lake/catalog.json");
    let mut catalog: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(catalog["tables"][table]["partitions"].as_array_mut().unwrap());
    fs::write(path, catalog.to_string()).unwrap();
}

const TABLE: &str = "headgate.component_metrics";

#[test]
fn what_the_catalog_lost_is_registered_as_it_was() {
    let names: Vec<&str> = TEXTS.into_iter().collect();
    let workshop = lake(&names);
    let before = workshop.partitions();
    assert!(before.len() > 20);
    change(&workshop, TABLE, Vec::clear);
    let said = reconcile(&workshop, &[]);
    assert_eq!((said.status, said.errors.as_str()), (0, ""), "{}", said.output);
    assert_eq!(workshop.partitions(), before);
    let said = reconcile(&workshop, &[]);
    let count = before.len();
    assert_eq!(
        said.output,
        format!(
            "{count} folders: 0 missing (0 registered now), 0 elsewhere, 0 failed; 0 not of the layout.\n{count} partitions: 0 gone.\n"
        )
    );
}

#[test]
fn each_system_can_be_reconciled() {
    for (config_env, table) in [
        ("store-inventory", "conversion_db.conversion_table"),
        ("traffic", "traffic.measurements"),
        ("counties", "counties.counties"),
        ("access-logs", "access_logs.requests"),
        ("syslog", "syslog.messages"),
    ] {
        let workshop = Workshop::new();
        assert_eq!(workshop.run(&["--config-env", config_env]).status, 0);
        let before = fs::read(workshop.path("lake/catalog.json")).unwrap();
        change(&workshop, table, Vec::clear);
        let said = reconcile(&workshop, &["--config-env", config_env]);
        assert_eq!((said.status, said.errors.as_str()), (0, ""), "{config_env}: {}", said.output);
        assert_eq!(fs::read(workshop.path("lake/catalog.json")).unwrap(), before, "{config_env}");
    }
}

#[test]
fn what_is_found_is_told() {
    let workshop = lake(&["a", "it's", "moved", "left"]);
    let of = |name: &'static str| move |partition: &Value| partition["values"][0] == name;
    change(&workshop, TABLE, |partitions| {
        partitions.retain(|partition| !of("it's")(partition));
        let moved = partitions.iter_mut().find(|partition| of("moved")(partition)).unwrap();
        moved["location"] = "s3://other/moved/".into();
    });
    fs::remove_dir_all(workshop.path("lake").join(BUCKET).join("left")).unwrap();
    fs::create_dir_all(workshop.path("lake").join(BUCKET).join("empty")).unwrap();
    let catalog = fs::read(workshop.path("lake/catalog.json")).unwrap();

    let said = reconcile(&workshop, &["--dry-run"]);
    assert_eq!((said.status, said.errors.as_str()), (0, ""));
    insta::assert_snapshot!(said.output, @r"
    missing    s3://BUCKET/it%27s/
    elsewhere  s3://BUCKET/moved/: its partition is registered at s3://other/moved/
    ALTER TABLE `headgate`.`component_metrics` ADD IF NOT EXISTS
      PARTITION (`componentname` = 'it\'s') LOCATION 's3://BUCKET/it%27s/';
    gone       s3://BUCKET/left/; to take it out:
    ALTER TABLE `headgate`.`component_metrics` DROP IF EXISTS PARTITION (`componentname` = 'left');
    3 folders: 1 missing (to be registered), 1 elsewhere, 0 failed; 0 not of the layout.
    3 partitions: 1 gone.
    ");
    assert_eq!(fs::read(workshop.path("lake/catalog.json")).unwrap(), catalog);

    let said = reconcile(&workshop, &[]);
    assert_eq!((said.status, said.errors.as_str()), (0, ""));
    insta::assert_snapshot!(said.output, @"
    missing    s3://BUCKET/it%27s/
    elsewhere  s3://BUCKET/moved/: its partition is registered at s3://other/moved/
    gone       s3://BUCKET/left/; to take it out:
    ALTER TABLE `headgate`.`component_metrics` DROP IF EXISTS PARTITION (`componentname` = 'left');
    3 folders: 1 missing (1 registered now), 1 elsewhere, 0 failed; 0 not of the layout.
    4 partitions: 1 gone.
    ");
    assert!(
        workshop.statements().last().unwrap().partitions[0].values.contains(&("componentname".into(), "it's".into()))
    );
}

#[test]
fn wrong_commands_are_told_and_change_nothing() {
    let workshop = lake(&["a"]);
    let catalog = fs::read(workshop.path("lake/catalog.json")).unwrap();
    let message = |arguments: &[&str]| {
        let said = reconcile(&workshop, arguments);
        assert_eq!((said.status, said.output.as_str()), (2, ""));
        said.errors
    };
    insta::assert_snapshot!(message(&["--config-env", "traffic"]), @"
    headgate: this cannot work:
      the lake `DIR/lake` has no table `traffic.measurements`, expected the `--config-env` that it was made with
    ");
    insta::assert_snapshot!(message(&["--parameter-overrides", "S3Prefix=x/!{partitionKeyFromLambda:y}/"]), @"
    headgate: this cannot work:
      `PROJECT/template.yaml`: the keys of the prefix and of the table differ: `y` and `componentname`
    ");
    assert_eq!(fs::read(workshop.path("lake/catalog.json")).unwrap(), catalog);
    let empty = Workshop::new();
    insta::assert_snapshot!(reconcile(&empty, &[]).errors, @"
    headgate: this cannot work:
      `DIR/lake` is no lake, expected one that `headgate run` has made
    ");
    assert!(!empty.path("lake").exists());
}
