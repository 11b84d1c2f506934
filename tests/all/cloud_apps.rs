//! Cloud Discovery: the apps of each stream, and tenants and clouds that have none.

use crate::support::{self, Folder, job, kept_lines, later};
use posture::app::App;
use posture::cloud::Cloud;
use posture::report::{Report, Status};
use posture::run::run;
use posture::source::{CLOUD_APPS, DEVICES};
use posture::summary::{SourceStatus, Status as Overall, health, summary};
use serde_json::{Value, json};
use simulator::{Api, Fault, FaultKind, Options, Simulator};
use std::collections::BTreeSet;

const STREAMS: &str = "/beta/security/dataDiscovery/cloudAppDiscovery/uploadedStreams";

struct World {
    microsoft: Simulator,
    folder: Folder,
    app: App,
}

impl World {
    /// A tenant with so many devices has 40 apps, and one for two devices, in each of two streams.
    async fn new(devices: u32) -> World {
        let tenants = vec![support::tenant(devices)];
        let mut options = Options::new(tenants.clone(), posture::describe::tables_json());
        options.limits = false;
        let microsoft = support::start(options).await;
        let folder = Folder::new();
        let app = support::app(&microsoft, &tenants, folder.ledger());
        World { microsoft, folder, app }
    }

    async fn collect(&self) -> Report {
        run(&self.app, &job(&self.app, CLOUD_APPS)).await
    }

    async fn kept(&self) -> Vec<Value> {
        let lines = kept_lines(&*self.folder.ledger(), CLOUD_APPS).await;
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Makes the answer to the next request for streams these, and a next link.
    fn answer_streams(&self, streams: Value) {
        let next = format!("{}{STREAMS}?$skip=1", self.microsoft.graph_url());
        let body = json!({ "value": streams, "@odata.nextLink": next }).to_string().into_bytes();
        let kind = FaultKind::Body { content_type: "application/json".into(), body };
        self.microsoft.inject(Fault::new(Api::Graph, STREAMS, kind));
    }
}

fn apps_of(kept: &[Value], stream: &str) -> BTreeSet<String> {
    let of_stream = kept.iter().filter(|record| record["streamName"] == stream);
    of_stream.map(|record| record["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_apps_of_every_stream_are_kept_with_their_stream() {
    let world = World::new(150).await;

    let report = world.collect().await;

    let kept = world.kept().await;
    assert_eq!((report.status, report.tally.kept, kept.len()), (Status::Complete, 230, 230));
    for stream in ["Global view", "Defender-managed endpoints"] {
        assert_eq!(apps_of(&kept, stream).len(), 115, "{stream}");
    }
    let ids: BTreeSet<_> = kept.iter().map(|record| record["RecordId"].to_string()).collect();
    assert_eq!(ids.len(), 230, "an app of two streams is two records");
    let received = world.microsoft.received();
    let rows = &received.tables["PostureCloudApps_CL"];
    assert_eq!(rows.len(), 230);
    assert!(rows.iter().all(|row| row["riskScore"].is_number() && row["streamId"].is_string()));
}

#[tokio::test]
async fn the_list_of_streams_is_read_to_its_end_and_a_stream_that_is_gone_is_passed_over() {
    let world = World::new(20).await;
    world.answer_streams(json!([{ "id": "gone", "displayName": "Gone" }, { "displayName": "x" }]));

    let report = world.collect().await;

    assert_eq!((report.status, report.tally.kept), (Status::Complete, 100), "{report}");
    assert!(report.message.contains("passed over 404 ResourceNotFound at 1 lists"), "{report}");
}

/// Whatever request is the last that is answered.
#[tokio::test]
async fn a_read_that_breaks_off_goes_on_where_it_was() {
    for answered in 0..6 {
        let world = World::new(150).await;
        let broken = FaultKind::Status { code: 500, retry_after: None };
        world.microsoft.inject(Fault::new(Api::Graph, STREAMS, broken).after(answered).always());
        let failed = world.collect().await;
        world.microsoft.clear_faults();

        let went_on = run(&world.app, &later(&world.app, CLOUD_APPS, 1)).await;

        let ended = (failed.status, went_on.status);
        let kept = world.kept().await;
        if answered < 5 {
            assert_eq!(ended, (Status::Failed, Status::Complete), "{failed}; {went_on}");
            assert_eq!(went_on.run, failed.run);
        }
        let ids: BTreeSet<_> = kept.iter().map(|record| record["RecordId"].to_string()).collect();
        assert_eq!(ids.len(), 230, "after {answered} answers");
    }
}

#[tokio::test]
async fn a_throttled_stream_is_asked_again() {
    let world = World::new(5).await;
    let busy = FaultKind::Status { code: 429, retry_after: None };
    world.microsoft.inject(Fault::new(Api::Graph, STREAMS, busy).after(1).times(2));

    let report = world.collect().await;

    assert_eq!((report.status, report.tally.kept), (Status::Complete, 84), "{report}");
}

#[tokio::test]
async fn a_tenant_without_cloud_discovery_is_healthy_all_the_same() {
    let world = World::new(5).await;
    let absent = FaultKind::Status { code: 404, retry_after: None };
    world.microsoft.inject(Fault::new(Api::Graph, STREAMS, absent).always());

    let report = world.collect().await;
    let devices = run(&world.app, &job(&world.app, DEVICES)).await;

    assert_eq!(report.status, Status::Unavailable);
    assert!(report.message.ends_with("take the source out of POSTURE_SOURCES"), "{report}");
    assert!(!report.wants_retry());
    let known = world.app.known(support::first(&world.app)).await.unwrap();
    let collected = |name: &str| name == CLOUD_APPS.name || name == DEVICES.name;
    let known: Vec<_> = known.iter().filter(|known| collected(known.source)).cloned().collect();
    let tenant = &support::first(&world.app);
    let health = health(world.app.now(), &[(tenant.id.clone(), tenant.name.clone(), known)], None);
    let states: Vec<_> = health.tenants[0].sources.iter().map(|source| source.status).collect();
    assert_eq!(devices.status, Status::Complete);
    assert_eq!(states, [SourceStatus::Fresh, SourceStatus::Unavailable]);
    assert_eq!(health.status, Overall::Healthy);
    let due = support::due(&world.app, world.app.now()).await;
    assert!(!due.iter().any(|job| job.source.name == CLOUD_APPS.name), "asked again at once");
}

#[tokio::test]
async fn a_cloud_without_cloud_discovery_is_not_asked() {
    for cloud in ["gcc-high", "dod", "china"] {
        let mut world = World::new(5).await;
        support::first_mut(&mut world.app).cloud = Cloud::named(cloud).unwrap();

        let report = world.collect().await;

        assert_eq!(report.status, Status::Unavailable, "{report}");
        assert!(report.message.starts_with(&format!("the cloud {cloud} has no such data: ")));
        assert!(world.microsoft.requests().is_empty());
        let due = support::due(&world.app, world.app.now()).await;
        assert!(!due.iter().any(|job| job.source.name == CLOUD_APPS.name), "{cloud}");
        let known = world.app.known(support::first(&world.app)).await.unwrap();
        let known = known.iter().find(|known| known.source == CLOUD_APPS.name).unwrap();
        assert_eq!((known.unavailable, &known.reason), (true, &Some(report.message)));
    }
}

#[tokio::test]
async fn the_summary_tells_of_shadow_it() {
    let world = World::new(150).await;
    world.collect().await;

    let tenant = &support::first(&world.app);
    let known = world.app.known(tenant).await.unwrap();
    let summary = summary(&tenant.id, &tenant.name, tenant.cloud.portal, &known, world.app.now());

    let found = summary.cloud_apps.unwrap();
    let kept = world.kept().await;
    let sum = |field: &str| -> u64 {
        let of_stream = kept.iter().filter(|record| record["streamName"] == "Global view");
        of_stream.map(|record| record[field].as_u64().unwrap()).sum()
    };
    assert_eq!((found.stream.as_deref(), found.apps), (Some("Global view"), 115));
    assert_eq!(found.app_users, sum("userCount"));
    assert_eq!(found.upload_bytes, sum("uploadNetworkTrafficInBytes"));
    assert_eq!(found.download_bytes, sum("downloadNetworkTrafficInBytes"));
    let risks = found.by_risk;
    assert_eq!(risks.high + risks.medium + risks.low + risks.unknown, 115);
    assert_eq!(found.top_risky.len(), 10);
    assert!(found.top_risky.iter().all(|app| app.risk_score < 4.0));
    assert!(!found.freshness.stale);
}
