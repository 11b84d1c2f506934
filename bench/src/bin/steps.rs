//! The steps that a collector's CPU time is made of, each alone over one export file in memory: what
//! parsers and compressor levels cost, to choose by.

use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;

use clap::Parser;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

/// Bytes of JSON in one part.
const PART_BYTES: usize = 1_000_000;
/// In front of each row, as long as Posture's envelope.
const ENVELOPE: &str = r#"{"TimeGenerated":"2026-11-22T05:00:00.000000Z","CollectedTime":"2026-11-22T05:00:00.000000Z","AadTenantId":"11111111-2222-3333-4444-555555555555","TenantName":"Fabrikam 1","Source":"defender.device_vulnerabilities","RunId":"20261122T050000Z","RecordId":""#;

/// Measures each step over one export file.
#[derive(Debug, Parser)]
struct Options {
    /// A gzip file of JSON lines, of 77 MB or so
    file: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let packed = fs::read(&options.file)?;
    let mut text = String::new();
    MultiGzDecoder::new(&*packed).read_to_string(&mut text)?;
    let rows: Vec<&str> = text.lines().collect();
    let lines = enveloped(&rows);
    println!("| step | MB/s | CPU s per million rows | packed to 1 in |");
    println!("| --- | --- | --- | --- |");

    measure("inflate", rows.len(), text.len(), || {
        std::io::copy(&mut MultiGzDecoder::new(&*packed), &mut std::io::sink()).unwrap_or_default()
    })?;
    measure("cut into lines", rows.len(), text.len(), || text.lines().count() as u64)?;
    measure("validate (IgnoredAny)", rows.len(), text.len(), || valid::<IgnoredAny>(&rows))?;
    measure("validate (&RawValue)", rows.len(), text.len(), || valid::<&RawValue>(&rows))?;
    measure("parse to a tree (Value)", rows.len(), text.len(), || valid::<Value>(&rows))?;
    for level in [1, 2, 3, 4, 6, 9] {
        let name = format!("deflate, level {level}");
        measure(&name, rows.len(), lines.len(), || deflated(&lines, level))?;
    }
    Ok(())
}

fn enveloped(rows: &[&str]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(rows.len() * 1200);
    for (number, row) in rows.iter().enumerate() {
        // Scattered, as a hash is.
        let id = (number as u128 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        lines.extend_from_slice(ENVELOPE.as_bytes());
        lines.extend_from_slice(format!("{id:032x}\",").as_bytes());
        lines.extend_from_slice(row.strip_prefix('{').unwrap_or(row).as_bytes());
        lines.push(b'\n');
    }
    lines
}

/// How many rows a parser takes.
fn valid<'a, T: serde::Deserialize<'a>>(rows: &[&'a str]) -> u64 {
    rows.iter().filter(|row| serde_json::from_str::<T>(row).is_ok()).count() as u64
}

/// Bytes of the text in gzip, part by part.
fn deflated(text: &[u8], level: u32) -> u64 {
    let deflate = |part: &[u8]| {
        let mut gzip = GzEncoder::new(Vec::with_capacity(PART_BYTES / 6), Compression::new(level));
        gzip.write_all(part).and_then(|()| gzip.finish()).map_or(0, |packed| packed.len() as u64)
    };
    text.chunks(PART_BYTES).map(deflate).sum()
}

/// Prints what a step costs. Time is the thread's own on the CPU: others' work doesn't count.
fn measure(
    name: &str,
    rows: usize,
    bytes: usize,
    step: impl FnOnce() -> u64,
) -> Result<(), Box<dyn Error>> {
    let before = cpu_ns()?;
    let outcome = std::hint::black_box(step());
    let seconds = (cpu_ns()? - before) as f64 / 1e9;
    let packed = match name.starts_with("deflate") {
        true => format!("{:.1}", bytes as f64 / outcome as f64),
        false => String::new(),
    };
    let (speed, cost) = (bytes as f64 / 1e6 / seconds, seconds * 1e6 / rows as f64);
    println!("| {name} | {speed:.0} | {cost:.2} | {packed} |");
    Ok(())
}

fn cpu_ns() -> Result<u64, Box<dyn Error>> {
    let told = fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(told.split(' ').next().unwrap_or_default().parse()?)
}
