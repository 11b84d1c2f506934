//! Defender for Cloud: Resource Graph over all subscriptions, the lists behind it, whose rows are kept.

use crate::support::{self, Folder, job, kept_lines, later};
use posture::app::App;
use posture::report::{Report, Status};
use posture::run::run;
use posture::source::{
    ALL, ASSESSMENTS, AZURE_SECURE_SCORES, AZURE_SUBSCRIPTIONS, Api, COMPLIANCE_ASSESSMENTS,
    CONTROL_DEFINITIONS, Source,
};
use posture::tenant::Scope;
use serde_json::{Value, json};
use simulator::{Fault, FaultKind, Options, Simulator};
use std::collections::BTreeSet;

const ROWS: &str = "/providers/Microsoft.ResourceGraph/resources";

struct World {
    microsoft: Simulator,
    folder: Folder,
    app: App,
}

impl World {
    async fn new() -> World {
        World::paged(None).await
    }

    /// With so many records on a page at most.
    async fn paged(page_size: Option<usize>) -> World {
        let tenants = vec![support::tenant(30)];
        let mut options = Options::new(tenants.clone(), posture::describe::tables_json());
        options.page_size = page_size;
        options.limits = false;
        let microsoft = support::start(options).await;
        let folder = Folder::new();
        let app = support::app(&microsoft, &tenants, folder.ledger());
        World { microsoft, folder, app }
    }

    async fn collect(&self, source: Source) -> Report {
        run(&self.app, &job(&self.app, source)).await
    }

    async fn collect_later(&self, source: Source) -> Report {
        run(&self.app, &later(&self.app, source, 24 * 60)).await
    }

    async fn kept(&self, source: Source) -> Vec<Value> {
        let lines = kept_lines(&*self.folder.ledger(), source).await;
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The run that `latest/` names.
    async fn latest(&self, source: Source) -> Option<Value> {
        let path = format!("latest/{}/{}.json", support::first(&self.app).id, source.name);
        let (bytes, _) = self.folder.ledger().read(&path).await.unwrap()?;
        Some(serde_json::from_slice(&bytes).unwrap())
    }

    fn inject(&self, path: &str, kind: FaultKind) -> Fault {
        Fault::new(simulator::Api::Arm, path, kind)
    }

    fn refuses_rows(&self) {
        let kind = FaultKind::Status { code: 403, retry_after: None };
        self.microsoft.inject(self.inject(ROWS, kind).always());
    }

    fn answers_rows(&self, body: Value) {
        let body = body.to_string().into_bytes();
        let kind = FaultKind::Body { content_type: "application/json".into(), body };
        self.microsoft.inject(self.inject(ROWS, kind).always());
    }

    /// Paths asked of Resource Manager so far.
    fn asked(&self) -> Vec<String> {
        let seen = self.microsoft.requests();
        let seen = seen.iter().filter(|seen| seen.api == simulator::Api::Arm);
        seen.map(|seen| seen.path.to_lowercase()).collect()
    }
}

fn ids(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().map(|row| row["RecordId"].as_str().unwrap().to_owned()).collect()
}

fn subscriptions(rows: &[Value]) -> Vec<String> {
    let ids = rows.iter().map(|row| row["subscriptionId"].as_str().unwrap().to_owned());
    ids.collect::<BTreeSet<_>>().into_iter().collect()
}

#[tokio::test]
async fn one_query_reads_all_subscriptions_and_a_delegated_one_is_never_booked() {
    let world = World::new().await;
    let tenant = support::first(&world.app).id.clone();

    for source in ALL.iter().filter(|source| source.api == Api::Arm) {
        let report = world.collect(*source).await;
        assert_eq!(report.status, Status::Complete, "{report}");
        let rows = world.kept(*source).await;
        assert!(!rows.is_empty() && ids(&rows).len() == rows.len(), "{report}");
        assert!(rows.iter().all(|row| row["tenantId"].as_str().is_none_or(|id| id == tenant)));
        if source.name != CONTROL_DEFINITIONS.name {
            assert_eq!(subscriptions(&rows).len(), 3, "{report}");
            assert_eq!(report.tally.foreign * 3, rows.len() as u64, "{report}");
            assert!(report.message.contains("rows belong to tenants that delegate"), "{report}");
        }
    }

    let received = world.microsoft.received();
    assert!(received.wrong_types.is_empty(), "{:?}", received.wrong_types);
    let rows = &received.tables[ASSESSMENTS.table.name];
    assert_eq!(rows.len(), world.kept(ASSESSMENTS).await.len());
    assert!(rows.iter().all(|row| row["severity"].is_string() && row["statusCode"].is_string()));
    let queries = world.asked().iter().filter(|path| *path == &ROWS.to_lowercase()).count();
    assert_eq!(queries, 7, "one query per source");
}

#[tokio::test]
async fn pages_follow_the_skip_token_and_give_the_same_records() {
    let (world, small) = (World::new().await, World::paged(Some(7)).await);

    let whole = world.collect(ASSESSMENTS).await;
    let paged = small.collect(ASSESSMENTS).await;

    assert_eq!((whole.status, paged.status), (Status::Complete, Status::Complete));
    assert_eq!(whole.tally.pages, 1);
    assert_eq!(paged.tally.pages, (whole.tally.kept + whole.tally.foreign).div_ceil(7));
    assert_eq!(ids(&world.kept(ASSESSMENTS).await), ids(&small.kept(ASSESSMENTS).await));
    assert_eq!(whole.tally.foreign, paged.tally.foreign);
}

#[tokio::test]
async fn an_attempt_goes_on_at_the_page_where_another_was_cut_short() {
    let world = World::paged(Some(30)).await;
    let kind = FaultKind::Status { code: 500, retry_after: None };
    world.microsoft.inject(world.inject(ROWS, kind).after(2).always());

    let failed = world.collect(ASSESSMENTS).await;
    world.microsoft.clear_faults();
    let whole = run(&world.app, &job(&world.app, ASSESSMENTS)).await;

    assert_eq!(failed.status, Status::Failed, "{failed}");
    assert_eq!(whole.status, Status::Complete, "{whole}");
    let rows = world.kept(ASSESSMENTS).await;
    assert_eq!((ids(&rows).len(), rows.len() as u64), (rows.len(), whole.tally.kept));
    assert_eq!(whole.tally.foreign * 3, whole.tally.kept, "{whole}");
}

#[tokio::test]
async fn rows_cut_off_without_a_token_are_kept_and_never_a_snapshot() {
    let world = World::new().await;
    let before = world.collect(AZURE_SECURE_SCORES).await;
    world.answers_rows(json!({ "resultTruncated": "true", "count": 1, "data": [
        { "id": "/subscriptions/a/x", "tenantId": support::first(&world.app).id, "name": "ascScore" },
    ] }));

    let cut = world.collect_later(AZURE_SECURE_SCORES).await;

    assert_eq!((cut.status, cut.tally.kept), (Status::Incomplete, 1), "{cut}");
    let what =
        "Resource Graph cut its answer short, so data is missing: the earlier snapshot stays";
    assert!(cut.message.contains(what), "{cut}");
    let latest = world.latest(AZURE_SECURE_SCORES).await.unwrap();
    assert_eq!(latest["run"], before.run.as_str());
}

#[tokio::test]
async fn a_throttled_query_waits_as_long_as_it_is_asked_to() {
    let world = World::new().await;
    let kind = FaultKind::Status { code: 429, retry_after: Some("1".to_owned()) };
    world.microsoft.inject(world.inject(ROWS, kind));

    let report = world.collect(AZURE_SECURE_SCORES).await;

    assert_eq!((report.status, report.tally.kept), (Status::Complete, 3), "{report}");
    assert!(report.tally.waited_ms >= 1000, "{}", report.tally.waited_ms);
}

#[tokio::test]
async fn without_a_role_the_report_says_which() {
    let world = World::new().await;
    world.microsoft.refuse_subscriptions(true);

    let subscriptions = world.collect(AZURE_SUBSCRIPTIONS).await;
    let scores = world.collect(AZURE_SECURE_SCORES).await;

    let advice = "assign the Azure role Security Reader to the function app's identity at the \
                  management group or the subscriptions";
    for report in [subscriptions, scores] {
        assert_eq!((report.status, report.tally.kept), (Status::Complete, 0), "{report}");
        assert!(report.message.contains(advice), "{report}");
    }
    let rows = &world.microsoft.received().tables["PostureRuns_CL"];
    assert!(rows.iter().all(|row| row["Message"].as_str().unwrap().contains(advice)));
}

/// The lists give the same records as Resource Graph, with the same ids; what only that has is missing.
#[tokio::test]
async fn the_lists_stand_in_where_resource_graph_refuses() {
    let (world, lists) = (World::new().await, World::paged(Some(4)).await);
    lists.refuses_rows();

    for source in ALL.iter().filter(|source| source.api == Api::Arm) {
        let rows = world.collect(*source).await;
        let listed = lists.collect(*source).await;
        assert_eq!(listed.status, Status::Complete, "{listed}");
        assert_eq!(rows.tally.kept, listed.tally.kept, "{listed}");
        assert_eq!(ids(&world.kept(*source).await), ids(&lists.kept(*source).await), "{listed}");
    }

    let (rows, listed) =
        (world.kept(AZURE_SECURE_SCORES).await, lists.kept(AZURE_SECURE_SCORES).await);
    assert_eq!(subscriptions(&rows), subscriptions(&listed));
    for field in ["tenantId", "displayName", "currentScore", "percentage", "weight"] {
        let of = |rows: &[Value]| -> BTreeSet<String> {
            rows.iter().map(|row| row[field].to_string()).collect()
        };
        assert_eq!(of(&rows), of(&listed), "{field}");
    }
    let latest = (
        world.latest(AZURE_SECURE_SCORES).await.unwrap(),
        lists.latest(AZURE_SECURE_SCORES).await.unwrap(),
    );
    assert_eq!(latest.0["digest"], latest.1["digest"]);
    assert!(lists.microsoft.received().wrong_types.is_empty());
}

#[tokio::test]
async fn a_walk_through_lists_goes_on_where_it_was_cut_short() {
    let world = World::paged(Some(2)).await;
    world.refuses_rows();
    let kind = FaultKind::Status { code: 500, retry_after: None };
    world.microsoft.inject(world.inject("/subscriptions/", kind).after(25).always());
    let failed = world.collect(COMPLIANCE_ASSESSMENTS).await;
    world.microsoft.clear_faults();

    let whole = run(&world.app, &job(&world.app, COMPLIANCE_ASSESSMENTS)).await;

    assert_eq!(failed.status, Status::Failed, "{failed}");
    assert_eq!((whole.status, whole.tally.kept), (Status::Complete, 180), "{whole}");
    assert_eq!(ids(&world.kept(COMPLIANCE_ASSESSMENTS).await).len(), 180);
}

#[tokio::test]
async fn a_single_subscription_is_read_from_its_lists() {
    let mut world = World::new().await;
    world.collect(AZURE_SUBSCRIPTIONS).await;
    let all = subscriptions(&world.kept(AZURE_SUBSCRIPTIONS).await);
    support::first_mut(&mut world.app).azure = Scope::subscriptions(vec![all[1].to_uppercase()]);
    let asked = world.asked().len();

    let scores = world.collect(AZURE_SECURE_SCORES).await;
    let one = world.collect_later(AZURE_SUBSCRIPTIONS).await;

    assert_eq!((scores.status, scores.tally.kept, one.tally.kept), (Status::Complete, 1, 1));
    assert_eq!(subscriptions(&world.kept(AZURE_SECURE_SCORES).await), all[1..2]);
    let list = format!("/subscriptions/{}/providers/microsoft.security/securescores", all[1]);
    assert_eq!(world.asked()[asked..], ["/subscriptions", &list, "/subscriptions"]);
}

#[tokio::test]
async fn several_subscriptions_narrow_the_query() {
    let mut world = World::new().await;
    world.collect(AZURE_SUBSCRIPTIONS).await;
    let all = subscriptions(&world.kept(AZURE_SUBSCRIPTIONS).await);
    support::first_mut(&mut world.app).azure = Scope::subscriptions(all[..2].to_vec());

    let report = world.collect(AZURE_SECURE_SCORES).await;

    assert_eq!((report.status, report.tally.pages), (Status::Complete, 1), "{report}");
    assert_eq!((report.tally.kept, report.tally.foreign), (2, 0), "{report}");
    assert_eq!(report.message, "");
    assert_eq!(subscriptions(&world.kept(AZURE_SECURE_SCORES).await), all[..2]);
}

#[tokio::test]
async fn a_subscription_without_defender_for_cloud_costs_the_others_nothing() {
    let world = World::new().await;
    world.collect(AZURE_SUBSCRIPTIONS).await;
    let all = subscriptions(&world.kept(AZURE_SUBSCRIPTIONS).await);
    world.refuses_rows();
    let list = format!("/subscriptions/{}/providers/microsoft.security", all[0]);
    let kind = FaultKind::Status { code: 404, retry_after: None };
    world.microsoft.inject(world.inject(&list, kind).always());

    let report = world.collect(AZURE_SECURE_SCORES).await;

    assert_eq!((report.status, report.tally.kept), (Status::Complete, 2), "{report}");
    assert!(report.message.contains("passed over 404"), "{report}");
    assert!(report.message.contains(": turn Defender for Cloud on there"), "{report}");
}

#[tokio::test]
async fn forbidden_lists_and_nothing_else_are_a_refusal() {
    let world = World::new().await;
    world.refuses_rows();
    let kind = FaultKind::Status { code: 403, retry_after: None };
    world.microsoft.inject(world.inject("/subscriptions/", kind).always());

    let report = world.collect(AZURE_SECURE_SCORES).await;

    assert_eq!(report.status, Status::Refused, "{report}");
    assert!(report.message.contains("assign the Azure role Security Reader"), "{report}");
    assert_eq!(world.latest(AZURE_SECURE_SCORES).await, None);
}

#[tokio::test]
async fn a_management_group_has_no_lists_to_stand_in() {
    let mut world = World::new().await;
    support::first_mut(&mut world.app).azure = Scope::group("contoso-root".to_owned());
    world.refuses_rows();

    let report = world.collect(AZURE_SECURE_SCORES).await;

    assert_eq!(report.status, Status::Refused, "{report}");
    assert!(report.message.contains("refused (403"), "{report}");
    assert!(report.message.contains("at the management group"), "{report}");
}

#[tokio::test]
async fn subscriptions_are_summed_up_by_their_weight() {
    let world = World::new().await;
    world.collect(AZURE_SECURE_SCORES).await;

    let tenant = support::first(&world.app);
    let known = world.app.known(tenant).await.unwrap();
    let summary =
        posture::summary::summary(&tenant.id, "Contoso", "https://x", &known, world.app.now());

    let rows = world.kept(AZURE_SECURE_SCORES).await;
    let number = |row: &Value, name: &str| row[name].as_f64().unwrap();
    let sum: f64 = rows.iter().map(|row| number(row, "percentage") * number(row, "weight")).sum();
    let whole: f64 = rows.iter().map(|row| number(row, "weight")).sum();
    let score = summary.azure_score.unwrap();
    assert_eq!(score.subscriptions, 3);
    assert!((score.combined_percent.unwrap() - 100.0 * sum / whole).abs() < 0.01);
}
