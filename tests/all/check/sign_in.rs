//! What the sign-in service refuses, and what ends soon.

use super::{World, is_discreet};
use crate::commands::run;
use crate::support;
use crate::support::service::Service;
use jiff::{SignedDuration, Timestamp};
use posture::app;
use serde_json::json;
use simulator::{Api, Fault, FaultKind};

/// The numbers of the sign-in service that somebody must do something about.
const CODES: [u32; 34] = [
    7_000_215, 7_000_222, 7_000_218, 700_027, 700_024, 700_021, 700_023, 50_027, 70_021, 700_211,
    700_212, 700_213, 700_229, 700_016, 7_000_112, 90_002, 90_038, 900_382, 900_432, 50_034,
    65_001, 500_011, 650_052, 650_057, 70_011, 70_008, 700_082, 54_005, 700_005, 50_076, 50_079,
    53_003, 70_043, 50_011,
];

/// A deployment that signs in to its tenant with a client secret.
async fn with_a_secret() -> World {
    let mut world = World::new().await;
    let tenant = support::tenant(0);
    world.set("POSTURE_CREDENTIAL", "client-secret");
    world.set("POSTURE_CLIENT_ID", &tenant.client_id);
    world.set("POSTURE_CLIENT_SECRET", &tenant.client_secret);
    world
}

#[tokio::test]
async fn every_refusal_of_a_token_says_its_number_and_the_next_step() {
    let mut world = with_a_secret().await;
    world.set("POSTURE_SOURCES", "graph.secure_scores");
    for code in CODES {
        world.microsoft.clear_faults();
        world.microsoft.inject(Fault::new(Api::Entra, "", FaultKind::SignIn(code)).always());

        let (exit, output, _) = run(&world.environment, &["check"]).await;

        assert_eq!(exit, Some(1), "{code}: {output}");
        assert!(output.contains(&format!("(AADSTS{code})")), "{output}");
        let next = output.lines().find(|line| line.starts_with("Contoso, graph, token: ")).unwrap();
        assert!(next.len() > 40 && !next.contains("look the code up"), "{next}");
        is_discreet(&output);
    }
}

#[tokio::test]
async fn a_wrong_secret_is_told_without_it() {
    let mut world = with_a_secret().await;
    world.set("POSTURE_CLIENT_SECRET", "simulated-secret-of-another");

    let diagnosis = world.diagnosis().await;

    for area in ["graph", "defender", "azure"] {
        let next = "the secret's value, not its id";
        diagnosis.says((area, "token"), "wrong", "(AADSTS7000215)", next);
    }
    diagnosis.says(("credential", "end"), "good", "no end is known", "");
}

/// A deployment whose client secret ends in so many days, as the vault tells.
async fn ending_in(days: i64) -> (World, Timestamp) {
    let mut world = with_a_secret().await;
    let tenant = support::tenant(0);
    let now = Timestamp::from_second(app::clock().as_second()).unwrap();
    let ends = now + SignedDuration::from_hours(24 * days);
    world.microsoft.put_secret("app", &tenant.client_secret, now, Some(ends));
    world.set("POSTURE_VAULT_URL", &world.microsoft.vault_url());
    world.set("POSTURE_CLIENT_SECRET", "@vault:https://contoso.vault.azure.net/secrets/app");
    (world, ends)
}

#[tokio::test]
async fn what_ends_within_thirty_days_is_a_warning() {
    let (world, soon) = ending_in(20).await;

    let diagnosis = world.diagnosis().await;

    let says = soon.strftime("ends on %Y-%m-%d").to_string();
    diagnosis.says(("credential", "client secret"), "warning", &says, "create a new one");
    assert_eq!(diagnosis.bad(), ["credential, client secret"]);
}

/// So that nobody has to ask the doctor to learn it.
#[tokio::test]
async fn what_ends_soon_is_in_health_and_in_the_workspace_too() {
    let collect = ["collect", "--source", "defender.exposure_score"];
    let (near, soon) = ending_in(20).await;
    let (far, _) = ending_in(40).await;
    for world in [&near, &far] {
        let (code, output, _) = run(&world.environment, &collect).await;
        assert_eq!(code, Some(0), "{output}");
    }

    let health = async |world: &World| {
        let service = Service::start(&world.environment).await;
        service.get("/api/health").await.json()["tenants"][0]["credentials"].clone()
    };
    let row = |world: &World| {
        world.microsoft.received().tables["PostureRuns_CL"][0]["CredentialEnds"].clone()
    };

    assert_eq!(health(&near).await, json!([{ "what": "client secret", "ends": soon.to_string() }]));
    assert_eq!(row(&near).as_str().unwrap().parse::<Timestamp>().unwrap(), soon);
    assert!(health(&far).await.is_null() && row(&far).is_null());
    let undeclared = near.microsoft.received().undeclared;
    assert!(!undeclared.contains_key("PostureRuns_CL.CredentialEnds"), "{undeclared:?}");
}

#[tokio::test]
async fn a_vault_that_can_not_be_read_is_told_with_its_role() {
    let mut world = with_a_secret().await;
    world.set("POSTURE_VAULT_URL", &world.microsoft.vault_url());
    world.set("POSTURE_CLIENT_SECRET", "@vault:https://contoso.vault.azure.net/secrets/app");
    world.microsoft.refuse_vault(true);

    let diagnosis = world.diagnosis().await;

    let says = "contoso.vault.azure.net";
    diagnosis.says(("credential", "end"), "wrong", says, "Key Vault Secrets User");
    diagnosis.says(("graph", "token"), "wrong", says, "Key Vault Secrets User");
}
