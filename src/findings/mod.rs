//! A completed snapshot in open formats, beside its records: OCSF events and Parquet files.
//!
//! What is written follows from the kept parts alone, so that an attempt that was cut short is gone on
//! with by looking at what is there: files are created once and never changed.

mod line;
mod manifest;
pub mod ocsf;
mod page;
pub mod parquet;

pub use line::Line;
pub use manifest::{Manifest, Newest, Pointer};
pub use page::page;

use crate::ledger::path;
use crate::part::{Cursor, Lines};
use crate::plan::RunId;
use crate::record::Envelope;
use crate::settings::OcsfClass;
use crate::source::Source;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::io;

/// The open formats that a tenant's snapshots are written in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Formats {
    /// The OCSF classes; none where it is empty.
    pub ocsf: BTreeSet<OcsfClass>,
    /// Whether all snapshots are written as Parquet.
    pub parquet: bool,
}

impl Formats {
    /// Everything that there is.
    pub fn all() -> Formats {
        Formats { ocsf: OcsfClass::ALL.into_iter().collect(), parquet: true }
    }

    /// Those that a source's snapshots are written in.
    pub fn of(&self, source: &Source) -> Vec<Format> {
        let is_on = |mapping: &&ocsf::Mapping| {
            self.ocsf.iter().any(|class| i64::from(u32::from(*class)) == mapping.class.uid)
        };
        let ocsf = ocsf::mapping(source.name).filter(is_on).map(Format::Ocsf);
        ocsf.into_iter().chain(self.parquet.then_some(Format::Parquet(source.name))).collect()
    }
}

/// One format that a source's snapshot is written in.
#[derive(Clone, Copy, Debug)]
pub enum Format {
    /// OCSF events, one per record, by that mapping.
    Ocsf(&'static ocsf::Mapping),
    /// Parquet, with the columns of the table of the source of that name.
    Parquet(&'static str),
}

/// A file to be written, and the kept parts that it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its name in the run's folder.
    pub name: String,
    /// Paths of the parts.
    pub parts: Vec<String>,
}

/// Whose records they are: what is said of a line that can't be read.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The tenant's id.
    pub tenant: String,
    /// Its name.
    pub tenant_name: String,
    /// The source.
    pub source: Source,
    /// The run.
    pub run: RunId,
    /// When it collected them.
    pub began: Timestamp,
}

impl Format {
    /// What it is called in a manifest.
    pub fn name(&self) -> String {
        match self {
            Format::Ocsf(_) => format!("OCSF {}", ocsf::VERSION),
            Format::Parquet(_) => "Parquet".to_owned(),
        }
    }

    /// The folder of a run's files.
    pub fn folder(&self, tenant: &str, run: &RunId) -> String {
        match self {
            Format::Ocsf(mapping) => path::findings(tenant, mapping.class.uid, run),
            Format::Parquet(source) => path::parquet(tenant, source, run),
        }
    }

    /// The pointer to the newest complete ones.
    pub fn pointer(&self, tenant: &str) -> String {
        match self {
            Format::Ocsf(mapping) => path::latest_findings(tenant, mapping.class.uid),
            Format::Parquet(source) => path::latest_parquet(tenant, source),
        }
    }

    /// The files that these parts become. Sources that feed one class have names of their own there.
    pub fn outputs(&self, source: &Source, parts: &[String]) -> Vec<Output> {
        match self {
            Format::Ocsf(_) => parts
                .iter()
                .map(|part| {
                    let part_name = part.rsplit('/').next().unwrap_or_default();
                    let name = format!("{}-{part_name}", source.name);
                    Output { name, parts: vec![part.clone()] }
                })
                .collect(),
            Format::Parquet(_) => parts
                .chunks(parquet::PARTS_IN_A_FILE)
                .zip(1..)
                .map(|(parts, number)| Output {
                    name: format!("{number:06}.parquet"),
                    parts: parts.to_vec(),
                })
                .collect(),
        }
    }

    /// What writes one file.
    ///
    /// # Errors
    ///
    /// As [`Writer::take`].
    pub fn writer(&self, owner: &Owner) -> io::Result<Writer> {
        let owner = owner.clone();
        Ok(match self {
            Format::Ocsf(mapping) => Writer::Ocsf(mapping, owner, Lines::default()),
            Format::Parquet(_) => {
                let writer = parquet::Writer::new(&owner.source).map_err(io::Error::other)?;
                Writer::Parquet(Box::new(writer), owner)
            }
        })
    }
}

/// Writes one file, part by part.
pub enum Writer {
    /// Lines of events.
    Ocsf(&'static ocsf::Mapping, Owner, Lines),
    /// Rows in columns.
    Parquet(Box<parquet::Writer>, Owner),
}

impl Writer {
    /// Takes the lines of a part; how many there were.
    ///
    /// # Errors
    ///
    /// Where the format's own library takes them not.
    pub fn take(&mut self, text: &str) -> io::Result<u64> {
        match self {
            Writer::Ocsf(mapping, owner, lines) => {
                let before = lines.len();
                for line in text.lines() {
                    let line = Line::read(line).unwrap_or_else(|| owner.unreadable(line));
                    serde_json::to_writer(lines.open(), &mapping.event(line))?;
                    lines.close(false, false);
                }
                Ok((lines.len() - before) as u64)
            }
            Writer::Parquet(writer, owner) => {
                let mut taken = 0;
                for text in text.lines() {
                    let line = Line::read(text).unwrap_or_else(|| owner.unreadable(text));
                    writer.take(line, text.len()).map_err(io::Error::other)?;
                    taken += 1;
                }
                Ok(taken)
            }
        }
    }

    /// The file's content.
    ///
    /// # Errors
    ///
    /// As [`Writer::take`].
    pub fn finish(self) -> io::Result<Bytes> {
        match self {
            Writer::Ocsf(_, _, lines) => {
                lines.pack(&Cursor::page(None), false).map(|(gzip, _)| gzip.into())
            }
            Writer::Parquet(writer, _) => {
                writer.finish().map(Bytes::from).map_err(io::Error::other)
            }
        }
    }
}

impl Owner {
    /// A line that can't be read, with what is known of it.
    fn unreadable(&self, text: &str) -> Line {
        let Owner { tenant, tenant_name, source, run, began } = self;
        let names = (source.name, source.identity());
        let envelope = Envelope::new(tenant, tenant_name, names, run, *began);
        let at = crate::record::instant_text(*began);
        let id = envelope.record_id(text);
        let said = [
            ("TimeGenerated", at.as_str()),
            ("CollectedTime", at.as_str()),
            ("AadTenantId", tenant),
            ("TenantName", tenant_name),
            ("Source", source.name),
            ("RunId", run.as_str()),
            ("RecordId", id.as_str()),
        ];
        let said = said.map(|(name, text)| (name.to_owned(), Value::from(text)));
        Line::unreadable(Map::from_iter(said), text)
    }
}
