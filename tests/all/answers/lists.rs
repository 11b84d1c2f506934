//! Filters, pages, and what an answer says where there is nothing.

use super::World;
use posture::source::ALERTS;
use serde_json::Value;
use std::collections::BTreeSet;

fn texts(list: &Value, field: &str) -> BTreeSet<String> {
    let items = list["value"].as_array().unwrap();
    items.iter().map(|item| item[field].as_str().unwrap_or_default().to_owned()).collect()
}

fn total(list: &Value) -> u64 {
    list["total"].as_u64().unwrap()
}

#[tokio::test]
async fn filters_take_one_or_several_values_in_any_letter_case() {
    let world = World::collected().await;

    let all = world.json("/api/alerts", "").await;
    let high = world.json("/api/alerts", "severity=HIGH").await;
    let both = world.json("/api/alerts", "severity=high,%20medium").await;
    let open = world.json("/api/alerts", "status=open").await;
    let resolved = world.json("/api/alerts", "status=resolved").await;
    let servers = world.json("/api/alerts", "group=servers").await;
    let recent = world.json("/api/alerts", "since=2026-03-05").await;

    assert_eq!(texts(&high, "severity"), ["high".to_owned()].into());
    assert_eq!(texts(&both, "severity"), ["high".to_owned(), "medium".to_owned()].into());
    assert!(total(&high) > 0 && total(&high) < total(&both) && total(&both) < total(&all));
    assert_eq!(total(&open) + total(&resolved), total(&all), "40 alerts, resolved or open");
    let counted = &world.json("/api/summary", "").await["alerts"];
    assert_eq!(counted["open"], open["total"]);
    assert!(total(&servers) > 0);
    let groups = servers["value"].as_array().unwrap();
    assert!(groups.iter().all(|alert| alert["deviceGroups"][0] == "Servers"));
    assert!(total(&recent) > 0 && total(&recent) < total(&all));
    assert!(texts(&recent, "created").iter().all(|at| at.as_str() >= "2026-03-05T00:00:00Z"));
    assert!(all.get("note").is_none(), "nothing is left out: {}", all["note"]);
}

#[tokio::test]
async fn pages_join_to_the_whole_list_and_a_renewed_one_begins_anew() {
    let world = World::collected().await;
    let mut seen = Vec::new();
    let mut query = "top=7".to_owned();
    let mut token;
    loop {
        let page = world.json("/api/controls", &query).await;
        seen.extend(page["value"].as_array().unwrap().clone());
        token = page["continuation"].as_str().unwrap_or_default().to_owned();
        if token.is_empty() {
            break;
        }
        query = format!("top=7&continuation={token}");
    }
    let whole = world.json("/api/controls", "top=1000").await;
    let first = world.get("/api/alerts", "top=1").await;
    let link = first.headers.iter().find(|(name, _)| *name == "link").unwrap().1.clone();
    let next = link.split_once('?').unwrap().1.split('>').next().unwrap().to_owned();

    let second = world.get("/api/alerts", &next).await;
    let of_another_list = world.get("/api/alerts", "continuation=eyJza2lwIjozLCJvZiI6IngifQ").await;

    assert_eq!((seen.len(), seen.as_slice()), (80, whole["value"].as_array().unwrap().as_slice()));
    assert_eq!((second.status, of_another_list.status), (200, 410), "{}", second.body);
    let by_points = whole["value"].as_array().unwrap().iter().map(|one| one["remaining"].as_f64());
    assert!(by_points.is_sorted_by(|one, next| one >= next));
}

#[tokio::test]
async fn improvement_actions_are_filtered_by_category_status_and_gain() {
    let world = World::collected().await;

    let open = world.json("/api/improvement-actions", "top=100").await;
    let apps = world.json("/api/improvement-actions", "category=apps&minimumGain=3.5").await;
    let ignored = world.json("/api/improvement-actions", "status=ignored,thirdparty").await;
    let wrong = world.get("/api/improvement-actions", "minimumGain=many").await;

    assert!(total(&apps) > 0 && total(&apps) < total(&open));
    assert_eq!(texts(&apps, "category"), ["Apps".to_owned()].into());
    let gains = apps["value"].as_array().unwrap();
    assert!(gains.iter().all(|action| action["points"].as_f64().unwrap() >= 3.5));
    assert!(!texts(&open, "state").contains("Ignored") && total(&ignored) > 0);
    assert!(texts(&ignored, "state").iter().all(|state| state != "Default"));
    assert_eq!(wrong.status, 400);
    assert!(wrong.body.contains("minimumGain is not a number from 0 on"), "{}", wrong.body);
}

#[tokio::test]
async fn recommendations_are_the_active_ones_unless_exceptions_are_asked_for() {
    let world = World::collected().await;

    let active = world.json("/api/recommendations", "top=100").await;
    let all = world.json("/api/recommendations", "status=active,exception").await;
    let exceptions = world.json("/api/recommendations", "status=exception").await;
    let updates = world.json("/api/recommendations", "remediationType=update&minimumGain=5").await;

    assert_eq!(total(&all), total(&active) + total(&exceptions));
    assert_eq!((total(&all), texts(&exceptions, "status")), (60, ["Exception".to_owned()].into()));
    assert_eq!(texts(&updates, "remediationType"), ["Update".to_owned()].into());
    let impacts = active["value"].as_array().unwrap().iter();
    assert!(
        impacts.map(|one| one["exposureImpact"].as_f64()).is_sorted_by(|one, next| one >= next)
    );
}

#[tokio::test]
async fn compliance_is_filtered_and_its_counts_are_those_of_the_summary() {
    let world = World::collected().await;

    let all = world.json("/api/compliance", "").await;
    let one =
        world.json("/api/compliance", "standard=invented-pci-4&subscription=contoso%201").await;
    let failed = world.json("/api/compliance", "state=failed").await;
    let summary = world.json("/api/summary", "").await;

    assert_eq!((total(&all), total(&one)), (9, 1));
    assert!(total(&failed) > 0 && total(&failed) < 9);
    let sum = |field: &str| -> u64 {
        let of_standard = all["value"].as_array().unwrap().iter();
        let of_standard = of_standard.filter(|row| row["standard"] == "Invented-PCI-4");
        of_standard.map(|row| row[field].as_u64().unwrap()).sum()
    };
    let standards = summary["compliance"]["standards"].as_array().unwrap();
    let pci = standards.iter().find(|one| one["standard"] == "Invented-PCI-4").unwrap();
    for field in ["passed", "failed", "skipped", "unsupported"] {
        assert_eq!(pci[field].as_u64().unwrap(), sum(field), "{field}");
    }
    assert_eq!((&pci["subscriptions"], &pci["state"]), (&3.into(), &"Failed".into()));
}

#[tokio::test]
async fn an_app_is_found_by_name_or_number_and_the_list_is_by_risk() {
    let world = World::collected().await;

    let risky = world.json("/api/cloud-apps", "maximumScore=3&top=100").await;
    let first = &risky["value"][0];
    let name = first["name"].as_str().unwrap().replace(' ', "%20");
    let by_name = world.json(&format!("/api/cloud-apps/{name}"), "").await;
    let number = first["id"].as_str().unwrap();
    let by_number = world.json(&format!("/api/cloud-apps/{number}"), "").await;
    let absent = world.get("/api/cloud-apps/no%20such%20app", "").await;

    let high = &world.json("/api/summary", "").await["cloudApps"]["byRisk"]["high"];
    assert_eq!(&risky["total"], high);
    assert_eq!(by_name, by_number);
    assert_eq!((&by_name["id"], &by_name["stale"]), (&first["id"], &false.into()));
    assert!(by_name["devices"].is_u64(), "of the stream that counts devices: {by_name}");
    assert_eq!(absent.status, 404);
}

#[tokio::test]
async fn a_day_that_is_not_known_and_one_that_is_none_are_told_apart() {
    let world = World::collected().await;

    let unknown = world.get("/api/secure-scores/2020-01-01", "").await;
    let none = world.get("/api/secure-scores/yesterday", "").await;
    let control = world.get("/api/controls/none", "").await;
    let day = world.json("/api/secure-scores/2026-03-08", "").await;
    let newest = world.json("/api/secure-scores/2026-03-10", "").await;
    let summary = world.json("/api/summary", "").await;

    assert_eq!((unknown.status, none.status, control.status), (404, 400, 404));
    assert_eq!(day["controls"].as_array().unwrap().len(), 60);
    let sum: f64 = day["controls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|control| control["points"].as_f64().unwrap())
        .sum();
    assert!((sum - day["current"].as_f64().unwrap()).abs() < 0.01, "{sum}");
    assert_eq!(newest["categories"], summary["secureScore"]["categories"]);
}

#[tokio::test]
async fn what_was_never_collected_is_said_with_the_reason() {
    let world = World::empty().await;
    world.microsoft.set_roles(&crate::support::tenant(40).id, &["SecurityEvents.Read.All"]);
    world.collect(ALERTS).await;

    for path in [
        "/api/secure-scores",
        "/api/secure-scores/2026-03-10",
        "/api/controls",
        "/api/controls/mfa",
        "/api/improvement-actions",
        "/api/recommendations",
        "/api/vulnerabilities",
        "/api/compliance",
        "/api/cloud-apps",
        "/api/cloud-apps/share",
        "/api/incidents",
    ] {
        let reply = world.get(path, "").await;
        assert_eq!(reply.status, 404, "{path}: {}", reply.body);
        assert!(reply.body.contains("not collected yet: the next timer run plans it"), "{path}");
    }
    let refused = world.get("/api/alerts", "").await;
    assert_eq!(refused.status, 404);
    assert!(refused.body.contains("grant the app role SecurityAlert.Read.All"), "{}", refused.body);
    let summary = world.json("/api/summary", "").await;
    assert!(summary["compliance"].is_null() && summary["estimatedScores"].is_null());
    let comment = world.get("/api/summary", "format=markdown").await;
    assert!(comment.body.contains("SecurityAlert.Read.All"), "the comment says what is missing");
}
