//! Every query of the content: bound by Microsoft's language service, and run over the demo's rows.

use super::workspace;
use crate::kql::{asked, bind_beside_microsofts};
use serde_json::{Value, json};

/// Queries that the engine refuses, each with the construct that it lacks.
const REFUSED: &[(&str, &str)] = &[];

fn all() -> Vec<Value> {
    let queries = content::queries().unwrap();
    queries.iter().map(|query| json!({ "name": query.name, "text": query.text })).collect()
}

#[test]
fn every_query_binds() {
    let queries = all();
    let there = queries.len();

    let bound = bind_beside_microsofts(queries);

    assert_eq!(bound.len(), there);
    bound.iter().for_each(|bound| assert_eq!(bound.errors, [""; 0], "{}", bound.name));
}

#[tokio::test]
async fn the_engine_takes_every_query() {
    let queries = all();
    let there = queries.len();
    let Some(answers) = asked(workspace::demo().await, queries) else { return };

    for answer in answers {
        let listed = REFUSED.iter().any(|(name, _)| *name == answer.name);
        assert_eq!(answer.refused.is_some(), listed, "{}: {:?}", answer.name, answer.refused);
    }
    assert!(REFUSED.len() * 10 <= there, "too many are refused");
}
