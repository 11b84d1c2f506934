//! `POSTURE_CVE`, as a person sets it.

use super::*;
use crate::commands;
use crate::support::service::{Service, environment, free_port};

/// The hosts of the feeds that were asked for anything.
fn feeds_asked(microsoft: &Simulator) -> Vec<Api> {
    let feeds = [Api::Kev, Api::KevMirror, Api::Epss, Api::Nvd];
    let asked = microsoft.requests().into_iter().map(|seen| seen.api);
    asked.filter(|api| feeds.contains(api)).collect()
}

/// The environment of a process that would ask the simulator's feeds.
fn set(microsoft: &Simulator, folder: &Folder, value: &str) -> Vec<(String, String)> {
    let ours = [
        ("POSTURE_CVE", value.to_owned()),
        ("POSTURE_KEV_URL", microsoft.kev_url()),
        ("POSTURE_KEV_MIRROR_URL", microsoft.kev_mirror_url()),
        ("POSTURE_EPSS_URL", microsoft.epss_url()),
        ("POSTURE_NVD_URL", microsoft.nvd_url()),
    ];
    let ours = ours.map(|(name, value)| (name.to_owned(), value));
    environment(microsoft, &folder.url()).into_iter().chain(ours).collect()
}

#[tokio::test]
async fn a_wrong_value_is_refused_at_start_with_what_is_allowed() {
    let (microsoft, folder) = (support::microsoft(1).await, Folder::new());
    for value in ["maybe", "true", "ON", "kev"] {
        let mut wrong = set(&microsoft, &folder, value);
        wrong.push(("FUNCTIONS_CUSTOMHANDLER_PORT".to_owned(), free_port().to_string()));

        for arguments in [&["collect"][..], &[]] {
            let (code, _, errors) = commands::run(&wrong, arguments).await;

            assert_eq!(code, Some(1), "{value}: {errors}");
            let told = format!("POSTURE_CVE is {value}, expected on or off");
            assert!(errors.contains(&told), "{value}: {errors}");
        }
    }
    assert_eq!(microsoft.asked(), 0);
}

#[tokio::test]
async fn off_plans_nothing_asks_no_host_and_knows_no_such_source() {
    let (microsoft, folder) = (support::microsoft(2).await, Folder::new());
    let (off, on) = (set(&microsoft, &folder, "off"), set(&microsoft, &folder, "on"));
    let tick = async |environment: &[(String, String)]| {
        let service = Service::start(environment).await;
        service.post("function_timer", r#"{"Data":{"tick":{}},"Metadata":{}}"#).await.body
    };

    let planned = tick(&off).await;
    let collected = commands::run(&off, &["collect"]).await;
    let named = commands::run(&off, &["collect", "--source", "cve.kev"]).await;
    let asked = feeds_asked(&microsoft);

    assert!(planned.contains("defender.devices") && !planned.contains("cve."), "{planned}");
    assert_eq!(collected.0, Some(0), "{}", collected.1);
    assert!(!collected.1.contains("cve."), "{}", collected.1);
    assert_eq!(
        (named.0, named.2.contains(r#"no source "cve.kev""#)),
        (Some(1), true),
        "{}",
        named.2
    );
    assert_eq!(asked, []);
    // The same with `on`, so that what is told above is told by the setting.
    assert!(tick(&on).await.contains("cve.kev"));
    assert_eq!(commands::run(&on, &["collect", "--source", "cve.kev"]).await.0, Some(0));
    assert_eq!(feeds_asked(&microsoft), [Api::Kev]);

    let costs = async |of: &[&str]| {
        let (_, told, _) = commands::run(&on, &[&["check", "--cost"], of].concat()).await;
        told.lines().any(|line| line.contains(KNOWN_EXPLOITED.table.name))
    };
    assert!(costs(&[]).await, "it is sent, and billed");
    assert!(!costs(&["--tenant", &support::tenant(2).id]).await, "it is no tenant's");
}
