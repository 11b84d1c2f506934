//! Answers that are no page, and next links that lead nowhere.
//!
//! Each fault once: the retry reads the page. Each fault for ever: what was read stays, `latest/`
//! doesn't move, the other sources are collected, and later the run goes on from the checkpoint.

use super::{MACHINES, World, says, status};
use posture::report::Status;
use posture::source::{DEVICES, EXPOSURE_SCORE};
use simulator::{Api, Fault, FaultKind};

const DEVICE_COUNT: usize = 2_000;
const GOES_ON: &str = "the next attempt goes on from the checkpoint";

/// A fault of the fourth page of five, once and then for ever.
async fn costs_nothing(kind: FaultKind, what: &str) {
    let world = World::paged(DEVICE_COUNT as u32, 400).await;

    world.inject(Fault::new(Api::Defender, MACHINES, kind.clone()).after(3));
    let met_once = world.collect(DEVICES).await;
    world.is_whole(&met_once, DEVICES, DEVICE_COUNT).await;
    assert_eq!(met_once.tally.requests, met_once.tally.parts + 5 + 1 + 1, "one page asked twice");

    world.inject(Fault::new(Api::Defender, MACHINES, kind).after(3).always());
    let failed = world.collect_days_on(DEVICES, 1).await;
    says(&failed, Status::Failed, &[what, "at /api/machines", "after 3 tries", GOES_ON]);
    assert_eq!(world.latest_run(DEVICES).await, Some(met_once.run.to_string()));
    let stays = world.kept_of(&failed, DEVICES).await;
    assert!(!stays.is_empty() && stays.len() < DEVICE_COUNT);
    assert_eq!(failed.tally.kept, stays.len() as u64);
    world.the_others_are_complete().await;

    world.microsoft.clear_faults();
    let before = world.requests(Api::Defender, MACHINES);
    let went_on = world.collect_days_on(DEVICES, 2).await;
    assert_eq!(went_on.run, failed.run, "the run goes on under its own name");
    assert!(world.requests(Api::Defender, MACHINES) - before < 5, "read anew from the start");
    world.is_whole(&went_on, DEVICES, DEVICE_COUNT).await;
    assert_eq!(world.kept_of(&failed, DEVICES).await[..stays.len()], stays);
}

#[tokio::test]
async fn malformed_json_costs_nothing() {
    costs_nothing(FaultKind::Malformed, "a page is no JSON of the documented shape").await;
}

#[tokio::test]
async fn a_page_without_value_costs_nothing() {
    costs_nothing(FaultKind::NoValue, "a page has no `value`").await;
}

#[tokio::test]
async fn a_body_cut_in_the_middle_costs_nothing() {
    costs_nothing(FaultKind::CutBody, "the answer broke off in the middle").await;
}

#[tokio::test]
async fn bytes_that_are_not_utf_8_cost_nothing() {
    costs_nothing(FaultKind::NonUtf8, "a page isn't UTF-8 (byte ").await;
}

#[tokio::test]
async fn no_content_costs_nothing() {
    costs_nothing(FaultKind::NoContent, "answered 204 without a body").await;
}

#[tokio::test]
async fn a_page_of_html_costs_nothing() {
    costs_nothing(FaultKind::Html, "a page is no JSON of the documented shape").await;
}

#[tokio::test]
async fn a_broken_connection_costs_nothing() {
    costs_nothing(FaultKind::Drop, "the connection broke").await;
}

#[tokio::test]
async fn an_internal_server_error_costs_nothing() {
    costs_nothing(status(500), "answered 500").await;
}

#[tokio::test]
async fn a_gateway_timeout_costs_nothing() {
    costs_nothing(status(504), "answered 504").await;
}

#[tokio::test]
async fn a_next_link_to_a_foreign_host_is_never_followed() {
    let link = "https://evil.example/api/machines?sig=secret".to_owned();
    costs_nothing(FaultKind::NextLink(link), "a next link leads to the foreign host evil.example")
        .await;
}

#[tokio::test]
async fn a_next_link_that_is_no_url_costs_nothing() {
    let link = "page two, please".to_owned();
    costs_nothing(FaultKind::NextLink(link), "a next link is no absolute URL").await;
}

#[tokio::test]
async fn a_next_link_to_its_own_page_never_ends_a_run_in_circles() {
    costs_nothing(FaultKind::SameLink, "a next link leads to a page that was read before").await;
}

#[tokio::test]
async fn an_empty_page_that_leads_to_itself_costs_nothing() {
    costs_nothing(FaultKind::EmptyPage, "a next link leads to a page that was read before").await;
}

/// Only the absence of a next link ends a collection.
#[tokio::test]
async fn an_empty_page_with_a_next_link_is_a_page_like_any_other() {
    let world = World::paged(7, 3).await;
    let next = format!("{}{MACHINES}?$skip=0", world.microsoft.defender_url());
    let body = format!(r#"{{"value":[],"@odata.nextLink":"{next}"}}"#).into_bytes();
    let kind = FaultKind::Body { content_type: "application/json".into(), body };
    world.inject(Fault::new(Api::Defender, MACHINES, kind));

    let report = world.collect(DEVICES).await;

    world.is_whole(&report, DEVICES, 7).await;
    assert_eq!(report.tally.pages, 4);
}

/// The links of two pages that lead to each other would otherwise be read until the run's end.
#[tokio::test]
async fn pages_that_lead_to_each_other_end_after_one_round() {
    let world = World::paged(9, 3).await;
    let first = format!("{}{MACHINES}", world.microsoft.defender_url());
    world.inject(Fault::new(Api::Defender, MACHINES, FaultKind::NextLink(first)).after(1).always());

    let report = world.collect(DEVICES).await;

    says(&report, Status::Failed, &["a next link leads to a page that was read before", GOES_ON]);
    assert_eq!(world.requests(Api::Defender, MACHINES), 4);
    assert!(world.kept(DEVICES).await.is_empty() && world.latest_run(DEVICES).await.is_none());
}

/// A single object has no `value` to miss; what is no object at all is still no record.
#[tokio::test]
async fn a_score_that_is_no_object_is_asked_for_again() {
    for body in ["null", "7", "[]", r#""busy""#, "<html>", ""] {
        let world = World::new(3).await;
        let body = body.as_bytes().to_vec();
        let kind = FaultKind::Body { content_type: "application/json".into(), body };
        let fault = Fault::new(Api::Defender, "/api/exposurescore", kind);

        world.inject(fault.clone());
        let met_once = world.collect(EXPOSURE_SCORE).await;
        world.inject(fault.always());
        let failed = world.collect_days_on(EXPOSURE_SCORE, 1).await;

        world.is_whole(&met_once, EXPOSURE_SCORE, 1).await;
        says(&failed, Status::Failed, &["at /api/exposureScore after 3 tries", GOES_ON]);
        assert_eq!(world.latest_run(EXPOSURE_SCORE).await, Some(met_once.run.to_string()));
        world.the_others_are_complete().await;
    }
}
