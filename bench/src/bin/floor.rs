//! The floor below any collector: export files in, inflated, and deflated twice. Nothing is looked
//! at, and nothing is sent.
//!
//! It deflates as Posture does, by the same library at the same level, in pieces of the same size:
//! once for the part that is kept and once for the batch that is sent.

use std::error::Error;
use std::io::{Read, Write};

use clap::Parser;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

const LISTING: &str = "/api/machines/SoftwareVulnerabilitiesExport?sasValidHours=6";
/// Bytes of JSON in one part.
const PART_BYTES: usize = 1_000_000;

/// Inflates an export's files and deflates them twice.
#[derive(Debug, Parser)]
struct Options {
    /// Base address of the sink.
    base: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let listing: Value = serde_json::from_reader(get(&(options.base + LISTING))?)?;
    let mut sums = Sums::default();
    for link in listing["exportFiles"].as_array().into_iter().flatten() {
        read(link.as_str().unwrap_or_default(), &mut sums)?;
    }
    let Sums { inflated, deflated, parts } = sums;
    println!("{}", json!({ "json_bytes": inflated, "deflated_bytes": deflated, "parts": parts }));
    Ok(())
}

#[derive(Default)]
struct Sums {
    inflated: u64,
    deflated: u64,
    parts: u64,
}

fn get(link: &str) -> Result<impl Read, ureq::Error> {
    Ok(ureq::get(link).call()?.into_body().into_reader())
}

fn read(link: &str, sums: &mut Sums) -> Result<(), Box<dyn Error>> {
    let mut rows = MultiGzDecoder::new(get(link)?);
    let mut part = Vec::with_capacity(PART_BYTES);
    loop {
        part.clear();
        rows.by_ref().take(PART_BYTES as u64).read_to_end(&mut part)?;
        if part.is_empty() {
            return Ok(());
        }
        sums.inflated += part.len() as u64;
        sums.parts += 1;
        for _ in ["kept", "sent"] {
            let mut gzip = GzEncoder::new(Vec::with_capacity(PART_BYTES / 6), Compression::fast());
            gzip.write_all(&part)?;
            sums.deflated += gzip.finish()?.len() as u64;
        }
    }
}
