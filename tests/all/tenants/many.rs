//! Hundreds of customers of whom some are broken, each in its own way: the others lose nothing.

use super::{customers, entry, microsoft, provider, write};
use crate::support::Folder;
use crate::support::service::command;
use serde_json::Value;
use simulator::{Api, Fault, FaultKind, Simulator};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Output;
use std::time::{Duration, Instant};

const SOURCES: &str = "defender.exposure_score,defender.devices";
const CUSTOMERS: u32 = 500;
const DEVICES: u32 = 3;

/// Breaks a customer in the way that its number tells; what its reports must say then.
fn break_one(microsoft: &Simulator, customer: &simulator::Tenant, number: usize) -> &'static str {
    let always = |kind: FaultKind| {
        for api in [Api::Graph, Api::Defender] {
            microsoft.inject(Fault::new(api, "", kind.clone()).tenant(&customer.id).always());
        }
    };
    match number % 5 {
        0 => {
            // No administrator has consented: tokens come without roles.
            microsoft.set_roles(&customer.id, &[]);
            "grant the app role"
        }
        1 => "AADSTS7000215",
        2 => {
            always(FaultKind::Status { code: 429, retry_after: Some("600".to_owned()) });
            "throttled at"
        }
        3 => {
            always(FaultKind::Hang(Duration::from_secs(600)));
            "no answer before the run's end"
        }
        _ => {
            always(FaultKind::Status { code: 503, retry_after: None });
            "answered 503"
        }
    }
}

/// The real binary to its end, and the most memory that it has held, in kB.
fn collect(environment: &[(String, String)]) -> (Output, u64) {
    let child = command(environment).arg("collect").spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let watch = std::thread::spawn(move || {
        let mut peak = 0;
        while let Ok(status) = std::fs::read_to_string(&status) {
            let line = status.lines().find(|line| line.starts_with("VmHWM"));
            let Some(line) = line else { break };
            peak = line.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        peak
    });
    (child.wait_with_output().unwrap(), watch.join().unwrap())
}

/// The reports of all jobs, as they are kept.
async fn reports(folder: &Folder) -> Vec<Value> {
    let ledger = folder.ledger();
    let mut reports = Vec::new();
    for path in ledger.list("runs/").await.unwrap() {
        let (bytes, _) = ledger.read(&path).await.unwrap().unwrap();
        reports.push(serde_json::from_slice(&bytes).unwrap());
    }
    reports
}

/// The customers that are broken: every tenth one.
fn broken() -> impl Iterator<Item = usize> {
    (0..CUSTOMERS as usize).filter(|index| index % 10 == 7)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_customer_in_ten_is_broken_and_the_others_lose_nothing() {
    let mut customers = customers(CUSTOMERS, DEVICES);
    for index in broken().filter(|index| index / 10 % 5 == 1) {
        customers[index].client_secret = "a newer one".to_owned();
    }
    let microsoft = microsoft(&customers).await;
    let said: BTreeMap<_, _> = broken()
        .map(|index| {
            let customer = &customers[index];
            (customer.id.clone(), break_one(&microsoft, customer, index / 10))
        })
        .collect();
    let folder = Folder::new();
    write(&folder, &customers.iter().map(entry).collect::<Vec<_>>());
    let mut environment = provider(&microsoft, &folder, SOURCES);
    environment.push(("POSTURE_RUN_SECONDS".to_owned(), "10".to_owned()));
    let began = Instant::now();

    let collect = tokio::task::spawn_blocking(move || collect(&environment));
    let (output, peak_kb) = collect.await.unwrap();

    let took = began.elapsed();
    assert_eq!(output.status.code(), Some(1), "some are broken");
    let reports = reports(&folder).await;
    assert_eq!(reports.len(), 2 * CUSTOMERS as usize);
    let mut kept = BTreeMap::new();
    for report in &reports {
        match said.get(report["tenant"].as_str().unwrap()) {
            Some(words) => {
                assert!(["refused", "failed"].contains(&report["status"].as_str().unwrap()));
                let message = report["message"].as_str().unwrap();
                assert!(message.contains(words), "{words}: {message}");
            }
            None => {
                assert_eq!(report["status"], "complete", "{report}");
                assert_eq!(report["sent"], report["kept"], "{report}");
                let source = report["source"].as_str().unwrap();
                *kept.entry(source).or_insert(0) += report["kept"].as_u64().unwrap();
            }
        }
    }
    let well = u64::from(CUSTOMERS) - said.len() as u64;
    assert_eq!(said.len(), CUSTOMERS as usize / 10);
    assert_eq!(kept["defender.devices"], well * u64::from(DEVICES));
    assert_eq!(kept["defender.exposure_score"], well);
    let received = microsoft.received();
    let tenants_of = |table: &str| -> BTreeSet<&str> {
        received.tables[table].iter().filter_map(|row| row["AadTenantId"].as_str()).collect()
    };
    assert_eq!(received.tables["PostureDevices_CL"].len() as u64, kept["defender.devices"]);
    assert_eq!(tenants_of("PostureDevices_CL").len() as u64, well);
    say_figures(&reports, took, peak_kb, microsoft.requests().len());
    tells_of_each_broken_one(&received.tables["PostureRuns_CL"], &reports, &said);
}

fn tells_of_each_broken_one(
    rows: &[Value],
    reports: &[Value],
    said: &BTreeMap<String, &'static str>,
) {
    for report in reports.iter().filter(|report| report["status"] != "complete") {
        let is_its = |row: &&Value| {
            row["AadTenantId"] == report["tenant"] && row["Source"] == report["source"]
        };
        let row = rows.iter().find(is_its).unwrap_or_else(|| panic!("no row of {report}"));
        let words = said[report["tenant"].as_str().unwrap()];
        assert!(row["Message"].as_str().unwrap().contains(words), "{row}");
    }
}

/// What `--nocapture` shows: the figures of docs/performance.md.
fn say_figures(reports: &[Value], took: Duration, peak_kb: u64, requests: usize) {
    let waited: u64 = reports.iter().map(|report| report["waitedMs"].as_u64().unwrap()).sum();
    println!(
        "{CUSTOMERS} tenants, {} jobs: {:.1} s, peak resident memory {:.1} MB, {requests} requests, \
         {:.1} s waited in all",
        reports.len(),
        took.as_secs_f64(),
        peak_kb as f64 / 1024.0,
        waited as f64 / 1000.0,
    );
}
