//! `posture consent`: a browser's sign-in gives the first refresh token, kept and never shown.

use crate::support::service::{command, environment};
use crate::support::{self, Folder, http};
use simulator::Simulator;
use std::io::{BufRead, BufReader, Read};
use std::process::Child;

struct World {
    microsoft: Simulator,
    folder: Folder,
    environment: Vec<(String, String)>,
}

/// The program, and the link that it has printed.
struct Started {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    link: String,
}

impl World {
    async fn new(keep: &str) -> World {
        let (microsoft, folder) = (support::microsoft(5).await, Folder::new());
        let tenant = support::tenant(5);
        let mut environment = environment(&microsoft, &folder.url());
        for (name, value) in [
            ("POSTURE_CREDENTIAL", "refresh-token"),
            ("POSTURE_CLIENT_ID", &tenant.client_id),
            ("POSTURE_CLIENT_SECRET", &tenant.client_secret),
            ("POSTURE_VAULT_URL", &microsoft.vault_url()),
            ("POSTURE_REFRESH_TOKEN", keep),
        ] {
            environment.push((name.to_owned(), value.to_owned()));
        }
        World { microsoft, folder, environment }
    }

    fn start(&self) -> Started {
        let mut command = command(&self.environment);
        let mut child = command.arg("consent").spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut link = String::new();
        while !link.starts_with("http") {
            link.clear();
            assert_ne!(output.read_line(&mut link).unwrap(), 0, "the program has ended");
        }
        Started { child, output, link: link.trim().to_owned() }
    }
}

impl Started {
    /// What the program says from here on, and its exit code.
    fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        let mut text = String::new();
        self.output.read_to_string(&mut text).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        (code, text)
    }
}

/// Opens an address on loopback as a browser does.
async fn open(url: &str) -> http::Reply {
    let (_, rest) = url.split_once("://").unwrap();
    let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap());
    let path = format!("/{}", path.trim_start_matches('/'));
    http::get(host.rsplit(':').next().unwrap().parse().unwrap(), &path).await
}

/// Signs in at the printed link; the address that the browser is sent back to.
async fn sign_in(started: &Started) -> String {
    let answer = open(&started.link).await;
    assert_eq!(answer.status, 302, "{}", answer.body);
    answer.header("location").unwrap().to_owned()
}

#[tokio::test]
async fn a_sign_in_in_the_browser_keeps_the_first_refresh_token_in_the_vault() {
    let world = World::new("@vault:https://contoso.vault.azure.net/secrets/user").await;
    let started = world.start();

    let back = sign_in(&started).await;
    let page = open(&back).await;
    let (code, text) = started.end();

    assert_eq!((code, page.status), (Some(0), 200), "{text}");
    assert!(text.contains("kept at contoso.vault.azure.net/secrets/user"), "{text}");
    let kept = world.microsoft.secret_versions("user");
    assert_eq!(kept.len(), 1);
    assert!(!text.contains(&kept[0]) && !page.body.contains(&kept[0]));
    // And what was kept collects.
    let mut command = command(&world.environment);
    command.args(["collect", "--source", "defender.devices"]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test]
async fn without_a_vault_a_file_keeps_it_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let secrets = Folder::new();
    let path = secrets.path().join("user.token");
    let world = World::new(&format!("file://{}", path.display())).await;
    let started = world.start();

    let back = sign_in(&started).await;
    open(&back).await;
    let (code, text) = started.end();

    assert_eq!(code, Some(0), "{text}");
    let token = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains(&token) && token.starts_with("simulated-refresh-"));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn an_answer_to_another_sign_in_changes_nothing() {
    let world = World::new("@vault:https://contoso.vault.azure.net/secrets/user").await;
    let started = world.start();
    let back = sign_in(&started).await;
    let (address, _) = back.split_once('?').unwrap();

    let forged = open(&format!("{address}?code=forged&state=guessed")).await;
    let icon = open(&format!("{address}/favicon.ico?x")).await;
    let right = open(&back).await;
    let (code, _) = started.end();

    assert_eq!((forged.status, icon.status, right.status, code), (400, 404, 200, Some(0)));
    assert_eq!(world.microsoft.secret_versions("user").len(), 1);
}

#[tokio::test]
async fn a_code_is_of_no_use_without_the_verifier() {
    let world = World::new("@vault:https://contoso.vault.azure.net/secrets/user").await;
    let (first, second) = (world.start(), world.start());
    let code_of = |back: &str| back.split(['?', '&']).nth(1).unwrap().to_owned();
    let stolen = code_of(&sign_in(&first).await);
    let back = sign_in(&second).await;

    // The second program is handed the code of the first one's sign-in, with its own state.
    let injected = back.replace(&code_of(&back), &stolen);
    open(&injected).await;
    let (code, text) = second.end();
    let mut child = first.child;
    child.kill().unwrap();
    child.wait().unwrap();

    assert_eq!(code, Some(1));
    assert!(text.contains("AADSTS501481"), "{text}");
    assert!(world.microsoft.secret_versions("user").is_empty());
}

#[tokio::test]
async fn a_refused_sign_in_says_the_next_step() {
    let world = World::new("@vault:https://contoso.vault.azure.net/secrets/user").await;
    let started = world.start();
    let back = sign_in(&started).await;
    let (address, query) = back.split_once('?').unwrap();
    let state = query.split('&').find(|pair| pair.starts_with("state=")).unwrap();

    let refused = format!(
        "{address}?error=access_denied&error_description=AADSTS65001%3A+no+consent.+Trace+ID&{state}"
    );
    open(&refused).await;
    let (code, text) = started.end();

    assert_eq!(code, Some(1));
    assert!(text.contains("(AADSTS65001): nobody has consented"), "{text}");
}

#[tokio::test]
async fn a_credential_without_a_user_and_a_token_in_the_setting_are_told_apart() {
    let run = |environment: Vec<(String, String)>| async move {
        let mut command = command(&environment);
        command.arg("consent");
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let given = World::new("s3cret").await;
    let mut other = given.environment.clone();
    other.retain(|(name, _)| name != "POSTURE_CREDENTIAL");

    let (code, text) = run(given.environment.clone()).await;
    let (other_code, other_text) = run(other).await;

    assert_eq!((code, other_code), (Some(1), Some(1)));
    assert!(text.contains("set it to where the new one is to be kept"), "{text}");
    assert!(!text.contains("s3cret"));
    assert!(other_text.contains("set it to refresh-token"), "{other_text}");
    assert!(given.folder.path().exists());
}
