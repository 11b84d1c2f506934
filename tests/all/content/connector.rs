//! The page of the data connector, against the layout that Sentinel takes.

use super::schema;
use crate::support::tools::fits;
use serde_json::json;

#[test]
fn the_hubs_page_has_the_published_fields_and_a_misspelt_one_would_not() {
    let page = content::connector::page().unwrap();
    let mut misspelt = page.clone();
    let criteria = misspelt.as_object_mut().unwrap().remove("connectivityCriterias").unwrap();
    misspelt["connectivityCriteria"] = criteria;
    let mut empty = page.clone();
    empty["sampleQueries"] = json!([]);

    let found = fits(&schema("connector-page"), &[page, misspelt, empty]);

    assert_eq!(found, [true, false, false]);
}

#[test]
fn every_table_of_ours_is_on_the_page() {
    let page = content::connector::page().unwrap();
    let described = posture::describe::tables_json();
    let tables = described["tables"].as_array().unwrap();

    for list in ["graphQueries", "dataTypes"] {
        assert_eq!(page[list].as_array().unwrap().len(), tables.len(), "{list}");
    }
    for (table, kind) in tables.iter().zip(page["dataTypes"].as_array().unwrap()) {
        assert_eq!(table["name"], kind["name"]);
    }
}
