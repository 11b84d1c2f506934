//! host.json and every function.json against their schemas, written down after Microsoft's pages: the host
//! ignores a property that it doesn't know without a word, so these refuse it.

use super::json;
use crate::support::fake_host::Function;
use crate::support::tools;
use serde_json::Value;

/// Which of the documents fit a schema of `tests/fixtures/infra/schemas`.
fn fits(schema: &str, documents: &[Value]) -> Vec<bool> {
    tools::fits(&json(&format!("tests/fixtures/infra/schemas/{schema}.schema.json")), documents)
}

#[test]
fn host_json_fits_its_schema_and_a_misspelt_one_would_not() {
    let host = json("host.json");
    let mut misspelt = host.clone();
    misspelt["extensions"]["queues"]["batchsize"] = 4.into();
    let mut too_long = host.clone();
    too_long["extensions"]["queues"]["batchSize"] = 33.into();

    assert_eq!(fits("host", &[host, misspelt, too_long]), [true, false, false]);
}

#[test]
fn every_function_json_fits_its_schema_and_a_wrong_one_would_not() {
    let mut documents: Vec<_> = Function::all()
        .iter()
        .map(|function| json(&format!("{}/function.json", function.name)))
        .collect();
    let good = documents.len();
    let mut wrong = documents[0].clone();
    wrong["bindings"][0]["direction"] = "inwards".into();
    documents.push(wrong);

    let found = fits("function", &documents);

    assert!(good >= 5 && found[..good].iter().all(|fits| *fits), "{found:?}");
    assert!(!found[good], "the check has turned silent");
}
