//! What an administrator has to do: said once, with the permission's name, and never retried.

use super::{MACHINES, World, says, status};
use crate::support::{self, job, later};
use jiff::{SignedDuration, Timestamp};
use posture::plan::Job;
use posture::report::{Report, Status};
use posture::run::run;
use posture::source::{ALL, DEVICES, Permission, RECOMMENDATIONS, RUNS, SECURE_SCORES, Source};
use simulator::{Api, Fault};

/// A job as the timer plans it.
fn planned(world: &World, source: Source, days: i64) -> Job {
    Job { now: false, ..later(&world.app, source, days * 24 * 60) }
}

/// The state tells of the refusal, so does the workspace.
async fn stands(world: &World, report: &Report, source: Source, hours: i64) {
    let refused = &world.state(source).await["refused"];
    let instant = |name: &str| refused[name].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert_eq!(refused["advice"], *report.message);
    let pause = instant("until").duration_since(instant("at"));
    assert_eq!(pause, SignedDuration::from_hours(hours));
    let rows = world.rows_of(report, &RUNS);
    let row = rows.iter().find(|row| row["Source"] == source.name).unwrap();
    assert_eq!((&row["Status"], &row["Message"]), (&"refused".into(), &(*report.message).into()));
    let advice = row["Advice"].as_str().unwrap();
    assert!(!advice.is_empty() && report.message.ends_with(&format!(": {advice}")), "{advice}");
    assert!(row["Newest"].is_null() && row["FreshnessS"].is_null());
    let kept = format!("runs/{}/{}/{}", report.tenant, report.run.day_path(), report.run);
    let kept = world.json(&format!("{kept}/{}.json", source.name)).await.unwrap();
    assert_eq!(kept["message"], *report.message);
}

#[tokio::test]
async fn a_missing_permission_is_named_and_costs_its_source_only() {
    let world = World::new(5).await;
    world.microsoft.set_roles(
        &support::first(&world.app).id,
        &["SecurityEvents.Read.All", "SecurityRecommendation.Read.All"],
    );

    let report = world.collect(DEVICES).await;

    let text = "refused (403 Forbidden) at /api/machines: grant the app role Machine.Read.All to \
                the function app's identity";
    says(&report, Status::Refused, &[text]);
    assert!(!report.wants_retry());
    assert_eq!(world.requests(Api::Defender, MACHINES), 1);
    stands(&world, &report, DEVICES, 1).await;
    assert_eq!(world.latest_run(DEVICES).await, None);
    world.the_others_are_complete().await;
}

#[tokio::test]
async fn every_source_names_its_own_permission() {
    let world = World::new(5).await;
    world.microsoft.set_roles(&support::first(&world.app).id, &[]);

    // Azure answers without a role as if there were nothing: `azure.rs` tells what is said of that.
    let asks = |source: &&Source| source.api != posture::source::Api::Arm;
    for source in ALL.iter().filter(asks) {
        let report = world.collect(*source).await;
        match source.needs {
            Permission::Nothing => assert_eq!(report.status, Status::Complete, "{report}"),
            needs => {
                says(&report, Status::Refused, &["refused (403 Forbidden)", &needs.to_string()])
            }
        }
    }
}

/// The next plan leaves it out, a second message finds nothing to do; a person's own request asks.
#[tokio::test]
async fn a_refusal_stands_until_its_time_or_a_person_asks() {
    let world = World::new(5).await;
    let tenant = support::first(&world.app);
    world.microsoft.set_roles(&tenant.id, &["SecurityEvents.Read.All"]);
    let refused = run(&world.app, &planned(&world, DEVICES, 0)).await;
    assert_eq!(refused.status, Status::Refused, "{refused}");
    let asked = world.microsoft.requests().len();

    let second = run(&world.app, &planned(&world, DEVICES, 1)).await;
    says(&second, Status::Unneeded, &["a refusal stands until an administrator has acted"]);
    assert_eq!(world.microsoft.requests().len(), asked);
    let is_due = async |minutes| {
        let at = world.app.now() + SignedDuration::from_mins(minutes);
        support::due(&world.app, at).await.iter().any(|job| job.source.name == DEVICES.name)
    };
    assert!(!is_due(58).await && is_due(61).await);

    world.microsoft.set_roles(&tenant.id, &["Machine.Read.All"]);
    // Tokens keep the roles that they were issued with: a 401 brings a new one.
    world.inject(Fault::new(Api::Defender, MACHINES, status(401)));
    let granted = run(&world.app, &job(&world.app, DEVICES)).await;
    assert_eq!(granted.run, refused.run);
    world.is_whole(&granted, DEVICES, 5).await;
    assert!(world.state(DEVICES).await["refused"].is_null());
}

#[tokio::test]
async fn a_daily_source_is_asked_again_after_a_day() {
    let world = World::new(5).await;
    world.inject(Fault::new(Api::Defender, "/api/recommendations", status(403)).always());

    let report = world.collect(RECOMMENDATIONS).await;

    says(&report, Status::Refused, &["SecurityRecommendation.Read.All"]);
    stands(&world, &report, RECOMMENDATIONS, 24).await;
}

/// The earlier snapshot stays in sight while a permission is gone.
#[tokio::test]
async fn a_permission_that_was_taken_away_leaves_the_snapshot() {
    let world = World::paged(3_000, 500).await;
    let whole = world.collect(DEVICES).await;
    world.inject(Fault::new(Api::Defender, MACHINES, status(403)).after(3).always());

    let refused = world.collect_days_on(DEVICES, 1).await;

    says(&refused, Status::Refused, &["grant the app role Machine.Read.All"]);
    assert!(refused.tally.parts > 0);
    assert_eq!(world.latest_run(DEVICES).await, Some(whole.run.to_string()));
    world.microsoft.clear_faults();
    let went_on = world.collect_days_on(DEVICES, 2).await;
    assert_eq!(went_on.run, refused.run);
    world.is_whole(&went_on, DEVICES, 3_000).await;
}

#[tokio::test]
async fn what_a_tenant_does_not_have_or_a_service_does_not_take_is_said() {
    let (has_not, takes_not) = (Status::Unavailable, Status::Refused);
    for (code, ended, what, step) in [
        (404, has_not, "answered 404 NotFound at /v1.0/security/secureScores: ", "POSTURE_SOURCES"),
        (
            400,
            takes_not,
            "answered 400 BadRequest at /v1.0/security/secureScores: ",
            "newer release",
        ),
        (410, takes_not, "answered 410 InternalServerError at /v1.0/security/", "newer release"),
    ] {
        let world = World::new(5).await;
        world.inject(Fault::new(Api::Graph, "", status(code)).always());

        let report = world.collect(SECURE_SCORES).await;

        says(&report, ended, &[what, step]);
        assert_eq!(world.requests(Api::Graph, ""), 1);
        let devices = world.collect(DEVICES).await;
        world.is_whole(&devices, DEVICES, 5).await;
    }
}
