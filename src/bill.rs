//! What the workspace's ingestion comes to: an estimate from the catalogue, and the figure that a
//! deployment's own reports give. Pure.

use crate::source::{ALL, Reads, Sends, Source};
use jiff::SignedDuration;

/// A month, for a bill.
const MONTH: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Bytes that are billed as one gigabyte.
///
/// <https://learn.microsoft.com/azure/azure-monitor/logs/cost-logs>
const GIGABYTE: f64 = 1_000_000_000.0;

/// How much a tenant is assumed to have of each source for the estimate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Amounts {
    /// Devices.
    pub devices: f64,
    /// Vulnerabilities of each device.
    pub vulnerabilities: f64,
    /// Settings of each device that fail.
    pub failing_settings: f64,
    /// Part of the vulnerability rows that changes in six hours.
    pub changes: f64,
}

impl Amounts {
    /// An ordinary tenant of so many devices: 30 vulnerabilities and 50 failing settings each, one
    /// vulnerability row in a hundred changing a day.
    pub fn of(devices: u32) -> Amounts {
        let devices = f64::from(devices);
        Amounts { devices, vulnerabilities: 30.0, failing_settings: 50.0, changes: 0.01 / 4.0 }
    }

    /// The rows that one run of a source sends by default.
    pub fn rows(&self, source: &Source) -> f64 {
        let vulnerability_rows = self.devices * self.vulnerabilities;
        // What the devices of a tenant have in common grows far slower than their number.
        let exposed = 1_500.0 + self.devices / 10.0;
        match (source.sends, source.name) {
            (Sends::Nothing, _) => 0.0,
            (_, "defender.devices") => self.devices,
            (_, "defender.device_vulnerabilities") => vulnerability_rows,
            (_, "defender.device_vulnerability_changes") => vulnerability_rows * self.changes,
            (_, "defender.device_configurations") => self.devices * self.failing_settings,
            // A baseline profile checks some 20 settings of a device; a third of them fail.
            (_, "defender.device_baselines") => self.devices * 7.0,
            (_, "defender.vulnerabilities") => exposed,
            (_, "defender.recommendations") => 300.0 + self.devices / 100.0,
            (_, "defender.software") => 1_000.0 + self.devices / 20.0,
            (_, "defender.exposure_score_by_group") => 10.0,
            (_, "defender.machine_actions") => self.devices / 100.0 / 2_880.0,
            (_, "graph.secure_score_controls") => 230.0 / 4.0,
            (_, "graph.secure_scores") => 1.0 / 4.0,
            (_, "graph.control_profiles") => 400.0,
            // Azure resources go with servers, of which there is one for some five devices.
            (_, "azure.assessments") => 2_000.0 + self.devices,
            (_, "azure.compliance_assessments") => 1_500.0,
            (_, "azure.compliance_controls") => 300.0,
            (_, "azure.secure_score_controls") => 150.0,
            (_, "azure.control_definitions") => 20.0,
            (_, "azure.secure_scores" | "azure.subscriptions" | "azure.compliance_standards") => {
                10.0
            }
            // Two streams: what the devices report, and all together.
            (_, "graph.cloud_apps") => 2.0 * (500.0 + self.devices / 10.0),
            // Critical are some servers and people, and what Azure has of both.
            (_, "graph.hunting.asset_criticality") => 100.0 + self.devices / 10.0,
            (_, "graph.hunting.internet_facing_devices") => self.devices / 50.0,
            (_, "graph.risky_users") => self.devices / 50.0,
            (_, "graph.risk_detections") => self.devices / 500.0 / 24.0,
            (_, "cve.kev") => 1_800.0,
            (_, "cve.epss") => exposed,
            // Of NVD's 380,000 records some hundred change in four hours.
            (_, "cve.nvd") => exposed / 2_000.0,
            _ => 1.0,
        }
    }
}

/// Runs of a source in a month that send rows.
fn runs_a_month(source: &Source) -> f64 {
    match source.sends {
        Sends::FirstOfDay => 30.0,
        _ => MONTH.as_secs_f64() / source.every.as_secs_f64(),
    }
}

/// Gigabytes a month of each source that is collected of a tenant by default; `row_bytes` gives the size of
/// one of its rows as JSON.
pub fn estimate(amounts: Amounts, row_bytes: impl Fn(&Source) -> f64) -> Vec<(&'static str, f64)> {
    estimate_of(|source| source.default, amounts, row_bytes)
}

/// As [`estimate`], of each source that is read once for all: in each workspace, once for all its tenants.
pub fn estimate_for_all(
    amounts: Amounts,
    row_bytes: impl Fn(&Source) -> f64,
) -> Vec<(&'static str, f64)> {
    estimate_of(Source::is_shared, amounts, row_bytes)
}

fn estimate_of(
    taken: impl Fn(&Source) -> bool,
    amounts: Amounts,
    row_bytes: impl Fn(&Source) -> f64,
) -> Vec<(&'static str, f64)> {
    let gigabytes = |source: &Source| {
        amounts.rows(source) * runs_a_month(source) * row_bytes(source) / GIGABYTE
    };
    let sources = ALL.iter().filter(|source| taken(source));
    sources.map(|source| (source.name, gigabytes(source))).collect()
}

/// Gigabytes a month, where the newest run of a source has sent so many bytes.
///
/// A source that grows is taken at what its newest run brought: its first one brings the past too.
pub fn monthly(source: &Source, sent_bytes: u64) -> f64 {
    let runs = match source.reads {
        Reads::Whole => runs_a_month(source),
        _ => MONTH.as_secs_f64() / source.every.as_secs_f64(),
    };
    // A byte count stays far below the 2^53 that a float holds exactly.
    sent_bytes as f64 * runs / GIGABYTE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::Page;
    use crate::record::{Envelope, Shape};
    use crate::source::DEVICES;

    /// What the documents promise: gigabytes a month at most, by devices.
    const BUDGET: [(u32, f64); 2] = [(1_000, 2.0), (50_000, 40.0)];

    /// The mean size of a row, envelope included, over the source's recorded page.
    fn row_bytes(source: &Source) -> f64 {
        let page = std::fs::read(format!("tests/fixtures/{}/page-1.json", source.name)).unwrap();
        let answer = crate::cloud::Answer {
            status: 200,
            partial: false,
            body: page.into(),
            room: crate::cloud::Room::default(),
        };
        let page = Page::read(answer, source.fetch).unwrap();
        let run = "20261122T101500Z".parse().unwrap();
        let names = (source.name, source.identity());
        let tenant = "11111111-2222-3333-4444-555555555555";
        let envelope = Envelope::new(tenant, "Contoso", names, &run, jiff::Timestamp::UNIX_EPOCH);
        let shape = Shape::of(source);
        let mut bytes = Vec::new();
        for index in 0..page.len() {
            let item = page.item(index);
            let facts = shape.look(item.raw, &item.parent).unwrap();
            envelope.write(item.raw, &item.parent, &facts, &mut bytes);
        }
        bytes.len() as f64 / page.len() as f64
    }

    #[test]
    fn the_default_catalogue_stays_within_its_budget() {
        for (devices, most) in BUDGET {
            let estimate = estimate(Amounts::of(devices), row_bytes);
            let total: f64 = estimate.iter().map(|(_, gigabytes)| gigabytes).sum();
            assert!(total <= most, "{total:.2} GB for {devices} devices: {estimate:?}");
            assert!(total > most / 100.0, "{total:.4} GB for {devices} devices is no estimate");
        }
    }

    #[test]
    fn what_is_read_once_for_all_stays_within_its_own() {
        for (devices, _) in BUDGET {
            let estimate = estimate_for_all(Amounts::of(devices), row_bytes);
            let total: f64 = estimate.iter().map(|(_, gigabytes)| gigabytes).sum();
            assert!((0.1..=0.3).contains(&total), "{total:.2} GB for {devices} devices");
        }
    }

    #[test]
    fn daily_settings_of_a_large_tenant_would_break_it() {
        let daily = |source: &Source| match source.name {
            "defender.device_configurations" => {
                row_bytes(source) * source.every.as_hours() as f64 / 24.0
            }
            _ => row_bytes(source),
        };

        let total: f64 = estimate(Amounts::of(50_000), daily).iter().map(|(_, gb)| gb).sum();

        assert!(total > BUDGET[1].1, "{total:.2} GB: then settings could come daily");
    }

    #[test]
    fn a_month_is_thirty_days_of_runs() {
        assert_eq!(monthly(&DEVICES, 1_000_000), 0.03);
    }
}
