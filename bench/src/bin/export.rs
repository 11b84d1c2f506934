//! Writes the simulator's export of vulnerabilities on devices as gzip files, once: a folder that
//! has them already is left as it is.

use std::error::Error;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use bench::Counter;
use clap::Parser;
use flate2::write::MultiGzDecoder;
use serde_json::{Value, json};
use simulator::{Options, Simulator, Tenant};

const LISTING: &str = "/api/machines/SoftwareVulnerabilitiesExport";
/// Rows of one file where nothing is said; one file of an export is empty.
const ROWS_PER_FILE: u64 = 100_000;
const CHUNK_BYTES: usize = 64 * 1024;

/// Writes an export's files and `manifest.json`, which says how much is in them.
#[derive(Debug, Parser)]
struct Arguments {
    /// Devices of the tenant
    #[arg(long, default_value_t = 50_000)]
    devices: u32,
    /// Rows of each device
    #[arg(long, default_value_t = 30)]
    rows_per_device: u32,
    /// Files, an empty one among them; default one for each 100,000 rows
    #[arg(long)]
    files: Option<u32>,
    /// Folder to write to
    into: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let manifest = arguments.into.join("manifest.json");
    if !manifest.exists() {
        fs::create_dir_all(&arguments.into)?;
        let written = write(&arguments)?;
        // Last, so that a folder with a manifest is whole.
        fs::write(&manifest, serde_json::to_vec_pretty(&written)?)?;
    }
    print!("{}", fs::read_to_string(&manifest)?);
    Ok(())
}

fn write(arguments: &Arguments) -> Result<Value, Box<dyn Error>> {
    let rows = u64::from(arguments.devices) * u64::from(arguments.rows_per_device);
    let usual = u32::try_from(rows.div_ceil(ROWS_PER_FILE) + 1)?;
    let mut options =
        Options::new(vec![Tenant::new(1, "Fabrikam 1", arguments.devices)], Value::Null);
    options.rows_per_device.vulnerabilities = arguments.rows_per_device;
    options.export_files = arguments.files.unwrap_or(usual).max(1);
    options.limits = false;
    let runtime = tokio::runtime::Runtime::new()?;
    let simulator = runtime.block_on(Simulator::start(options))?;

    let mut sums = (Counter::default(), 0);
    let links = links(&simulator)?;
    for (number, link) in links.iter().enumerate() {
        let file = arguments.into.join(format!("part-{number:05}.json.gz"));
        copy(link, &file, &mut sums)?;
    }
    let (text, gzip_bytes) = sums;
    if text.lines != rows {
        return Err(format!("the simulator sent {} rows, expected {rows}", text.lines).into());
    }
    Ok(json!({
        "devices": arguments.devices,
        "files": links.len(),
        "rows": rows,
        "json_bytes": text.bytes,
        "gzip_bytes": gzip_bytes,
        "average_row_bytes": text.bytes.checked_div(rows),
    }))
}

/// The links of the export, asked for with a token of the managed identity.
fn links(simulator: &Simulator) -> Result<Vec<String>, Box<dyn Error>> {
    let resource = "https://api.securitycenter.microsoft.com";
    let endpoint = simulator.identity_endpoint();
    let answer = ureq::get(format!("{endpoint}?api-version=2019-08-01&resource={resource}"))
        .header("x-identity-header", simulator.identity_header())
        .call()?;
    let token: Value = serde_json::from_reader(answer.into_body().into_reader())?;
    let token = token["access_token"].as_str().ok_or("the simulator gave no token")?;
    let answer = ureq::get(simulator.defender_url() + LISTING)
        .header("authorization", format!("Bearer {token}"))
        .call()?;
    let listing: Value = serde_json::from_reader(answer.into_body().into_reader())?;
    let links = listing["exportFiles"].as_array().ok_or("the simulator gave no files")?;
    Ok(links.iter().filter_map(|link| link.as_str().map(str::to_owned)).collect())
}

/// Copies a file as it is, and counts what is in it.
fn copy(link: &str, file: &Path, sums: &mut (Counter, u64)) -> Result<(), Box<dyn Error>> {
    let mut body = ureq::get(link).call()?.into_body().into_reader();
    let mut out = File::create(file)?;
    let mut inflated = MultiGzDecoder::new(std::mem::take(&mut sums.0));
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = body.read(&mut chunk)?;
        if length == 0 {
            break;
        }
        out.write_all(&chunk[..length])?;
        inflated.write_all(&chunk[..length])?;
        sums.1 += length as u64;
    }
    sums.0 = inflated.finish()?;
    Ok(())
}
