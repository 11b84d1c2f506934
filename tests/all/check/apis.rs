//! What a tenant's APIs say: permissions, licences, clocks, allowances.

use super::World;
use crate::support;
use posture::check;
use simulator::{Api, Fault, FaultKind};
use std::time::Duration;

fn status(code: u16) -> FaultKind {
    FaultKind::Status { code, retry_after: None }
}

#[tokio::test]
async fn a_role_that_is_missing_comes_with_the_command_that_grants_it() {
    let mut world = World::new().await;
    let tenant = support::tenant(0);
    world.set("AZURE_CLIENT_ID", &tenant.client_id);
    let lacks = ["SecurityAlert.Read.All", "Machine.Read.All", "ThreatHunting.Read.All"];
    let roles = tenant.roles.iter().map(String::as_str);
    let roles: Vec<_> = roles.filter(|role| !lacks.contains(role)).collect();
    world.microsoft.set_roles(&tenant.id, &roles);

    let diagnosis = world.diagnosis().await;

    for (area, role) in [("graph", lacks[0]), ("defender", lacks[1]), ("graph", lacks[2])] {
        diagnosis.says((area, role), "wrong", "missing in the token", "`posture grant --apply`");
        let next = diagnosis.one(area, role)["next"].as_str().unwrap();
        let principal = world.microsoft.identity_principal();
        assert!(next.contains(&format!("principal=$(az ad sp show --id {principal} ")), "{next}");
    }
    let needed = "needed by graph.alerts";
    diagnosis.says(("graph", lacks[0]), "wrong", needed, "472e4a4d-bb4a-4026-98d1-0b0d74cb74a5");
    diagnosis.says(("graph", "SecurityIncident.Read.All"), "good", "granted, and ", "");
    assert_eq!(diagnosis.bad().len(), lacks.len(), "{:?}", diagnosis.bad());
}

#[tokio::test]
async fn a_refusal_although_the_role_is_granted_is_the_tenants_licence() {
    let world = World::new().await;
    for (api, path, code) in [
        (Api::Graph, "/v1.0/security/incidents", 403),
        (Api::Defender, "/api/recommendations", 403),
        (Api::Graph, "/beta/security/dataDiscovery", 404),
    ] {
        world.microsoft.inject(Fault::new(api, path, status(code)).always());
    }

    let diagnosis = world.diagnosis().await;

    let incidents = ("graph", "SecurityIncident.Read.All");
    diagnosis.says(incidents, "wrong", "granted, but refused (403", "Microsoft Defender XDR or");
    let defender = ("defender", "SecurityRecommendation.Read.All");
    diagnosis.says(defender, "wrong", "granted, but refused (403", "Defender for Endpoint Plan 2");
    let apps = ("graph", "CloudApp-Discovery.Read.All");
    diagnosis.says(apps, "warning", "404", "take graph.cloud_apps out of the sources");
    for (area, role) in [incidents, defender] {
        let next = diagnosis.one(area, role)["next"].as_str().unwrap();
        assert!(!next.contains("posture grant"), "nothing is to be granted: {next}");
    }
}

#[tokio::test]
async fn subscriptions_that_nobody_may_read_come_with_the_role_to_assign() {
    let mut world = World::new().await;
    world.microsoft.refuse_subscriptions(true);
    let nothing = world.diagnosis().await;
    world.microsoft.refuse_subscriptions(false);
    let group = "11111111-2222-3333-4444-555555555555";
    world.set("POSTURE_SUBSCRIPTIONS", group);
    let named = world.diagnosis().await;
    world.set("POSTURE_SUBSCRIPTIONS", "");
    world.microsoft.inject(Fault::new(Api::Arm, "/subscriptions/", status(403)).always());
    let forbidden = world.diagnosis().await;

    let command = "`az role assignment create --assignee-object-id ";
    nothing.says(("azure", "subscriptions"), "wrong", "none of the tenant can be read", command);
    nothing.says(("azure", "Resource Graph"), "wrong", "no subscription in all", command);
    let reader = "39bc4728-0917-49c7-9d2c-d95423bc2eb4";
    let scope = format!("--role {reader} --scope \"/subscriptions/{group}\"`");
    named.says(("azure", "subscriptions"), "wrong", "none of the tenant", &scope);
    forbidden.says(("azure", "Security Reader"), "wrong", "refused (403", command);
    forbidden.says(("azure", "subscriptions"), "good", "3 subscriptions can be read", "");
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_told() {
    let world = World::new().await;
    world.microsoft.inject(Fault::new(Api::Graph, "", FaultKind::Skew(400)).always());
    world.microsoft.inject(Fault::new(Api::Defender, "", FaultKind::Skew(-90)).always());

    let diagnosis = world.diagnosis().await;

    diagnosis.says(("graph", "clock"), "wrong", " s ahead", "set this machine's clock");
    diagnosis.says(("defender", "clock"), "warning", " s behind", "set this machine's clock");
    diagnosis.says(("azure", "clock"), "good", "agree", "");
}

#[tokio::test]
async fn a_service_that_is_busy_or_in_trouble_is_no_ones_fault() {
    let world = World::new().await;
    let busy = FaultKind::Status { code: 429, retry_after: Some("600".to_owned()) };
    world.microsoft.inject(Fault::new(Api::Defender, "/api/machines", busy).always());
    let path = "/v1.0/security/alerts_v2";
    world.microsoft.inject(Fault::new(Api::Graph, path, status(503)).always());

    let diagnosis = world.diagnosis().await;

    diagnosis.says(("defender", "Machine.Read.All"), "warning", "throttled", "again in 600 s");
    diagnosis.says(("graph", "SecurityAlert.Read.All"), "warning", "answered 503", "check again");
    assert_eq!(diagnosis.0["status"], "warning");
}

#[tokio::test]
async fn a_token_of_another_tenant_is_told() {
    let mut world = World::new().await;
    world.set("POSTURE_TENANT_ID", "11111111-2222-3333-4444-555555555555");

    let diagnosis = world.diagnosis().await;

    for area in ["graph", "defender", "azure"] {
        let own = support::tenant(0).id;
        diagnosis.says((area, "token"), "wrong", &own, "check POSTURE_TENANT_ID");
    }
}

/// What hangs must not keep the rest of the answer back.
#[tokio::test]
async fn an_api_that_hangs_leaves_the_others_looked_at() {
    let microsoft = support::microsoft(3).await;
    let folder = support::Folder::new();
    let mut app = support::app(&microsoft, &[support::tenant(3)], folder.ledger());
    app.limits.look = Duration::from_secs(2);
    let hang = FaultKind::Hang(Duration::from_secs(600));
    microsoft.inject(Fault::new(Api::Defender, "", hang).always());

    let diagnosis = check::check(&app, None).await.unwrap();

    let of = |area: &str, what: &str| {
        diagnosis.findings.iter().find(|one| one.area == area && one.what == what).unwrap()
    };
    let hung = of("defender", "Machine.Read.All");
    assert_eq!(hung.verdict, check::Verdict::Wrong);
    assert!(hung.says.starts_with("no answer before"), "{}", hung.says);
    assert_eq!(of("graph", "SecurityAlert.Read.All").verdict, check::Verdict::Good);
    assert_eq!(of("azure", "subscriptions").verdict, check::Verdict::Good);
}
