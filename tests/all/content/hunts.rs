//! Hunting queries: each gives rows, of the demo's workspace or of a sample, with the columns that it names.

use super::samples::{self, Run, are, put};
use super::workspace;
use crate::kql::{Rows, asked, bind_beside_microsofts};
use content::hunts::{Hunt, all};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    hunt: String,
    runs: Vec<Run>,
    expected: Vec<Map<String, Value>>,
}

fn by_name() -> BTreeMap<String, Hunt> {
    all().unwrap().into_iter().collect()
}

fn query(name: &str, hunt: &Hunt) -> Value {
    json!({ "name": name, "text": hunt.query })
}

#[test]
fn every_column_that_names_an_entity_is_in_the_result() {
    let hunts = by_name();

    let bound =
        bind_beside_microsofts(hunts.iter().map(|(name, hunt)| query(name, hunt)).collect());

    for bound in bound {
        let columns: Vec<_> = bound.columns.iter().map(|column| column.name.as_str()).collect();
        for named in hunts[&bound.name].columns().into_iter().chain(["AadTenantId", "TenantName"]) {
            assert!(columns.contains(&named), "{}: {named} isn't among {columns:?}", bound.name);
        }
    }
}

#[test]
fn a_query_finds_what_its_sample_has_and_nothing_else() {
    let (hunts, samples) = (by_name(), samples::read::<Vec<Sample>>("hunts"));
    let mut rows = Rows::new();
    for Sample { hunt, runs, .. } in &samples {
        // Our batches may come twice; what Microsoft fills doesn't.
        for run in runs {
            let times = if run.source.is_some() { 2 } else { 1 };
            put(&mut rows, hunt, std::slice::from_ref(run), times, |_| false);
        }
    }
    let queries = samples.iter().map(|Sample { hunt, .. }| {
        let mut asked = query(hunt, &hunts[hunt]);
        asked["now"] = json!(samples::NOW);
        asked
    });
    let Some(answers) = asked(&rows, queries.collect()) else { return };

    for (Sample { hunt, expected, .. }, answer) in samples.iter().zip(answers) {
        assert_eq!(answer.refused, None, "{hunt}");
        let rows: Vec<_> =
            answer.rows.into_iter().filter(|row| row["AadTenantId"] == hunt.as_str()).collect();
        assert!(are(&rows, expected), "{hunt}: {rows:#?}");
    }
}

#[tokio::test]
async fn the_demos_workspace_answers_every_query_that_has_no_sample() {
    let samples = samples::read::<Vec<Sample>>("hunts");
    let mut hunts = by_name();
    hunts.retain(|name, _| !samples.iter().any(|sample| sample.hunt == *name));
    let queries = hunts.iter().map(|(name, hunt)| query(name, hunt)).collect();
    let Some(answers) = asked(workspace::demo().await, queries) else { return };

    assert_eq!(answers.len(), hunts.len());
    answers
        .iter()
        .for_each(|answer| assert!(!answer.rows.is_empty(), "{} finds nothing", answer.name));
}
