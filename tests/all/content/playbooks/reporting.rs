//! The daily report: one message a tenant, with the organisation's name and a link into it.

use super::playbook;
use super::provider::Provider;
use super::walker::{Status, Walk};
use super::world::HOME;
use serde_json::json;

fn full<'a>(provider: &Provider, definition: &'a serde_json::Value) -> Walk<'a> {
    let walk = provider.walk(definition).with("recipients", "board@provider.example");
    let walk = walk.with("teamsGroupId", "11111111-2222-3333-4444-555555555555");
    walk.with("teamsChannelId", "19:ab12@thread.tacv2")
}

/// The body of the mail that was sent.
fn mail<'a>(walk: &'a Walk) -> &'a serde_json::Value {
    &walk.sent.iter().find(|sent| sent.connection == "office365").unwrap().body
}

#[tokio::test]
async fn every_tenant_has_a_report_of_its_own_by_mail_and_to_teams() {
    let provider = Provider::start([json!([]), json!([])]).await;
    let (definition, _) = playbook("DailyReport");
    let mut walk = full(&provider, &definition);

    assert_eq!(walk.run().await.unwrap(), Status::Succeeded);

    assert_eq!(walk.sent.len(), 4);
    for (number, tenant) in provider.tenants.iter().enumerate() {
        let own: Vec<_> =
            walk.sent.iter().filter(|sent| sent.body.to_string().contains(&tenant.id)).collect();
        assert_eq!(own.len(), 2, "{}", tenant.name);
        let by = |connection: &str| own.iter().find(|sent| sent.connection == connection).unwrap();
        let (mail, teams) = (by("office365"), by("teams"));
        assert_eq!(mail.path, "/v2/Mail");
        assert_eq!(mail.body["To"], "board@provider.example");
        assert_eq!(teams.body["recipient"]["channelId"], "19:ab12@thread.tacv2");
        let other = &provider.tenants[1 - number];
        for (subject, text) in [("Subject", "Body"), ("subject", "messageBody")] {
            let body = if subject == "Subject" { &mail.body } else { &teams.body };
            let (subject, text) = (body[subject].as_str().unwrap(), body[text].as_str().unwrap());
            assert!(
                subject.starts_with(&format!("Security posture of {}", tenant.name)),
                "{subject}"
            );
            let link = format!("https://security.microsoft.com/?tid={}", tenant.id);
            assert!(text.contains(&link) && text.contains("Secure Score"), "{text}");
            assert!(!text.contains(&other.name) && !text.contains(&other.id), "{text}");
        }
    }
}

#[tokio::test]
async fn one_tenant_or_no_recipient_is_what_it_says_and_a_failure_is_told() {
    let mut provider = Provider::start([json!([]), json!([])]).await;
    let (definition, _) = playbook("DailyReport");
    let mut one = full(&provider, &definition).with("tenantId", &provider.tenants[1].id);
    let mut nobody = provider.walk(&definition);
    let mut unknown = full(&provider, &definition).with("tenantId", HOME);

    for walk in [&mut one, &mut nobody, &mut unknown] {
        assert_eq!(walk.run().await.unwrap(), Status::Succeeded);
    }
    assert_eq!((one.sent.len(), nobody.sent.len(), unknown.sent.len()), (2, 0, 2));
    assert!(mail(&one)["Subject"].as_str().unwrap().contains("Fabrikam"));
    assert!(mail(&unknown)["Body"].as_str().unwrap().contains("no such tenant"));

    provider.service.kill();
    let mut dead = full(&provider, &definition);
    dead.run().await.unwrap();
    assert!(mail(&dead)["Subject"].as_str().unwrap().contains("no report today"));
}
