//! The commands as a person runs them: the real binary, its output and its exit code.

use crate::support::service::{command, environment};
use crate::support::{self, Folder};
use posture::source::ALL;
use std::process::Output;

/// Runs the binary with these arguments to its end, beside the servers of the test.
pub async fn run(
    environment: &[(String, String)],
    arguments: &[&str],
) -> (Option<i32>, String, String) {
    let mut command = command(environment);
    command.args(arguments);
    let Output { status, stdout, stderr } =
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

fn path() -> (String, String) {
    // cargo sets it for tests; the Azure CLI would be looked for in it.
    ("PATH".to_owned(), "/nowhere".to_owned())
}

#[tokio::test]
async fn the_demo_collects_three_tenants_and_ends_well() {
    let folder = Folder::new();
    let data = folder.path().join("data").display().to_string();

    let arguments = ["demo", "--once", "--devices", "20", "--folder", &data];
    let (code, output, errors) = run(&[], &arguments).await;

    assert_eq!((code, errors.as_str()), (Some(0), ""), "{output}");
    let shared = ALL.iter().filter(|source| source.is_shared()).count();
    let collected = 3 * (ALL.len() - shared) + shared;
    assert_eq!(output.matches(" records in ").count(), collected);
    for words in ["Contoso", "Fabrikam", "Northwind", "Simulated workspace", "0 stale, 0 missing"] {
        assert!(output.contains(words), "{words}: {output}");
    }
    assert!(!output.contains("simulated-secret"), "{output}");
    // Beside each source's own: its Parquet, and four classes of findings.
    let latest = folder.ledger().list("data/latest/").await.unwrap();
    assert_eq!(latest.len(), 2 * collected + 3 * 4);
    assert!(output.contains("OCSF events: ") && output.contains("Parquet: "), "{output}");
}

#[tokio::test]
async fn the_demo_replays_recorded_answers() {
    let folder = Folder::new();
    let data = folder.path().join("data").display().to_string();

    let arguments = ["demo", "--once", "--replay", "tests/fixtures", "--folder", &data];
    let (code, output, _) = run(&[], &arguments).await;
    let missing = run(&[], &["demo", "--once", "--replay", "/nowhere", "--folder", &data]).await;

    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("defender.devices of Contoso: 3 records in 1 pages"), "{output}");
    assert_eq!((missing.0, missing.2.lines().count()), (Some(1), 1), "{}", missing.2);
}

#[tokio::test]
async fn collect_says_what_became_of_each_source() {
    let microsoft = support::microsoft(15).await;
    let folder = Folder::new();
    let environment = environment(&microsoft, &folder.url());

    let roles = support::tenant(0).roles;
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    microsoft.set_roles(&support::tenant(0).id, &["Score.Read.All"]);
    let refused = run(&environment, &["collect", "--source", "graph.control_profiles"]).await;
    microsoft.set_roles(&support::tenant(0).id, &roles);
    let one = run(&environment, &["collect", "--source", "Defender.Devices"]).await;
    let all = run(&environment, &["collect"]).await;

    assert_eq!(all.0, Some(0), "{}", all.1);
    assert!(one.1.contains("defender.devices") && !one.1.contains("graph."), "{}", one.1);
    assert_eq!(refused.0, Some(1));
    assert!(refused.1.contains("grant the app role SecurityEvents.Read.All"), "{}", refused.1);
}

#[tokio::test]
async fn check_says_what_a_month_of_ingestion_comes_to() {
    let microsoft = support::microsoft(15).await;
    let folder = Folder::new();
    let environment = environment(&microsoft, &folder.url());
    let sources = ["collect", "--source", "defender.devices", "--source", "graph.alerts"];
    assert_eq!(run(&environment, &sources).await.0, Some(0));

    let (code, output, errors) = run(&environment, &["check", "--cost"]).await;

    assert_eq!((code, errors.as_str()), (Some(0), ""), "{output}");
    let row = |table: &str| output.lines().find(|line| line.contains(table)).unwrap().to_owned();
    assert!(row("PostureDevices_CL").contains(" 15 "), "{output}");
    assert!(row("PostureAlerts_CL").contains("0.000"), "alerts stay in the ledger: {output}");
    assert!(output.contains(" GB a month"), "{output}");
    assert!(!output.contains("PostureSoftware_CL"), "never collected: {output}");
}

#[tokio::test]
async fn a_wrong_word_or_setting_ends_with_one_line_and_the_next_step() {
    let microsoft = support::microsoft(1).await;
    let folder = Folder::new();
    let environment = environment(&microsoft, &folder.url());

    let source = run(&environment, &["collect", "--source", "defender.phones"]).await;
    let tenant = run(&environment, &["collect", "--tenant", "nobody"]).await;
    let unset = run(&[path()], &["collect"]).await;
    let bare = run(&[], &[]).await;

    assert_eq!((source.0, tenant.0, unset.0, bare.0), (Some(1), Some(1), Some(1), Some(2)));
    assert!(source.2.contains("choose from graph.secure_scores"), "{}", source.2);
    assert!(tenant.2.contains("POSTURE_TENANT_ID"), "{}", tenant.2);
    assert!(unset.2.contains("POSTURE_TENANT_ID is missing: for example"), "{}", unset.2);
    for (_, _, errors) in [&source, &tenant, &unset] {
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
    assert!(bare.1.contains("collect") && bare.1.contains("demo"), "{}", bare.1);
}

#[tokio::test]
async fn collect_reads_a_pack_for_the_times_asked_for() {
    let microsoft = support::microsoft(16).await;
    let folder = Folder::new();
    let mut environment = environment(&microsoft, &folder.url());
    let pack = "graph.hunting.unmanaged_devices";
    environment.push(("POSTURE_SOURCES".to_owned(), format!("+{pack}")));
    let times = ["--from", "2026-01-01", "--to", "2026-01-02T12:00:00Z"];
    let collect = |source: &'static str| [&["collect", "--source", source], &times[..]].concat();

    let past = run(&environment, &collect(pack)).await;
    // Elsewhere, since a run of the same second would be the same run.
    let elsewhere = Folder::new();
    environment.push(("POSTURE_STORAGE".to_owned(), elsewhere.url()));
    let present = run(&environment, &["collect", "--source", pack]).await;
    let other = run(&environment, &collect("graph.alerts")).await;
    let half = run(&environment, &["collect", "--source", pack, "--from", "2026-01-01"]).await;
    let backwards = ["collect", "--source", pack, "--from", "2026-01-02", "--to", "2026-01-01"];
    let backwards = run(&environment, &backwards).await;

    assert_eq!((past.0, present.0), (Some(0), Some(0)), "{}{}", past.1, present.1);
    assert!(past.1.contains(": 0 records in "), "{}", past.1);
    assert!(present.1.contains(": 2 records in "), "{}", present.1);
    assert!(
        other.2.contains("graph.alerts takes no --from and --to: name hunting packs"),
        "{}",
        other.2
    );
    assert!(half.2.contains("--to <TIME>"), "{}", half.2);
    assert!(backwards.2.contains("put the earlier first"), "{}", backwards.2);
}

#[tokio::test]
async fn a_ledger_that_takes_nothing_is_a_clear_failure() {
    let microsoft = support::microsoft(1).await;
    let folder = Folder::new();
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let environment = environment(&microsoft, &format!("file://{}", file.display()));

    let (code, output, _) = run(&environment, &["collect", "--source", "defender.devices"]).await;

    assert_eq!(code, Some(1));
    assert!(output.contains("storage failed at"), "{output}");
}

#[tokio::test]
async fn describe_writes_what_the_repository_holds() {
    let folder = Folder::new();
    let root = folder.path().display().to_string();

    let first = run(&[], &["describe", "--root", &root]).await;
    let again = run(&[], &["describe", "--root", &root]).await;

    assert_eq!((first.0, again.0), (Some(0), Some(0)));
    assert!(
        first.1.contains("tables.json is written") && again.1.contains("tables.json is current")
    );
    for path in
        ["infra/generated/tables.json", "infra/generated/permissions.json", "docs/sources.md"]
    {
        let written = std::fs::read(folder.path().join(path)).unwrap();
        assert!(written == std::fs::read(path).unwrap(), "{path}");
    }
}
