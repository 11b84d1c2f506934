//! Alert notices: each alert once over all polls, of each tenant as it says, and what a run leaves that ends
//! in the middle.

use super::playbook;
use super::provider::{CHANNEL, Provider};
use super::walker::{Dies, Sent, Status};
use serde_json::{Value, json};

const DAY: i64 = 24;

fn mail(severities: &[&str], to: &str) -> Value {
    json!([{ "severity": severities, "recipients": [to], "channel": "mail" }])
}

/// Polls until the end, so many times; what was sent.
async fn poll(provider: &Provider, definition: &Value, times: usize) -> Vec<Sent> {
    let mut sent = Vec::new();
    for _ in 0..times {
        let mut walk = provider.walk(definition);
        assert_eq!(walk.run().await.unwrap(), Status::Succeeded, "{:?}", walk.called);
        sent.append(&mut walk.sent);
    }
    sent
}

fn text<'a>(sent: &'a Sent, field: &str) -> &'a str {
    sent.body[field].as_str().unwrap()
}

/// How many messages are about this alert.
fn about(sent: &[Sent], alert: &Value) -> usize {
    let link = format!("\"{}\"", alert["url"].as_str().unwrap());
    sent.iter().filter(|sent| text(sent, "Body").contains(&link)).count()
}

#[tokio::test]
async fn each_alert_is_told_once_over_all_polls_and_each_tenants_to_its_own() {
    let notices =
        [mail(&["high", "medium"], "soc@contoso.example"), mail(&["high"], "it@fabrikam.example")];
    let mut provider = Provider::start(notices).await;
    let (definition, _) = playbook("AlertNotices");
    (0..2).for_each(|tenant| provider.asked_since(tenant, DAY));

    let mut sent = poll(&provider, &definition, 2).await;
    provider.restart().await;
    sent.extend(poll(&provider, &definition, 2).await);

    let mut expected = 0;
    for (tenant, (severities, to)) in
        [("high,medium", "soc@contoso.example"), ("high", "it@fabrikam.example")].iter().enumerate()
    {
        let (own, name) = (&provider.tenants[tenant].id, &provider.tenants[tenant].name);
        let theirs: Vec<_> = sent.iter().filter(|sent| sent.body["To"] == *to).cloned().collect();
        let alerts = provider.alerts(tenant, DAY, severities).await;
        assert!(!alerts.is_empty(), "{name} has none");
        for alert in &alerts {
            assert_eq!(about(&theirs, alert), 1, "{alert}");
        }
        assert_eq!(theirs.len(), alerts.len(), "none below the threshold, none that is older");
        for one in &theirs {
            assert!(
                text(one, "Subject").starts_with(&format!("{name}: ")),
                "{}",
                text(one, "Subject")
            );
            assert!(text(one, "Body").contains(&format!("?tid={own}")), "{}", text(one, "Body"));
            assert!(text(one, "Body").contains("https://security.microsoft.com/alerts/"));
        }
        expected += alerts.len();
    }
    assert_eq!(sent.len(), expected, "nobody else was told");
}

#[tokio::test]
async fn the_first_poll_ever_tells_nothing_old() {
    let notices = [mail(&["high", "medium", "low"], "soc@contoso.example"), json!([])];
    let provider = Provider::start(notices).await;
    let (definition, _) = playbook("AlertNotices");

    let sent = poll(&provider, &definition, 3).await;

    assert!(!provider.alerts(0, DAY, "high,medium,low").await.is_empty());
    assert_eq!(sent.len(), 0);
}

#[tokio::test]
async fn a_run_that_ends_before_it_sends_loses_nothing_and_one_that_ends_after_repeats_one_alone() {
    let (definition, _) = playbook("AlertNotices");
    for (dies, repeated) in [
        (Dies::After("Take"), 0),
        (Dies::Before("Mail"), 0),
        (Dies::After("Mail"), 1),
        (Dies::Before("Note"), 1),
        (Dies::After("Note"), 0),
    ] {
        let notices = [mail(&["high", "medium"], "soc@contoso.example"), json!([])];
        let provider = Provider::start(notices).await;
        provider.asked_since(0, DAY);
        let alerts = provider.alerts(0, DAY, "high,medium").await;

        let mut cut = provider.walk(&definition).dying(dies);
        assert!(cut.run().await.is_err(), "{dies:?}: it came to its end");
        let mut sent = cut.sent;
        sent.extend(poll(&provider, &definition, 2).await);
        let held = alerts.len() - alerts.iter().filter(|one| about(&sent, one) > 0).count();
        assert!(held <= 1, "{dies:?}: the others don't wait for it");
        provider.half_an_hour_later(0);
        sent.extend(poll(&provider, &definition, 2).await);

        let counts: Vec<_> = alerts.iter().map(|alert| about(&sent, alert)).collect();
        assert!(counts.iter().all(|count| *count >= 1), "{dies:?}: {counts:?}");
        let more = sent.len() - alerts.len();
        assert_eq!(more, repeated, "{dies:?}: {counts:?}");
        let marked =
            sent.iter().filter(|one| text(one, "Subject").ends_with("(perhaps sent before)"));
        let taken_again = !matches!(dies, Dies::After("Note"));
        assert_eq!(marked.count(), usize::from(taken_again), "{dies:?}: who reads it can tell");
    }
}

#[tokio::test]
async fn a_channel_of_teams_is_told_by_its_link() {
    let teams = json!([{ "severity": ["high"], "recipients": [CHANNEL], "channel": "teams" }]);
    let provider = Provider::start([teams, json!([])]).await;
    let (definition, _) = playbook("AlertNotices");
    provider.asked_since(0, DAY);

    let sent = poll(&provider, &definition, 2).await;

    assert_eq!(sent.len(), provider.alerts(0, DAY, "high").await.len());
    let one = sent.first().expect("an alert of severity high");
    assert_eq!(one.connection, "teams");
    assert_eq!(one.body["recipient"]["channelId"], "19:ab12@thread.tacv2");
    assert_eq!(one.body["recipient"]["groupId"], "11111111-2222-3333-4444-555555555555");
    assert!(text(one, "messageBody").contains(&format!("?tid={}", provider.tenants[0].id)));
}

#[tokio::test]
async fn a_caller_takes_and_notes_what_is_its_own_tenants_only() {
    let notices = [mail(&["high"], "soc@contoso.example"), mail(&["high"], "it@fabrikam.example")];
    let provider = Provider::start(notices).await;
    (0..2).for_each(|tenant| provider.asked_since(tenant, DAY));
    let [first, second] = [&provider.tenants[0].id, &provider.tenants[1].id];

    let taken = provider.asks(&format!("/api/notices?tenant={second}")).await;
    let id = taken.json()["notice"]["id"].as_str().unwrap().to_owned();
    let elsewhere = provider.asks(&format!("/api/notices/{id}?tenant={first}")).await;
    let noted = provider.asks(&format!("/api/notices/{id}?tenant={second}")).await;
    let unknown = provider.asks(&format!("/api/notices/mail-0?tenant={second}")).await;
    let stranger =
        crate::routes::signed_in(super::world::HOME, "bbbbbbbb-0000-4000-8000-00000000000f");
    let refused = provider.posts("/api/caller/notices", &stranger).await;

    assert_eq!(taken.json()["notice"]["tenant"]["id"], second.as_str());
    assert_eq!(taken.json()["notice"]["recipients"], json!(["it@fabrikam.example"]));
    assert_eq!((elsewhere.status, noted.status, unknown.status), (404, 200, 404));
    assert_eq!(refused.status, 403, "{}", refused.body);
}
