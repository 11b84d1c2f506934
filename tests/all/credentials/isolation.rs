//! No token goes out with another tenant's call, however many are asked for at once.

use crate::support;
use azure_core::http::{Method, Request};
use futures::future::join_all;
use posture::cloud::{Meter, Patience};
use posture::source::Api as Ours;
use simulator::{Api, Fault, FaultKind, Options, Simulator, Tenant};
use std::time::Duration;

const TENANTS: u32 = 40;
const ROUNDS: usize = 4;

/// Forty tenants, three APIs each, all at once and several times over. Every call says whose token it
/// must carry, and the simulator answers 401 where it is another's. Tokens live so briefly that each
/// call renews one, one call of each tenant is refused once, and sign-ins are slow by turns.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tenants_at_once_never_share_a_token() {
    let tenants: Vec<_> =
        (1..=TENANTS).map(|n| Tenant::new(n, &format!("Fabrikam {n}"), 3)).collect();
    let mut options = Options::new(tenants.clone(), posture::describe::tables_json());
    (options.limits, options.token_lifetime_s) = (false, 200);
    let microsoft = support::start(options).await;
    let folder = support::Folder::new();
    let app = support::app(&microsoft, &tenants, folder.ledger());
    disturb(&microsoft, &tenants);

    let present = app.tenants().await.unwrap();
    let calls = present.tenants.iter().zip(&tenants).flat_map(|(ours, theirs)| {
        let owner = format!("{}/{}", theirs.id, theirs.client_id);
        let call = move |api: Ours, path: &str| {
            let url = format!("{}{path}", ours.cloud.origin(api)).parse().unwrap();
            let mut request = Request::new(url, Method::Get);
            request.insert_header("x-expected-owner", owner.clone());
            async move {
                let (patience, meter) = (Patience::DEFAULT, Meter::default());
                ours.pipeline(api)
                    .send(&request, &patience, &meter, |answer| Ok(answer.status))
                    .await
            }
        };
        (0..ROUNDS).flat_map(move |_| {
            [
                call(Ours::Graph, "/v1.0/security/secureScores?$top=1"),
                call(Ours::Defender, "/api/exposureScore"),
                call(Ours::Arm, "/subscriptions?api-version=2022-12-01"),
            ]
        })
    });
    let answers = join_all(calls).await;

    assert_eq!(answers.len(), TENANTS as usize * ROUNDS * 3);
    let wrong: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    // Each request came with the token that its own tenant had asked for.
    let requests = microsoft.requests();
    let asked = requests.iter().filter(|seen| seen.api == Api::Entra);
    assert!(asked.count() >= TENANTS as usize * 3);
}

/// Refuses one call of each tenant, and makes the sign-ins of every third one slow.
fn disturb(microsoft: &Simulator, tenants: &[Tenant]) {
    for (number, tenant) in tenants.iter().enumerate() {
        let unauthorized = FaultKind::Status { code: 401, retry_after: None };
        let api = [Api::Graph, Api::Defender, Api::Arm][number % 3];
        microsoft.inject(Fault::new(api, "", unauthorized).tenant(&tenant.id));
    }
    for tenant in tenants.iter().step_by(3) {
        let slow = FaultKind::Hang(Duration::from_millis(30));
        microsoft.inject(Fault::new(Api::Entra, "", slow).tenant(&tenant.id).times(5));
    }
}

/// The check above can fail: another tenant's token is refused.
#[tokio::test]
async fn a_call_with_anothers_token_would_be_refused() {
    let tenants = [Tenant::new(1, "Contoso", 3), Tenant::new(2, "Fabrikam", 3)];
    let mut options = Options::new(tenants.to_vec(), posture::describe::tables_json());
    options.limits = false;
    let microsoft = support::start(options).await;
    let folder = support::Folder::new();
    let app = support::app(&microsoft, &tenants, folder.ledger());
    let url = format!("{}/api/exposureScore", support::first(&app).cloud.defender).parse().unwrap();
    let mut request = Request::new(url, Method::Get);
    request
        .insert_header("x-expected-owner", format!("{}/{}", tenants[1].id, tenants[1].client_id));

    let pipeline = support::first(&app).pipeline(Ours::Defender);
    let (patience, meter) = (Patience::DEFAULT, Meter::default());
    let answer = pipeline.send(&request, &patience, &meter, |answer| Ok(answer.status)).await;

    assert!(answer.is_err_and(|error| error.to_string().contains("401")));
}
