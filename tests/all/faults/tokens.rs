//! The sign-in service: wrong credentials, dead tokens, clocks that disagree, answers that are none.

use super::{MACHINES, World, says, status};
use crate::support::service::{Service, environment};
use crate::support::{self, job};
use posture::app;
use posture::cloud::{Cloud, Identity, Route, Wire};
use posture::plan::Message;
use posture::report::{Report, Status};
use posture::run::run;
use posture::source::{ALL, Api as Ours, DEVICES, RUNS};
use posture::tenant::{Tenant, Way};
use simulator::{Api, Fault, FaultKind};
use std::time::Duration;

const GOES_ON: &str = "the next attempt goes on from the checkpoint";

/// Collects two tenants, of which the second has been changed in our settings.
async fn collect_two(change: impl Fn(&mut simulator::Tenant)) -> (World, Report) {
    let tenants = vec![support::tenant(5), simulator::Tenant::new(2, "Fabrikam", 5)];
    let mut world = World::of(tenants.clone(), None).await;
    let mut ours = tenants;
    change(&mut ours[1]);
    world.app = support::app(&world.microsoft, &ours, world.folder.ledger());
    let mut theirs = job(&world.app, DEVICES);
    theirs.tenant = ours[1].id.clone();
    let report = run(&world.app, &theirs).await;
    let good = world.collect(DEVICES).await;
    assert_eq!((good.status, good.tally.kept, good.tally.sent), (Status::Complete, 5, 5));
    (world, report)
}

#[tokio::test]
async fn a_wrong_client_secret_says_so() {
    let (world, report) = collect_two(|ours| ours.client_secret = "not-the-secret".into()).await;

    let text = "no token for https://api.securitycenter.microsoft.com (AADSTS7000215): the client \
                secret is wrong: set POSTURE_CLIENT_SECRET";
    says(&report, Status::Refused, &[text]);
    assert!(!report.message.contains("not-the-secret"));
    // The workspace is told as the app itself, whose own credential is right.
    let rows = world.rows_of(&report, &RUNS);
    let row = rows.iter().find(|row| row["AadTenantId"] == report.tenant.as_str()).unwrap();
    assert_eq!((&row["Status"], &row["Message"]), (&"refused".into(), &(*report.message).into()));
}

#[tokio::test]
async fn an_unknown_application_says_so() {
    let unknown = "99999999-9999-4999-8999-999999999999";
    let (_world, report) = collect_two(|ours| ours.client_id = unknown.into()).await;

    says(&report, Status::Refused, &["(AADSTS700016): ", "POSTURE_CLIENT_ID"]);
}

#[tokio::test]
async fn a_tenant_that_the_sign_in_service_does_not_know_says_so() {
    let unknown = "99999999-9999-4999-8999-999999999999";
    let (_world, report) = collect_two(|ours| ours.id = unknown.into()).await;

    says(&report, Status::Refused, &["(AADSTS90002): ", "POSTURE_TENANT_ID"]);
}

#[tokio::test]
async fn a_tenant_of_another_deployment_is_left_alone() {
    let world = World::new(5).await;
    let mut foreign = job(&world.app, DEVICES);
    foreign.tenant = "99999999-9999-4999-8999-999999999999".to_owned();

    let report = run(&world.app, &foreign).await;

    let text = "tenant 99999999-9999-4999-8999-999999999999 isn't collected by this deployment: ";
    says(&report, Status::Unneeded, &[text, "POSTURE_TENANT_ID"]);
    assert!(world.microsoft.requests().is_empty());
    world.the_others_are_complete().await;
}

#[tokio::test]
async fn a_token_that_a_service_takes_no_longer_is_renewed_once() {
    for api in [Api::Defender, Api::Logs] {
        let world = World::paged(9, 3).await;
        world.inject(Fault::new(api, "", status(401)));

        let report = world.collect(DEVICES).await;

        world.is_whole(&report, DEVICES, 9).await;
        // One for Defender, one for the workspace, and the renewed one.
        assert_eq!(world.requests(Api::Entra, ""), 3);
        assert_eq!(report.tally.requests, 3 + 1 + 1 + 1);
    }
}

#[tokio::test]
async fn a_token_that_is_never_taken_is_an_administrators_turn() {
    let world = World::new(5).await;
    world.inject(Fault::new(Api::Defender, MACHINES, status(401)).always());

    let report = world.collect(DEVICES).await;

    says(&report, Status::Refused, &["refused (401) at /api/machines: ", "check POSTURE_CLOUD"]);
    assert_eq!(world.requests(Api::Defender, MACHINES), 2);
    world.the_others_are_complete().await;
}

/// HTML, half an answer, none, or "come back later": nobody's turn, and tried again.
#[tokio::test]
async fn a_sign_in_service_that_is_out_of_order_is_asked_again() {
    let html = (FaultKind::Html, "something that is no token: look for a proxy in between");
    let malformed = (FaultKind::Malformed, "something that is no token");
    let no_content = (FaultKind::NoContent, "no token for https://api.securitycenter");
    let cut = (FaultKind::CutBody, "no token for https://api.securitycenter");
    let gone = (FaultKind::Drop, "the sign-in service can't be reached: check the network");
    let busy = (status(503), "the sign-in service is busy (503)");
    let throttled = (status(429), "the sign-in service is busy (429)");
    for (kind, what) in [html, malformed, no_content, cut, gone, busy, throttled] {
        let world = World::new(5).await;

        world.inject(Fault::new(Api::Entra, "", kind.clone()).always());
        let failed = world.collect(DEVICES).await;
        says(&failed, Status::Failed, &["no token for https://api.sec", what, GOES_ON]);
        // Three tries for the source, and one for the report's row.
        assert_eq!(world.requests(Api::Entra, ""), 3 + 1, "{kind:?}");
        assert_eq!(world.requests(Api::Defender, ""), 0);

        world.microsoft.clear_faults();
        world.inject(Fault::new(Api::Entra, "", kind));
        let went_on = world.collect_days_on(DEVICES, 1).await;
        assert_eq!(went_on.run, failed.run);
        world.is_whole(&went_on, DEVICES, 5).await;
        world.the_others_are_complete().await;
    }
}

/// The first token is over by the service's clock before it is used; the next one isn't.
#[tokio::test]
async fn a_token_that_is_born_dead_costs_one_more_request() {
    let world = World::new(5).await;
    world.inject(Fault::new(Api::Entra, "", FaultKind::Skew(-7_200)));

    let report = world.collect(DEVICES).await;

    world.is_whole(&report, DEVICES, 5).await;
    assert_eq!(world.requests(Api::Entra, ""), 3);
}

#[tokio::test]
async fn a_sign_in_service_with_a_fast_clock_is_believed() {
    let world = World::paged(9, 3).await;
    world.inject(Fault::new(Api::Entra, "", FaultKind::Skew(3_000)).always());

    let report = world.collect(DEVICES).await;

    world.is_whole(&report, DEVICES, 9).await;
    assert_eq!(world.requests(Api::Entra, ""), 2);
}

/// No clock of ours helps where every token is dead by the service's: said after one renewal.
#[tokio::test]
async fn clocks_that_never_agree_end_in_advice_and_not_in_a_circle() {
    let world = World::paged(9, 3).await;
    world.inject(Fault::new(Api::Defender, MACHINES, FaultKind::Skew(86_400)).always());

    let report = world.collect(DEVICES).await;

    says(&report, Status::Refused, &["refused (401) at /api/machines: "]);
    assert_eq!(world.requests(Api::Defender, ""), 2);
    assert!(world.requests(Api::Entra, "") <= 3);
    world.the_others_are_complete().await;
}

/// With a token's life below the time kept in reserve, each call gets a token of its own.
#[tokio::test]
async fn short_lived_tokens_are_enough() {
    let tenant = support::tenant(9);
    let tables = posture::describe::tables_json();
    let mut options = simulator::Options::new(vec![tenant.clone()], tables);
    (options.page_size, options.token_lifetime_s) = (Some(3), 60);
    let mut world = World::new(9).await;
    world.microsoft = support::start(options).await;
    world.app = support::app(&world.microsoft, &[tenant], world.folder.ledger());

    let report = world.collect(DEVICES).await;

    world.is_whole(&report, DEVICES, 9).await;
    assert_eq!(world.requests(Api::Entra, "") as u64, report.tally.requests);
}

/// A valid token outlives a sign-in service that can't renew it.
#[tokio::test]
async fn a_token_is_used_while_it_can_not_be_renewed() {
    let tenant = support::tenant(9);
    let tables = posture::describe::tables_json();
    let mut options = simulator::Options::new(vec![tenant.clone()], tables);
    (options.page_size, options.token_lifetime_s) = (Some(3), 60);
    let mut world = World::new(9).await;
    world.microsoft = support::start(options).await;
    world.app = support::app(&world.microsoft, &[tenant], world.folder.ledger());
    // The first request of a scope asks for its token; later ones may fail.
    world.app.limits.patience.first_wait = Duration::from_millis(1);
    world.inject(Fault::new(Api::Entra, "", status(503)).after(1).times(2));

    let report = world.collect(DEVICES).await;

    world.is_whole(&report, DEVICES, 9).await;
    assert_eq!(report.tally.waited_ms, 0, "{report}");
}

/// A clock of ours that is two hours ahead: each token seems to be over when it comes.
#[tokio::test]
async fn a_token_that_seems_over_to_us_is_used_all_the_same() {
    let mut world = World::paged(9, 3).await;
    let (theirs, cloud) = (support::tenant(9), Cloud::named("public").unwrap());
    let base = world.microsoft.defender_url().parse().unwrap();
    let wire = Wire::new(vec![
        Route::new(cloud.sign_in, world.microsoft.entra_url().parse().unwrap()),
        Route::new(cloud.origin(Ours::Defender), base),
    ]);
    let way =
        Way { clock: || app::clock() + jiff::SignedDuration::from_hours(2), ..app::way(wire) };
    let identity =
        Identity::client_secret(&theirs.id, &theirs.client_id, theirs.client_secret.clone());
    let mut ours = Tenant::new(&theirs.id, &theirs.name, cloud, ALL.to_vec(), identity, &way);
    let logs = support::first(&world.app).logs.clone();
    ours.logs = logs;
    *support::first_mut(&mut world.app) = ours;

    let report = world.collect(DEVICES).await;

    world.is_whole(&report, DEVICES, 9).await;
    // One for each of three pages, and one for the workspace.
    assert_eq!((report.tally.pages, world.requests(Api::Entra, "")), (3, 4));
}

/// The platform's own endpoint, asked by the real binary: nearly over, over once, HTML once.
#[tokio::test]
async fn a_managed_identitys_odd_tokens_are_enough() {
    let nearly_over = Fault::new(Api::Identity, "", FaultKind::Skew(-3_570)).always();
    let over_once = Fault::new(Api::Identity, "", FaultKind::Skew(-7_200));
    let html_once = Fault::new(Api::Identity, "", FaultKind::Html);
    for fault in [nearly_over, over_once, html_once] {
        let world = World::paged(9, 3).await;
        let service = Service::start(&environment(&world.microsoft, &world.folder.url())).await;
        world.inject(fault);
        let message = Message::from(&job(&world.app, DEVICES));

        let reply = service.run(&serde_json::to_value(&message).unwrap()).await;

        assert_eq!(reply.status, 200, "{}", service.log());
        assert_eq!(world.kept(DEVICES).await.len(), 9, "{}", service.log());
        let run = message.run.to_string();
        assert_eq!(world.latest_run(DEVICES).await, Some(run), "{}", service.log());
        assert!(world.requests(Api::Identity, "") <= 6);
    }
}
