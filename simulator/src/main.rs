//! Runs the simulator by itself: prints the settings that lead to it and serves until Ctrl-C.

use std::path::PathBuf;
use std::process::ExitCode;

use simulator::{Options, Simulator, Tenant};

const USAGE: &str = "simulator [--tenants N] [--devices N] [--vulnerabilities N] [--vulnerabilities-per-device N] [--provider FILE] [--replay FOLDER] [--tables FILE] [--no-limits]";

/// What the command line asks for.
struct Arguments {
    tenants: u32,
    devices: u32,
    vulnerabilities: Option<u32>,
    /// Rows of vulnerabilities that the exports have for each device.
    per_device: Option<u32>,
    /// Where a provider's list of all tenants goes; they share one application then.
    provider: Option<PathBuf>,
    replay: Option<PathBuf>,
    tables: Option<PathBuf>,
    limits: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let arguments = read(std::env::args().skip(1))?;
    let options = options(arguments)?;
    let first = options.tenants.first().cloned();
    let simulator = Simulator::start(options).await.map_err(|error| error.to_string())?;
    print_settings(&simulator, first.as_ref());
    tokio::signal::ctrl_c().await.map_err(|error| error.to_string())?;
    let mut received = simulator.received();
    // One entry for each request would be most of what is printed.
    received.batches.clear();
    let end = serde_json::json!({ "received": received, "limits": simulator.pressure() });
    println!("{}", serde_json::to_string_pretty(&end).map_err(|error| error.to_string())?);
    Ok(())
}

fn read(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments {
        tenants: 1,
        devices: 50,
        vulnerabilities: None,
        per_device: None,
        provider: None,
        replay: None,
        tables: None,
        limits: true,
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value: {USAGE}"));
        let number = |text: String| {
            text.parse::<u32>().map_err(|_| format!("{text} isn't a number: {USAGE}"))
        };
        match word.as_str() {
            "--tenants" => arguments.tenants = number(value()?)?,
            "--devices" => arguments.devices = number(value()?)?,
            "--vulnerabilities" => arguments.vulnerabilities = Some(number(value()?)?),
            "--vulnerabilities-per-device" => arguments.per_device = Some(number(value()?)?),
            "--provider" => arguments.provider = Some(value()?.into()),
            "--replay" => arguments.replay = Some(value()?.into()),
            "--tables" => arguments.tables = Some(value()?.into()),
            "--no-limits" => arguments.limits = false,
            _ => return Err(format!("{word} isn't known: {USAGE}")),
        }
    }
    Ok(arguments)
}

fn options(arguments: Arguments) -> Result<Options, String> {
    let tables = match &arguments.tables {
        Some(path) => {
            let place = path.display();
            let text = std::fs::read(path).map_err(|error| format!("{place}: {error}"))?;
            serde_json::from_slice(&text).map_err(|error| format!("{place}: {error}"))?
        }
        None => serde_json::Value::Null,
    };
    let tenant = |number| {
        let mut tenant = Tenant::new(number, &format!("Fabrikam {number}"), arguments.devices);
        tenant.vulnerabilities = arguments.vulnerabilities.unwrap_or(tenant.vulnerabilities);
        tenant
    };
    let mut tenants: Vec<Tenant> = (1..=arguments.tenants.max(1)).map(tenant).collect();
    if let Some(path) = &arguments.provider {
        share_application(&mut tenants);
        let place = path.display();
        std::fs::write(path, list(&tenants)).map_err(|error| format!("{place}: {error}"))?;
    }
    let mut options = Options::new(tenants, tables);
    if let Some(rows) = arguments.per_device {
        options.rows_per_device.vulnerabilities = rows;
    }
    options.replay = arguments.replay;
    options.limits = arguments.limits;
    options.keep_rows = false;
    Ok(options)
}

/// All customers have consented to the same application of their provider.
fn share_application(tenants: &mut [Tenant]) {
    let Some(first) = tenants.first().cloned() else { return };
    for tenant in tenants {
        tenant.client_id.clone_from(&first.client_id);
        tenant.client_secret.clone_from(&first.client_secret);
    }
}

/// The tenants as a provider lists them.
fn list(tenants: &[Tenant]) -> String {
    let entry = |tenant: &Tenant| serde_json::json!({ "id": tenant.id, "name": tenant.name });
    let tenants: Vec<_> = tenants.iter().map(entry).collect();
    serde_json::json!({ "tenants": tenants }).to_string()
}

fn print_settings(simulator: &Simulator, first: Option<&Tenant>) {
    println!("POSTURE_ENTRA_URL={}", simulator.entra_url());
    println!("POSTURE_GRAPH_URL={}", simulator.graph_url());
    println!("POSTURE_DEFENDER_URL={}", simulator.defender_url());
    println!("POSTURE_ARM_URL={}", simulator.arm_url());
    println!("POSTURE_VAULT_URL={}", simulator.vault_url());
    println!("POSTURE_KEV_URL={}", simulator.kev_url());
    println!("POSTURE_KEV_MIRROR_URL={}", simulator.kev_mirror_url());
    println!("POSTURE_EPSS_URL={}", simulator.epss_url());
    println!("POSTURE_NVD_URL={}", simulator.nvd_url());
    println!("POSTURE_LOGS_URL={}", simulator.logs_url());
    println!("POSTURE_LOGS_RULES={}", simulator.rules().join(","));
    println!("IDENTITY_ENDPOINT={}", simulator.identity_endpoint());
    println!("IDENTITY_HEADER={}", simulator.identity_header());
    if let Some(tenant) = first {
        println!("POSTURE_TENANT_ID={}", tenant.id);
        println!("POSTURE_CLIENT_ID={}", tenant.client_id);
        println!("POSTURE_CLIENT_SECRET={}", tenant.client_secret);
    }
}
