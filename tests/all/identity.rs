//! Who signs in: managed identity, client secret, Azure CLI; tokens are kept, and renewed in time.

use crate::support::service::{Service, command, environment};
use crate::support::{self, Folder, job};
use posture::report::Status;
use posture::run::run;
use posture::source::{DEVICES, EXPOSURE_SCORE, RECOMMENDATIONS, SECURE_SCORES};
use serde_json::json;
use simulator::{Api, Fault, FaultKind, Options, Simulator};
use std::os::unix::fs::PermissionsExt;

fn message(source: &str) -> serde_json::Value {
    json!({ "run": "20261122T101500Z", "tenant": support::tenant(0).id, "source": source })
}

fn asked(microsoft: &Simulator, api: Api) -> usize {
    microsoft.requests().iter().filter(|seen| seen.api == api).count()
}

#[tokio::test]
async fn a_managed_identity_asks_once_per_audience() {
    let microsoft = support::microsoft(5).await;
    let folder = Folder::new();
    let service = Service::start(&environment(&microsoft, &folder.url())).await;

    for source in ["defender.devices", "defender.exposure_score", "graph.secure_scores"] {
        assert_eq!(service.run(&message(source)).await.status, 200, "{}", service.log());
    }

    // Defender, Graph and the workspace.
    assert_eq!(asked(&microsoft, Api::Identity), 3);
    assert_eq!(asked(&microsoft, Api::Entra), 0);
}

#[tokio::test]
async fn a_user_assigned_identity_is_asked_for_by_its_client_id() {
    let microsoft = support::microsoft(5).await;
    let folder = Folder::new();
    let with = |id: &str| {
        let mut environment = environment(&microsoft, &folder.url());
        environment.push(("AZURE_CLIENT_ID".to_owned(), id.to_owned()));
        environment
    };

    let right = Service::start(&with(&support::tenant(0).client_id)).await;
    let answered = right.run(&message("defender.devices")).await;
    let wrong = Service::start(&with("99999999-0000-4000-8000-000000000000")).await;
    let refused = wrong.run(&message("defender.exposure_score")).await;

    assert_eq!(answered.status, 200);
    let queries = microsoft.requests().into_iter().filter(|seen| seen.api == Api::Identity);
    assert!(queries.into_iter().all(|seen| seen.query.contains("client_id=")));
    // An administrator's turn: the message is done with, the advice is in the log and the state.
    assert_eq!(refused.status, 200, "{}", refused.body);
    wrong.until_logged("AZURE_CLIENT_ID").await;
}

#[tokio::test]
async fn a_client_secret_signs_in_at_the_tenants_own_endpoint() {
    let microsoft = support::microsoft(5).await;
    let folder = Folder::new();
    let tenant = support::tenant(0);
    let mut environment = environment(&microsoft, &folder.url());
    for (name, value) in [
        ("POSTURE_CREDENTIAL", "client-secret"),
        ("POSTURE_CLIENT_ID", &tenant.client_id),
        ("POSTURE_CLIENT_SECRET", &tenant.client_secret),
    ] {
        environment.push((name.to_owned(), value.to_owned()));
    }

    let service = Service::start(&environment).await;
    let reply = service.run(&message("defender.devices")).await;

    assert_eq!(reply.status, 200, "{}", reply.body);
    let paths = microsoft.requests();
    let path = &paths.iter().find(|seen| seen.api == Api::Entra).unwrap().path;
    assert!(path.contains(&tenant.id), "{path}");
    assert!(!service.log().contains(&tenant.client_secret));
}

/// A stand-in for the `az` program: it prints the token that lies beside it for the scope asked for.
fn fake_cli(folder: &Folder) {
    let script = "#!/bin/sh\ncase \"$*\" in *graph*) f=graph;; *monitor*) f=logs;; *) f=defender;; esac\n\
                  exec cat \"$(dirname \"$0\")/$f.json\"\n";
    let path = folder.path().join("az");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

async fn cli_tokens(microsoft: &Simulator, folder: &Folder) {
    let port = microsoft.identity_endpoint();
    let (address, path) = port.trim_start_matches("http://").split_once('/').unwrap();
    let port = address.rsplit(':').next().unwrap().parse().unwrap();
    for (file, resource) in [
        ("graph", "https://graph.microsoft.com"),
        ("defender", "https://api.securitycenter.microsoft.com"),
        ("logs", "https://monitor.azure.com"),
    ] {
        let request = format!(
            "GET /{path}?api-version=2019-08-01&resource={resource} HTTP/1.1\r\nHost: x\r\n\
             X-IDENTITY-HEADER: {}\r\nConnection: close\r\n\r\n",
            microsoft.identity_header()
        );
        let answer = support::http::raw(port, request.as_bytes()).await.unwrap().json();
        let token = json!({
            "accessToken": answer["access_token"],
            "expiresOn": "2099-01-01 00:00:00.000000",
            "expires_on": 4_070_908_800_u64,
            "tokenType": "Bearer",
        });
        std::fs::write(folder.path().join(format!("{file}.json")), token.to_string()).unwrap();
    }
}

#[tokio::test]
async fn a_developer_signs_in_with_the_azure_cli() {
    let microsoft = support::microsoft(5).await;
    let (folder, bin) = (Folder::new(), Folder::new());
    fake_cli(&bin);
    cli_tokens(&microsoft, &bin).await;
    let mut environment = environment(&microsoft, &folder.url());
    environment.retain(|(name, _)| !name.starts_with("IDENTITY_"));
    let without = environment.clone();
    environment.push(("PATH".to_owned(), format!("{}:/bin:/usr/bin", bin.path().display())));

    let collect = |environment: Vec<(String, String)>, source: &'static str| async move {
        let mut command = command(&environment);
        command.args(["collect", "--source", source]);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let signed_in = collect(environment, "defender.devices").await;
    let signed_out = collect(without, "defender.exposure_score").await;

    assert_eq!(signed_in.0, Some(0), "{}", signed_in.1);
    assert_eq!(signed_out.0, Some(1));
    assert!(signed_out.1.contains("az login"), "{}", signed_out.1);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let mut options = Options::new(vec![support::tenant(5)], posture::describe::tables_json());
    // Shorter than the five minutes before expiry at which a token is renewed: each call asks anew.
    options.token_lifetime_s = 200;
    let microsoft = support::start(options).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(5)], folder.ledger());

    for source in [DEVICES, EXPOSURE_SCORE, RECOMMENDATIONS] {
        assert_eq!(run(&app, &job(&app, source)).await.status, Status::Complete);
    }

    assert!(asked(&microsoft, Api::Entra) >= 3);
}

#[tokio::test]
async fn a_token_that_cannot_be_renewed_is_used_while_it_is_valid() {
    let mut options = Options::new(vec![support::tenant(5)], posture::describe::tables_json());
    options.token_lifetime_s = 200;
    let microsoft = support::start(options).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(5)], folder.ledger());
    assert_eq!(run(&app, &job(&app, DEVICES)).await.status, Status::Complete);
    let busy = FaultKind::Status { code: 503, retry_after: None };
    microsoft.inject(Fault::new(Api::Entra, "", busy).always());

    let second = run(&app, &job(&app, EXPOSURE_SCORE)).await;
    let other_audience = run(&app, &job(&app, SECURE_SCORES)).await;

    assert_eq!(second.status, Status::Complete, "{second}");
    assert_eq!(other_audience.status, Status::Failed, "no token to fall back on");
    assert!(other_audience.message.contains("sign-in service is busy"), "{other_audience}");
}
