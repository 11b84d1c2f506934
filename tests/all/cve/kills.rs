//! A process that is killed amid a feed: the next one goes on, and nothing is lost or kept twice.

use super::*;
use crate::support::service::{Service, environment};
use futures::FutureExt;
use posture::ledger::{Ledger, path};
use posture::part;
use serde_json::{Value, json};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// Of so many devices NVD's records come in pages and parts, FIRST's in parts.
const DEVICES: u32 = 3_000;
/// A process is killed so many requests to the outside after it was given the job, and so much later.
const KILLS: [(usize, u64); 8] =
    [(1, 0), (1, 40), (2, 0), (2, 15), (3, 5), (4, 0), (5, 20), (6, 10)];

/// The environment of a process that reads the feeds, faster than the documented limits allow.
fn reading(microsoft: &Simulator, storage: &str) -> Vec<(String, String)> {
    let ours = [
        ("POSTURE_CVE", "on".to_owned()),
        ("POSTURE_LIMITS", "off".to_owned()),
        ("POSTURE_CLAIM_SECONDS", "1".to_owned()),
        ("POSTURE_KEV_URL", microsoft.kev_url()),
        ("POSTURE_KEV_MIRROR_URL", microsoft.kev_mirror_url()),
        ("POSTURE_EPSS_URL", microsoft.epss_url()),
        ("POSTURE_NVD_URL", microsoft.nvd_url()),
    ];
    let ours = ours.map(|(name, value)| (name.to_owned(), value));
    environment(microsoft, storage).into_iter().chain(ours).collect()
}

async fn json_at(ledger: &dyn Ledger, path: &str) -> Value {
    let kept = ledger.read(path).await.unwrap();
    kept.map(|(bytes, _)| serde_json::from_slice(&bytes).unwrap()).unwrap_or_default()
}

/// Kills processes at their work on a job; says how many of them had begun and not ended it.
async fn kills_amid(
    microsoft: &Simulator,
    environment: &[(String, String)],
    (ledger, message): (&dyn Ledger, &Value),
) -> usize {
    let mut amid = 0;
    let state = path::state(EVERYONE, message["source"].as_str().unwrap());
    for (requests, after) in KILLS {
        let mut service = Service::start(environment).await;
        let begun = microsoft.asked();
        let aim = async {
            while microsoft.asked() < begun + requests {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::time::sleep(Duration::from_millis(after)).await;
        };
        // What the call would answer doesn't matter: the process is gone before or after it.
        let call = AssertUnwindSafe(service.run(message)).catch_unwind();
        tokio::select! {
            () = aim => {}
            _ = call => {}
        }
        service.kill();
        let state = json_at(ledger, &state).await;
        amid += usize::from(state["current"]["run"] == message["run"]);
    }
    amid
}

/// All kept lines of the newest snapshot's run, by `RecordId`; none is kept twice.
async fn kept(ledger: &dyn Ledger, source: Source) -> BTreeSet<String> {
    let mut kept = BTreeSet::new();
    for path in ledger.list(&format!("records/{EVERYONE}/{}/", source.name)).await.unwrap() {
        if !path.ends_with(".jsonl.gz") {
            continue;
        }
        let (bytes, _) = ledger.read(&path).await.unwrap().unwrap();
        for line in part::open(&bytes).unwrap().0.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let id = line[source.key[0]].as_str().unwrap().to_owned();
            assert!(kept.insert(id), "{}: a record is kept twice", source.name);
        }
    }
    kept
}

#[tokio::test]
async fn a_process_killed_amid_any_feed_loses_no_record_and_no_row() {
    let (microsoft, folder) = (support::microsoft(DEVICES).await, Folder::new());
    let (environment, ledger) = (reading(&microsoft, &folder.url()), folder.ledger());
    let message = |source: Source, tenant: &str| json!({ "run": "20261122T101500Z", "tenant": tenant, "source": source.name });
    let service = Service::start(&environment).await;
    service.run(&message(VULNERABILITIES, &support::tenant(0).id)).await;
    drop(service);

    let mut amid = 0;
    for source in [KNOWN_EXPLOITED, EPSS, NVD] {
        let message = message(source, EVERYONE);
        amid += kills_amid(&microsoft, &environment, (&*ledger, &message)).await;
        let service = Service::start(&environment).await;
        let reply = service.run(&message).await;

        assert_eq!(reply.status, 200, "{}", service.log());
        let latest = json_at(&*ledger, &path::latest(EVERYONE, source.name)).await;
        let kept = kept(&*ledger, source).await;
        assert_eq!(latest["records"], kept.len(), "{}", source.name);
        let listed = source.name == KNOWN_EXPLOITED.name;
        let whole = if listed { 100.. } else { DEVICES as usize * 2.. };
        assert!(whole.contains(&kept.len()), "{}: {}", source.name, kept.len());
        let wanted = if listed { kept } else { exposed_of(&*ledger).await };
        assert_eq!(rows(&microsoft, source, source.key[0]), wanted, "{}", source.name);
    }
    assert!(microsoft.received().wrong_types.is_empty());
    // Which of them meet a run depends on the machine's speed; all together they can't all miss.
    assert!(amid >= 3, "{amid} of {} kills met a run", 3 * KILLS.len());
}

async fn exposed_of(ledger: &dyn Ledger) -> BTreeSet<String> {
    let latest = json_at(ledger, &path::latest(&support::tenant(0).id, VULNERABILITIES.name)).await;
    let latest: Latest = serde_json::from_value(latest).unwrap();
    let Digest::Vulnerabilities(fold) = latest.digest else { panic!() };
    fold.flaws.into_keys().collect()
}
