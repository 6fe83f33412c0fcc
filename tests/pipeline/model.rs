//! The pipeline against a simpler one: a map from component to records.

use crate::headgate::{Place, Workshop};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The component that a record belongs to, by the rules in a few lines. (The names made here are never too long.)
fn expected_name(record: &[u8]) -> Option<String> {
    let record: Value = serde_json::from_slice(record).ok()?;
    let text = |name: &str| record.get(name)?.as_str().map(str::to_owned);
    let number = |name: &str| record.get(name).is_none_or(|value| value.is_null() || value.is_number());
    (text("fromTimestamp").is_some() && text("metricName").is_some() && number("minValue")).then_some(())?;
    text("componentName").filter(|name| !name.is_empty())
}

fn records() -> impl Strategy<Value = Vec<u8>> {
    let good = (any::<String>(), any::<f64>()).prop_map(|(name, value)| {
        json!({ "componentName": name, "fromTimestamp": "t", "metricName": "m", "minValue": value })
            .to_string()
            .into_bytes()
    });
    let odd = ("componentName|other", proptest::sample::select(&["\"a\"", "5", "null", "\"\"", "[]"][..])).prop_map(
        |(field, value)| format!("{{\"{field}\":{value},\"fromTimestamp\":\"t\",\"metricName\":\"m\"}}").into_bytes(),
    );
    let junk = proptest::collection::vec(any::<u8>().prop_filter("a line", |byte| *byte != b'\n'), 0..20);
    prop_oneof![4 => good, 2 => odd, 1 => junk]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_lake_holds_what_a_map_would(records in proptest::collection::vec(records(), 0..40)) {
        let mut delivered: BTreeMap<String, usize> = BTreeMap::new();
        let mut failed = 0;
        for record in &records {
            match expected_name(record) {
                Some(name) => *delivered.entry(name).or_default() += 1,
                None => failed += 1,
            }
        }
        let workshop = Workshop::new();
        let input: Vec<u8> = records.iter().flat_map(|record| [record.as_slice(), b"\n"].concat()).collect();
        let said = workshop.run_with_input(&["-"], &input);
        prop_assert_eq!(said.status, 0);
        let counted = format!("read: {} delivered, 0 dropped, {failed} rejected", delivered.values().sum::<usize>());
        prop_assert!(said.output.starts_with(&format!("{} record", records.len())), "{}", said.output);
        prop_assert!(said.output.contains(&counted), "{}", said.output);

        let in_lake = workshop.records();
        prop_assert_eq!(in_lake.iter().filter(|(place, _)| *place == Place::Errors).count(), failed);
        let name_of_folder: BTreeMap<String, String> =
            workshop.partitions().into_iter().map(|(name, folder)| (folder, name)).collect();
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        for (place, record) in &in_lake {
            if let Place::Folder(folder) = place {
                let name = name_of_folder[folder].clone();
                prop_assert_eq!(expected_name(record), Some(name.clone()), "in `{}`", folder);
                *found.entry(name).or_default() += 1;
            }
        }
        prop_assert_eq!(&found, &delivered);
        let registered: BTreeSet<String> = workshop.partitions().into_iter().map(|(name, _)| name).collect();
        prop_assert_eq!(registered, delivered.into_keys().collect());
    }
}
