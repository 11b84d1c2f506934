//! One vulnerability: what it is, who is exposed to it here, what ends it.

use super::ask::Fold;
use super::exposure::{Affected, Exposed, Fix, MOST_DEVICES, Reference, Rows};
use super::gap::{Gap, MissingPart, Stop, or_missing};
use super::named::escaped;
use super::rows::{FlawRow, Meant};
use super::vulnerability::{Exploit, Record};
use super::{Lookup, Origin};
use crate::digest::Flaw;
use crate::risk::Risk;
use crate::schema;
use crate::source::{DEVICE_VULNERABILITIES, VULNERABILITIES};
use crate::summary;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashSet;

/// A vulnerability. A part that can't be told is null, and named in `missing` with the reason.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cve {
    /// In whose tenant.
    pub tenant: summary::Tenant,
    /// When the answer was made.
    #[schemars(with = "schema::Timestamp")]
    pub generated: Timestamp,
    /// Where it comes from.
    #[serde(flatten)]
    pub origin: Origin,
    /// Its id, such as `CVE-2026-0001`.
    pub id: String,
    /// What it is.
    #[serde(flatten)]
    pub about: About,
    /// What is known of it outside.
    pub outside: summary::Outside,
    /// Its risk to the tenant as a whole, and what that is made of.
    pub risk: Risk,
    /// The devices that are exposed to it.
    pub exposed_devices: Option<Exposed>,
    /// The software through which they are, the widest spread first, 50 at most.
    pub software: Option<Vec<Affected>>,
    /// The updates that end it, 50 at most.
    pub fixes: Option<Vec<Fix>>,
    /// Its pages.
    pub links: CveLinks,
    /// What is null, and why.
    pub missing: Vec<MissingPart>,
}

/// What a vulnerability is, whoever is exposed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// `Critical`, `High`, `Medium` or `Low`.
    pub severity: Option<String>,
    /// CVSS version 3 score, 0 to 10.
    pub cvss: Option<f64>,
    /// The score's vector.
    pub cvss_vector: Option<String>,
    /// Probability that it is exploited within 30 days, 0 to 1.
    pub epss: Option<f64>,
    /// What it is about.
    pub description: Option<String>,
    /// What is known of exploits.
    pub exploit: Exploit,
    /// `Remote`, `Local`, `Dos`, ….
    pub exploit_types: Vec<String>,
    /// Where exploits are.
    pub exploit_uris: Vec<String>,
    /// Machines that are exposed to it, as its own record says.
    pub exposed_machines: Option<u64>,
    /// When it was published.
    #[schemars(with = "Option<schema::Timestamp>")]
    pub published_on: Option<Timestamp>,
    /// When its record changed last.
    #[schemars(with = "Option<schema::Timestamp>")]
    pub updated_on: Option<Timestamp>,
}

/// Pages of a vulnerability.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CveLinks {
    /// In the portal, opened in the tenant.
    pub overview: String,
    /// At the National Vulnerability Database.
    pub nvd: String,
}

impl About {
    /// The same as the risk order takes it; what this answer doesn't know, the newest list may.
    fn flaw(&self, exposed: Option<&Exposed>, listed: Option<&Flaw>) -> Flaw {
        let listed = listed.cloned().unwrap_or_default();
        let machines = exposed.map(|exposed| exposed.total).or(self.exposed_machines);
        let is_told = self.severity.is_some() || self.cvss.is_some();
        Flaw {
            machines: machines.unwrap_or(listed.machines),
            cvss: self.cvss.or(listed.cvss),
            epss: self.epss.or(listed.epss),
            severity: self.severity.clone().or(listed.severity),
            exploit: if is_told { Some(self.exploit as u8) } else { listed.exploit },
        }
    }
}

impl From<&Record> for About {
    fn from(record: &Record) -> About {
        let known = record.clone().vulnerability().unwrap_or_default();
        About {
            severity: record.severity.clone(),
            cvss: record.cvss_v3,
            cvss_vector: record.cvss_vector.clone(),
            epss: known.epss,
            description: record.description.clone(),
            exploit: record.exploit(),
            exploit_types: record.exploit_types.clone(),
            exploit_uris: record.exploit_uris.clone(),
            exposed_machines: record.exposed_machines,
            published_on: record.published_on,
            updated_on: record.updated_on,
        }
    }
}

/// What is known of who is exposed.
struct Exposure {
    devices: Option<Exposed>,
    software: Option<Vec<Affected>>,
    fixes: Option<Vec<Fix>>,
}

impl Lookup<'_> {
    /// A vulnerability, live unless `kept` is asked for or Defender refuses to tell it. `id` is one that
    /// [`super::cve`] has read.
    ///
    /// # Errors
    ///
    /// [`Stop`]: no such vulnerability, or nobody can tell.
    pub async fn cve(&self, id: &str, kept: bool) -> Result<Cve, Stop> {
        let mut missing = Vec::new();
        if !kept {
            match self.about_cve(id).await {
                Ok(about) => {
                    let about = about.ok_or_else(|| unknown(id))?;
                    let exposure = self.exposure_live(id, &mut missing).await;
                    return Ok(self.cve_made(id, (about, exposure), None, missing));
                }
                Err(gap) => {
                    missing.push(MissingPart { part: "live", reason: gap.to_string() });
                    self.falls_back(VULNERABILITIES, gap)?;
                }
            }
        }
        let known = self.vulnerability_kept(id).await?;
        let made = self.snapshot(VULNERABILITIES)?.made;
        let (exposure, rows_made) = self.exposure_kept(id, &mut missing).await?;
        let nobody = exposure.devices.as_ref().is_none_or(|devices| devices.total == 0);
        if known.is_none() && nobody {
            return Err(unknown(id));
        }
        let about = known.as_ref().map(About::from).unwrap_or_default();
        let oldest = rows_made.map_or(made, |rows| rows.min(made));
        Ok(self.cve_made(id, (about, exposure), Some(oldest), missing))
    }

    /// What Defender says of a vulnerability itself.
    pub(super) async fn about_cve(&self, id: &str) -> Result<Option<About>, Gap> {
        let path = format!("/api/vulnerabilities/{id}");
        let found = self.ask::<Vec<Record>>(&path, VULNERABILITIES.needs).await?;
        Ok(found.iter().find(|record| record.id.is_some()).map(About::from))
    }

    async fn exposure_live(&self, id: &str, missing: &mut Vec<MissingPart>) -> Exposure {
        let needs = VULNERABILITIES.needs;
        let devices = format!("/api/vulnerabilities/{id}/machineReferences");
        let filter = escaped(&format!("cveId eq '{id}'"));
        let rows = format!("/api/vulnerabilities/machinesVulnerabilities?$filter={filter}");
        let (devices, rows) =
            futures::join!(self.ask::<Exposed>(&devices, needs), self.ask::<Rows>(&rows, needs));
        let devices = or_missing(missing, "exposedDevices", devices);
        let rows = match rows {
            Ok(rows) => Some(rows),
            Err(gap) => {
                or_missing::<()>(missing, "software", Err(gap.clone()));
                or_missing(missing, "fixes", Err(gap))
            }
        };
        Exposure {
            devices: devices.map(|devices| devices.as_ref().clone()),
            software: rows.as_ref().map(|rows| rows.software.clone()),
            fixes: rows.map(|rows| rows.fixes.clone()),
        }
    }

    /// Who is exposed by the kept rows, and when those were made.
    async fn exposure_kept(
        &self,
        id: &str,
        missing: &mut Vec<MissingPart>,
    ) -> Result<(Exposure, Option<Timestamp>), Gap> {
        if let Err(gap) = self.snapshot(DEVICE_VULNERABILITIES) {
            for part in ["exposedDevices", "software", "fixes"] {
                or_missing::<()>(missing, part, Err(gap.clone()));
            }
            return Ok((Exposure { devices: None, software: None, fixes: None }, None));
        }
        let (mut devices, mut rows, mut seen) =
            (Exposed::default(), Rows::default(), HashSet::new());
        let take = |row: FlawRow| {
            rows.take_kept(&row);
            let Some(id) = row.device_id else { return };
            if !seen.insert(rows.hash(&id)) {
                return;
            }
            devices.total += 1;
            if devices.value.len() < MOST_DEVICES {
                devices.value.push(Reference {
                    id: Some(id),
                    computer_dns_name: row.device_name,
                    os_platform: row.os_platform,
                    rbac_group_name: row.rbac_group_name,
                });
            }
        };
        let made = self.flaw_rows(&Meant::of_cve(id), take).await?;
        rows.end();
        let (software, fixes) = (Some(rows.software), Some(rows.fixes));
        Ok((Exposure { devices: Some(devices), software, fixes }, Some(made)))
    }

    fn cve_made(
        &self,
        id: &str,
        (about, exposure): (About, Exposure),
        kept: Option<Timestamp>,
        missing: Vec<MissingPart>,
    ) -> Cve {
        let join = summary::Join::of(&self.known);
        let risk = join.risk(id, &about.flaw(exposure.devices.as_ref(), join.flaw(id)));
        Cve {
            outside: join.outside(id),
            risk,
            tenant: self.whose(),
            generated: self.now,
            origin: self.origin(kept),
            id: id.to_owned(),
            about,
            exposed_devices: exposure.devices,
            software: exposure.software,
            fixes: exposure.fixes,
            links: CveLinks {
                overview: self.portal(&format!("vulnerabilities/vulnerability/{id}/overview")),
                nvd: format!("https://nvd.nist.gov/vuln/detail/{id}"),
            },
            missing,
        }
    }
}

fn unknown(id: &str) -> Stop {
    Stop::NotFound(format!("Defender knows no vulnerability {id}: check the id"))
}
