use super::*;

fn of(known: Vec<Known>) -> Health {
    health(now(), &[("tenant".to_owned(), "Fabrikam".to_owned(), known)], None)
}

fn statuses(health: &Health) -> Vec<SourceStatus> {
    health.tenants.iter().flat_map(|tenant| &tenant.sources).map(|source| source.status).collect()
}

#[test]
fn a_service_that_has_collected_nothing_is_starting() {
    let known = vec![absent("defender.exposure_score", Kind::ExposureScore, None)];

    let healths = [of(known), health(now(), &[], None)];

    assert_eq!(healths.map(|health| health.status), [Status::Starting; 2]);
}

#[test]
fn a_service_whose_sources_are_fresh_is_healthy() {
    let known = vec![exposure_score(1.0), secure_scores(&[])];

    let health = of(known);

    assert_eq!(health.status, Status::Healthy);
    assert_eq!(statuses(&health), [SourceStatus::Fresh; 2]);
}

#[test]
fn what_ends_soon_is_as_the_newest_run_has_learnt_it() {
    let ending = Ending { what: "client secret".to_owned(), ends: now() };
    let told = |known: Known, credentials: &[Ending], minutes: i64| {
        let mut latest = Latest::clone(known.latest.as_deref().unwrap());
        latest.credentials = credentials.to_vec();
        latest.completed = now() - SignedDuration::from_mins(minutes);
        Known { latest: Some(Arc::new(latest)), ..known }
    };
    let soon = std::slice::from_ref(&ending);

    let near = of(vec![told(exposure_score(1.0), &[], 9), told(secure_scores(&[]), soon, 1)]);
    let renewed = of(vec![told(exposure_score(1.0), soon, 9), told(secure_scores(&[]), &[], 1)]);

    assert_eq!(near.tenants[0].credentials, soon);
    assert_eq!(renewed.tenants[0].credentials, []);
}

#[test]
fn one_source_that_is_not_fresh_degrades_the_service() {
    let refused = Known { reason: Some("grant Score.Read.All".to_owned()), ..exposure_score(1.0) };
    let troubled = [
        absent("graph.alerts", Kind::Devices, None),
        absent("graph.alerts", Kind::Devices, Some("grant it")),
        aged(exposure_score(1.0), SignedDuration::from_hours(14)),
        refused,
    ];

    let healths = troubled.map(|known| of(vec![known, exposure_score(2.0)]));

    assert!(healths.iter().all(|health| health.status == Status::Degraded));
    let first: Vec<_> = healths.iter().map(|health| statuses(health)[0]).collect();
    let wanted =
        [SourceStatus::Missing, SourceStatus::Refused, SourceStatus::Stale, SourceStatus::Refused];
    assert_eq!(first, wanted);
}

#[test]
fn what_a_tenant_does_not_have_leaves_the_service_healthy() {
    let reason = Some("the tenant has no such data: check its licence");
    let nothing = absent("graph.cloud_apps", Kind::CloudApps, reason);
    let known = vec![Known { unavailable: true, ..nothing }, exposure_score(1.0)];

    let health = of(known);

    assert_eq!(health.status, Status::Healthy);
    assert_eq!(statuses(&health), [SourceStatus::Unavailable, SourceStatus::Fresh]);
}

#[test]
fn a_service_that_was_refused_everything_is_degraded() {
    let known = vec![absent("graph.alerts", Kind::Devices, Some("grant it"))];

    let health = of(known);

    assert_eq!(health.status, Status::Degraded);
}

#[test]
fn the_answer_leaves_out_what_is_not_known() {
    let known = vec![exposure_score(1.0), absent("graph.alerts", Kind::Devices, None)];

    let json = serde_json::to_value(of(known)).unwrap();

    assert_eq!((&json["status"], &json["time"]), (&"degraded".into(), &NOW.into()));
    let sources = &json["tenants"][0]["sources"];
    assert_eq!(sources[0]["collected"], "2026-11-22T10:15:00Z");
    assert_eq!(sources[1], serde_json::json!({"source": "graph.alerts", "status": "missing"}));
}
