//! What a ledger promises, of the folder and of Blob Storage (Azurite) alike; and Azurite under the
//! real binary.

use crate::support::azurite::Azurite;
use crate::support::service::{Service, environment};
use crate::support::{self, Folder};
use bytes::Bytes;
use posture::app::clock;
use posture::cloud::{Identity, Tokens, Wire};
use posture::ledger::{AzureLedger, Kept, Ledger, LedgerError};
use posture::source::defaults;
use serde_json::json;

pub fn blob(azurite: &Azurite) -> AzureLedger {
    let identity = Identity::client_secret("unused", "unused", "unused");
    let tokens = Tokens::new(identity, "https://login.example", Wire::new(Vec::new()), clock);
    AzureLedger::new(&azurite.url().parse().unwrap(), "posture", &tokens, clock).unwrap()
}

/// The contract of the trait, told once for all implementations.
async fn keeps_its_promises(ledger: &dyn Ledger) {
    let path = "records/t/s/2026/11/22/r/000001.jsonl.gz";
    let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());

    // Nothing is there at first, and listing nothing is no error.
    assert!(ledger.read(path).await.unwrap().is_none());
    assert!(ledger.list("records/").await.unwrap().is_empty());

    // The first one stays.
    assert_eq!(ledger.keep(path, bytes("one")).await.unwrap(), Kept::New);
    assert_eq!(ledger.keep(path, bytes("two")).await.unwrap(), Kept::There);
    assert_eq!(ledger.read(path).await.unwrap().unwrap().0, bytes("one"));

    // State is replaced only by whoever has read it.
    let state = "state/t/s.json";
    let first = ledger.replace(state, bytes("1"), None).await.unwrap();
    let none = ledger.replace(state, bytes("x"), None).await.unwrap_err();
    let second = ledger.replace(state, bytes("2"), Some(&first)).await.unwrap();
    let stale = ledger.replace(state, bytes("x"), Some(&first)).await.unwrap_err();
    for error in [none, stale] {
        assert!(matches!(error, LedgerError::Conflict { .. }), "{error}");
    }
    let (content, version) = ledger.read(state).await.unwrap().unwrap();
    assert_eq!((content, version), (bytes("2"), second));

    // Listing goes by prefix, whole or half a name.
    ledger.keep("records/t/s2/x.json", bytes("x")).await.unwrap();
    let found = ledger.list("records/t/s").await.unwrap();
    assert_eq!(found, [path, "records/t/s2/x.json"]);
    assert_eq!(ledger.list("records/t/s2/").await.unwrap(), ["records/t/s2/x.json"]);

    // What is removed is gone, and removing nothing is no error.
    ledger.remove("records/t/s2/x.json").await.unwrap();
    ledger.remove("records/t/s2/x.json").await.unwrap();
    assert!(ledger.read("records/t/s2/x.json").await.unwrap().is_none());

    // A large thing, in several blocks, comes back as it was.
    let large = Bytes::from((0..9_000_000_u32).map(|n| (n % 251) as u8).collect::<Vec<u8>>());
    ledger.keep("records/t/s/large.gz", large.clone()).await.unwrap();
    assert!(ledger.read("records/t/s/large.gz").await.unwrap().unwrap().0 == large);
    assert_eq!(ledger.keep("records/t/s/large.gz", bytes("x")).await.unwrap(), Kept::There);
}

#[tokio::test]
async fn a_folder_keeps_its_promises() {
    let folder = Folder::new();

    keeps_its_promises(&*folder.ledger()).await;
}

#[tokio::test]
async fn blob_storage_keeps_its_promises() {
    let azurite = Azurite::start().await;

    keeps_its_promises(&blob(&azurite)).await;
}

#[tokio::test]
async fn of_many_writers_at_once_one_wins() {
    let azurite = Azurite::start().await;
    let (folder, blob) = (Folder::new(), blob(&azurite));

    for ledger in [&*folder.ledger(), &blob] {
        let race = |text: String| ledger.keep("a/b.json", Bytes::from(text));
        let kept = futures::future::join_all((0..12).map(|n| race(n.to_string()))).await;
        let new = kept.into_iter().filter(|kept| *kept.as_ref().unwrap() == Kept::New).count();
        assert_eq!(new, 1);

        let over = ledger.read("a/b.json").await.unwrap().unwrap().1;
        let race = |text: String| ledger.replace("a/b.json", Bytes::from(text), Some(&over));
        let replaced = futures::future::join_all((0..12).map(|n| race(format!("r{n}")))).await;
        assert_eq!(replaced.into_iter().filter(Result::is_ok).count(), 1);
    }
}

#[tokio::test]
async fn the_binary_collects_into_blob_storage_and_answers_from_it() {
    let azurite = Azurite::start().await;
    let microsoft = support::microsoft(25).await;
    let service = Service::start(&environment(&microsoft, &azurite.url())).await;

    let plan = service.post("function_timer", r#"{"Data":{"tick":{}},"Metadata":{}}"#).await;
    for message in plan.json()["Outputs"]["jobs"].as_array().unwrap() {
        let reply = service.run(message).await;
        assert_eq!(reply.status, 200, "{} {}", reply.body, service.log());
    }

    let summary = service.get("/api/summary").await.json();
    assert_eq!(summary["devices"]["total"], 25);
    assert_eq!(summary["missing"], json!([]));
    let ledger = blob(&azurite);
    assert_eq!(ledger.list("latest/").await.unwrap().len(), defaults().len());
    assert_eq!(ledger.list("runs/").await.unwrap().len(), defaults().len());
}

#[tokio::test]
async fn a_ledger_that_stops_costs_a_retry_and_no_record() {
    let mut azurite = Azurite::start().await;
    let microsoft = support::microsoft(25).await;
    let service = Service::start(&environment(&microsoft, &azurite.url())).await;
    let message = json!({
        "run": "20261122T101500Z", "tenant": support::tenant(0).id, "source": "defender.devices",
    });

    azurite.stop();
    // The storage client itself tries for a while; the job's message comes again after that.
    let (down, ()) = tokio::join!(service.run(&message), async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        azurite.start_again().await;
    });
    let again = service.run(&message).await;

    assert!([200, 500].contains(&down.status), "{}", down.body);
    assert_eq!(again.status, 200, "{}", again.body);
    let kept = support::kept_lines(&blob(&azurite), posture::source::DEVICES).await;
    assert_eq!(kept.len(), 25);
}
