//! NVD's products, which a record fans out into for the published connector's table.

use super::*;
use crate::commands;
use crate::support::service::environment;
use posture::source::NVD_CONFIGURATIONS;
use serde_json::Value;

const ROWS_OF_A_RECORD: usize = 4;

fn products(microsoft: &Simulator) -> Vec<Value> {
    let mut received = microsoft.received();
    assert!(received.wrong_types.is_empty(), "{:?}", received.wrong_types);
    assert!(received.undeclared.is_empty(), "{:?}", received.undeclared);
    received.tables.remove(NVD_CONFIGURATIONS.name).unwrap_or_default()
}

/// The rows of NVD's records, by whether a whole read brought them.
fn whole(microsoft: &Simulator) -> BTreeSet<(String, bool)> {
    let received = microsoft.received().tables;
    let of =
        |row: &Value| (row["id"].as_str().unwrap().to_owned(), row["wholeRead"].as_bool().unwrap());
    received[NVD.table.name].iter().map(of).collect()
}

#[tokio::test]
async fn each_match_of_an_exposed_record_is_a_row_of_the_connectors_table() {
    let (microsoft, folder) = (support::microsoft(5).await, Folder::new());
    let app = app(&microsoft, &folder);
    microsoft.inject(exposing(&["CVE-2021-44228", "CVE-2017-0144"]));
    run::run(&app, &support::job(&app, VULNERABILITIES)).await;

    let report = collect(&app, NVD, 0).await;

    assert_eq!((report.status, report.tally.sent), (Status::Complete, 2), "{report}");
    let rows = products(&microsoft);
    let ids: BTreeSet<_> = rows.iter().map(|row| row["RecordId"].as_str().unwrap()).collect();
    assert_eq!((rows.len(), ids.len()), (2 * ROWS_OF_A_RECORD, rows.len()));
    assert!(rows.iter().all(|row| row["RunId"] == report.run.as_str()));
    let kept = support::kept_lines(&*app.ledger, NVD).await;
    assert_eq!(
        kept.len() as u64,
        report.tally.kept,
        "the ledger keeps records, not their products"
    );
    let tables = ["MDVMNISTConfigurations_CL", "MDVMNISTCVEKB_CL"];
    let Some(answers) = crate::kql::answers(&microsoft.received().tables, &tables) else { return };
    let [products, records] = &answers[..] else { panic!() };
    assert_eq!((&products.refused, &records.refused), (&None, &None));
    assert_eq!((products.rows.len(), records.rows.len()), (rows.len(), 2));
    let of_gate = |row: &&Value| row["criteria"].as_str().unwrap().contains(":gate:");
    let gate = products.rows.iter().find(of_gate).unwrap();
    assert_eq!((&gate["configurationNumber"], &gate["nodeOperator"]), (&2.into(), &"OR".into()));
    assert_eq!(
        (&gate["configurationNegate"], &gate["vulnerable"]),
        (&"false".into(), &true.into())
    );
    assert_eq!(gate["transactionId"], report.run.as_str());
    assert!(records.rows.iter().all(|row| row["fullImport"] == true));
}

#[tokio::test]
async fn a_row_says_whether_a_whole_read_brought_it() {
    let (microsoft, folder) = (support::microsoft(5).await, Folder::new());
    let app = app(&microsoft, &folder);
    microsoft.inject(exposing(&["CVE-2021-44228", "CVE-2017-0144"]));
    run::run(&app, &support::job(&app, VULNERABILITIES)).await;
    let known = |id: &str, whole: bool| (id.to_owned(), whole);

    collect(&app, NVD, 0).await;
    assert_eq!(
        whole(&microsoft),
        [known("CVE-2017-0144", true), known("CVE-2021-44228", true)].into()
    );
    microsoft.touch_nvd(1);
    microsoft.clear_faults();
    microsoft.inject(exposing(&["CVE-2021-44228", "CVE-2017-0144", "CVE-2024-38063"]));
    run::run(&app, &support::later(&app, VULNERABILITIES, 60)).await;
    collect(&app, NVD, 300).await;

    let later = whole(&microsoft);
    assert!(later.contains(&known("CVE-2021-44228", false)), "modified: {later:?}");
    assert!(later.contains(&known("CVE-2024-38063", false)), "by name: {later:?}");
    assert_eq!(later.len(), 4, "{later:?}");
}

/// A rule that was deployed before the stream came, or without it, doesn't cost the records.
#[tokio::test]
async fn a_workspace_that_refuses_the_products_gets_the_records() {
    let (microsoft, folder) = (support::microsoft(5).await, Folder::new());
    let app = app(&microsoft, &folder);
    run::run(&app, &support::job(&app, VULNERABILITIES)).await;
    for rule in microsoft.rules() {
        let stream = NVD_CONFIGURATIONS.stream();
        let path = format!("/dataCollectionRules/{rule}/streams/{stream}");
        microsoft.inject(Fault::new(Api::Logs, &path, status(404)).always());
    }

    let report = collect(&app, NVD, 0).await;

    assert_eq!(report.status, Status::Complete, "{report}");
    assert_eq!(rows(&microsoft, NVD, "id"), exposed(&app).await);
    assert!(products(&microsoft).is_empty());
}

#[tokio::test]
async fn products_go_only_where_classic_tables_are_on() {
    for (value, expected) in [("off", false), ("on", true)] {
        let (microsoft, folder) = (support::microsoft(3).await, Folder::new());
        let ours = [
            ("POSTURE_CVE", "on".to_owned()),
            ("POSTURE_LIMITS", "off".to_owned()),
            ("POSTURE_NVD_URL", microsoft.nvd_url()),
            ("POSTURE_CLASSIC_TABLES", value.to_owned()),
        ];
        let ours = ours.map(|(name, value)| (name.to_owned(), value));
        let set: Vec<_> = environment(&microsoft, &folder.url()).into_iter().chain(ours).collect();
        let wanted = ["collect", "--source", "cve.nvd", "--source", "defender.vulnerabilities"];

        let (code, output, _) = commands::run(&set, &wanted).await;

        assert_eq!(code, Some(0), "{output}");
        assert!(!rows(&microsoft, NVD, "id").is_empty());
        assert_eq!(!products(&microsoft).is_empty(), expected, "{value}");
    }
}
