//! Documented limits: kept to, so that a service never has to refuse, and paused for by all jobs.

use super::{MACHINES, World, says};
use crate::support::{self, Folder};
use futures::future::join_all;
use posture::describe;
use posture::report::Status;
use posture::source::{ALL, ASSESSMENTS, DEVICES, RECOMMENDATIONS, SECURE_SCORES};
use simulator::{Api, Fault, FaultKind, Options};
use std::time::{Duration, Instant};

/// A world whose services enforce their limits, and an app that keeps to them.
async fn within_limits(devices: u32, page_size: Option<usize>) -> World {
    let tenants = vec![support::tenant(devices)];
    let mut options = Options::new(tenants.clone(), describe::tables_json());
    options.page_size = page_size;
    let microsoft = support::start(options).await;
    let folder = Folder::new();
    let mut app = support::app_of(&microsoft, &tenants, folder.ledger(), true);
    app.limits.patience.longest_wait = Duration::from_secs(60);
    World { microsoft, folder, app }
}

/// Requests that were told to wait.
fn throttled(world: &World) -> Vec<String> {
    let seen = world.microsoft.requests().into_iter();
    seen.filter(|seen| seen.status == 429).map(|seen| seen.path).collect()
}

fn busy(seconds: u64) -> FaultKind {
    FaultKind::Status { code: 429, retry_after: Some(seconds.to_string()) }
}

/// All sources of a tenant at once, on small pages: hundreds of calls, of which some services take one a
/// second and four at a time.
#[tokio::test]
async fn all_sources_of_a_tenant_at_once_meet_no_limit() {
    let world = within_limits(5, Some(20)).await;

    let reports = join_all(ALL.iter().map(|source| world.collect(*source))).await;

    assert_eq!(throttled(&world), [""; 0]);
    let whole = |status| matches!(status, Status::Complete | Status::Unneeded);
    let others: Vec<_> = reports.iter().filter(|report| !whole(report.status)).collect();
    assert!(others.is_empty(), "{others:?}");
    let pressure = world.microsoft.pressure();
    assert!(pressure.len() >= 8, "{pressure:?}");
}

/// Sixteen queries of Resource Graph, of which five seconds take fifteen.
#[tokio::test]
async fn a_limit_that_is_used_up_is_waited_for_and_the_wait_is_counted() {
    let world = within_limits(5, Some(1)).await;
    let started = Instant::now();

    let report = world.collect(ASSESSMENTS).await;

    let queries = world.requests(Api::Arm, "/providers/Microsoft.ResourceGraph/");
    assert!(queries > 15, "{queries} queries");
    assert_eq!(report.status, Status::Complete, "{report}");
    assert_eq!(throttled(&world), [""; 0]);
    assert!(report.tally.waited_ms >= 4_000, "{} ms", report.tally.waited_ms);
    assert!(started.elapsed() >= Duration::from_secs(5) * ((queries as u32 - 1) / 15));
}

/// Where the service has asked one job to wait, the tenant's other jobs on the same count don't knock.
#[tokio::test]
async fn one_jobs_wait_is_every_jobs() {
    let world = within_limits(5, None).await;
    world.inject(Fault::new(Api::Defender, MACHINES, busy(2)));
    let first = world.collect(DEVICES);
    let second = async {
        while world.requests(Api::Defender, MACHINES) == 0 {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.collect(RECOMMENDATIONS).await
    };

    let (devices, recommendations) = tokio::join!(first, second);

    for report in [&devices, &recommendations] {
        assert_eq!(report.status, Status::Complete, "{report}");
        assert!(report.tally.waited_ms >= 1_000, "{report}: {} ms", report.tally.waited_ms);
    }
    assert_eq!(recommendations.tally.throttled, 0);
    assert_eq!(throttled(&world), [MACHINES]);
}

#[tokio::test]
async fn a_wait_beyond_patience_is_every_jobs_too_and_no_other_apis() {
    let world = within_limits(5, None).await;
    world.inject(Fault::new(Api::Defender, MACHINES, busy(600)));

    let devices = world.collect(DEVICES).await;
    let recommendations = world.collect(RECOMMENDATIONS).await;
    let scores = world.collect(SECURE_SCORES).await;

    says(&devices, Status::Failed, &["throttled at /api/machines for another 600 s: "]);
    says(&recommendations, Status::Failed, &["throttled at /api/recommendations for another 5"]);
    assert_eq!(world.requests(Api::Defender, "/api/"), 1, "nobody has knocked again");
    assert_eq!(scores.status, Status::Complete, "{scores}");
}
