//! NVD's pages where it takes too long over them.

use super::*;

/// Largest pages that were asked for, in order, one entry for each size.
fn sizes(microsoft: &Simulator) -> Vec<u64> {
    let asked = microsoft.requests();
    let asked = asked.iter().filter(|seen| seen.api == Api::Nvd);
    let size = |query: &str| {
        let rest = query.split("resultsPerPage=").nth(1)?;
        rest.split('&').next()?.parse().ok()
    };
    let mut sizes: Vec<u64> = asked.filter_map(|seen| size(&seen.query)).collect();
    sizes.dedup();
    sizes
}

#[tokio::test]
async fn a_page_that_nvd_takes_too_long_over_is_halved_and_nothing_is_lost_or_doubled() {
    // Of so many devices it has more records than its largest page.
    let (microsoft, folder) = (support::microsoft(1_500).await, Folder::new());
    let app = app(&microsoft, &folder);
    microsoft.slow_nvd(600);

    let report = collect(&app, NVD, 0).await;

    assert_eq!(report.status, Status::Complete, "{report}");
    assert_eq!(sizes(&microsoft), [2_000, 1_000, 500], "and stays so");
    let lines = support::kept_lines(&*app.ledger, NVD).await;
    let id = |line: &String| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["id"].as_str().unwrap().to_owned()
    };
    let ids: BTreeSet<_> = lines.iter().map(id).collect();
    assert!(lines.len() > 3_000, "{}", lines.len());
    assert_eq!((ids.len() as u64, lines.len()), (report.tally.kept, ids.len()));
}

#[tokio::test]
async fn where_nvd_manages_no_page_at_all_the_run_fails_and_says_so() {
    let (microsoft, folder) = (support::microsoft(5).await, Folder::new());
    let app = app(&microsoft, &folder);
    microsoft.slow_nvd(100);

    let report = collect(&app, NVD, 0).await;

    assert_eq!(report.status, Status::Failed, "{report}");
    assert!(report.message.contains("answered 524"), "{report}");
    assert_eq!(sizes(&microsoft), [2_000, 1_000, 500, 250]);
}
