//! A summary as rows: one per figure.

use crate::digest::{OpenSeverities, Severities, Tally};
use crate::routes::Rows;
use crate::summary::{Changes, Freshness, Open, Summary};

const COLUMNS: [&str; 5] = ["name", "value", "unit", "collected", "stale"];

/// The figures of a summary, in the order of its parts; a part that is missing has none.
pub(super) fn rows(summary: &Summary) -> Rows {
    let mut figures = Figures::default();
    figures.scores(summary);
    figures.estimated(summary);
    figures.azure(summary);
    figures.devices(summary);
    figures.work(summary);
    for (name, open) in [("alerts", &summary.alerts), ("incidents", &summary.incidents)] {
        if let Some(open) = open {
            figures.open(name, open);
        }
    }
    figures.cloud_apps(summary);
    Rows { columns: COLUMNS.map(str::to_owned).to_vec(), rows: figures.0 }
}

#[derive(Default)]
struct Figures(Vec<Vec<String>>);

impl Figures {
    fn push(&mut self, name: impl Into<String>, value: f64, unit: &str, of: Freshness) {
        let collected = format!("{:.0}", of.collected);
        let row = [name.into(), value.to_string(), unit.to_owned(), collected];
        self.0.push(row.into_iter().chain([of.stale.to_string()]).collect());
    }

    fn maybe(&mut self, name: impl Into<String>, value: Option<f64>, unit: &str, of: Freshness) {
        if let Some(value) = value {
            self.push(name, value, unit, of);
        }
    }

    fn count(&mut self, name: impl Into<String>, value: u64, of: Freshness) {
        self.push(name, value as f64, "count", of);
    }

    fn changes(&mut self, name: &str, changes: &Changes, unit: &str, of: Freshness) {
        let all = [("1", &changes.days1), ("7", &changes.days7), ("30", &changes.days30)];
        for (days, change) in all.into_iter().chain([("90", &changes.days90)]) {
            let Some(change) = change else { continue };
            self.push(format!("{name}.change.days{days}"), change.points, unit, of);
        }
    }

    fn severities(&mut self, name: &str, counts: &Severities, of: Freshness) {
        let Severities { critical, high, medium, low, other } = *counts;
        let all = [("critical", critical), ("high", high), ("medium", medium), ("low", low)];
        for (severity, count) in all.into_iter().chain([("other", other)]) {
            self.count(format!("{name}.{severity}"), count, of);
        }
    }

    fn tally(&mut self, name: &str, tally: &Tally, of: Freshness) {
        for (value, count) in &tally.0 {
            self.count(format!("{name}.{value}"), *count, of);
        }
    }

    fn scores(&mut self, summary: &Summary) {
        if let Some(score) = &summary.secure_score {
            let of = score.freshness;
            self.push("secureScore.current", score.current, "points", of);
            self.maybe("secureScore.maximum", score.maximum, "points", of);
            self.maybe("secureScore.percent", score.percent, "percent", of);
            self.changes("secureScore", &score.change, "points", of);
            for other in &score.comparison {
                let name = format!("secureScore.comparison.{}", other.basis);
                self.push(name, other.average_percent, "percent", of);
            }
            for category in &score.categories {
                let name = format!("secureScore.categories.{}", category.category);
                self.maybe(format!("{name}.current"), category.current, "points", of);
                self.maybe(format!("{name}.maximum"), category.maximum, "points", of);
                self.maybe(format!("{name}.percent"), category.percent, "percent", of);
            }
        }
        let both = [
            ("exposureScore", &summary.exposure_score),
            ("deviceSecureScore", &summary.device_secure_score),
        ];
        for (name, score) in both {
            let Some(score) = score else { continue };
            self.push(format!("{name}.value"), score.value, score.unit, score.freshness);
            self.changes(name, &score.change, score.unit, score.freshness);
        }
    }

    fn estimated(&mut self, summary: &Summary) {
        let Some(scores) = &summary.estimated_scores else { return };
        let (estimate, of) = (&scores.estimate, scores.freshness);
        let unit = "points, estimated";
        for (name, value) in [
            ("planned", estimate.planned),
            ("achievable", estimate.achievable),
            ("licence", estimate.licence),
        ] {
            self.push(format!("estimatedScores.{name}"), value, unit, of);
        }
    }

    fn azure(&mut self, summary: &Summary) {
        if let Some(score) = &summary.azure_score {
            let of = score.freshness;
            self.maybe("azureScore.combinedPercent", score.combined_percent, "percent", of);
            self.count("azureScore.subscriptions", score.subscriptions, of);
        }
        let Some(compliance) = &summary.compliance else { return };
        let of = compliance.freshness;
        for standard in &compliance.standards {
            let (name, counts) = (format!("compliance.{}", standard.standard), standard.controls);
            self.count(format!("{name}.passed"), counts.passed, of);
            self.count(format!("{name}.failed"), counts.failed, of);
            self.count(format!("{name}.skipped"), counts.skipped, of);
            self.count(format!("{name}.unsupported"), counts.unsupported, of);
            self.maybe(format!("{name}.passedPercent"), standard.passed_percent, "percent", of);
        }
    }

    fn devices(&mut self, summary: &Summary) {
        if let Some(devices) = &summary.devices {
            let of = devices.freshness;
            self.count("devices.total", devices.total, of);
            self.tally("devices.byRisk", &devices.by_risk, of);
            self.tally("devices.byExposureLevel", &devices.by_exposure_level, of);
            self.tally("devices.byHealth", &devices.by_health, of);
            self.tally("devices.byOnboarding", &devices.by_onboarding, of);
        }
        if let Some(rows) = &summary.device_vulnerabilities {
            let (name, of) = ("deviceVulnerabilities", rows.freshness);
            self.count(format!("{name}.total"), rows.total, of);
            self.severities(&format!("{name}.bySeverity"), &rows.by_severity, of);
            self.severities(&format!("{name}.withExploit"), &rows.with_exploit, of);
        }
        if let Some(rows) = &summary.device_configurations {
            self.count("deviceConfigurations.applicable", rows.applicable, rows.freshness);
            self.count("deviceConfigurations.failing", rows.failing, rows.freshness);
        }
        if let Some(rows) = &summary.device_software {
            self.count("deviceSoftware.total", rows.total, rows.freshness);
            self.count("deviceSoftware.withWeaknesses", rows.with_weaknesses, rows.freshness);
            let ends = &rows.by_end_of_support;
            self.tally("deviceSoftware.byEndOfSupport", ends, rows.freshness);
        }
    }

    fn work(&mut self, summary: &Summary) {
        if let Some(found) = &summary.vulnerabilities {
            let (name, of) = ("vulnerabilities", found.freshness);
            self.count(format!("{name}.exposed"), found.exposed, of);
            self.severities(&format!("{name}.exposedBySeverity"), &found.exposed_by_severity, of);
            self.severities(&format!("{name}.withPublicExploit"), &found.with_public_exploit, of);
        }
        let Some(found) = &summary.recommendations else { return };
        let of = found.freshness;
        self.count("recommendations.active", found.active, of);
        self.count("recommendations.total", found.total, of);
        self.count("recommendations.withPublicExploit", found.with_public_exploit, of);
        self.tally("recommendations.byRemediationType", &found.by_remediation_type, of);
    }

    fn open(&mut self, name: &str, open: &Open) {
        let of = open.freshness;
        let OpenSeverities { high, medium, low, informational, other } = open.by_severity;
        for (figure, count) in [
            ("open", open.open),
            ("bySeverity.high", high),
            ("bySeverity.medium", medium),
            ("bySeverity.low", low),
            ("bySeverity.informational", informational),
            ("bySeverity.other", other),
            ("newIn1Day", open.new_in_1_day),
            ("newIn7Days", open.new_in_7_days),
            ("newIn30Days", open.new_in_30_days),
        ] {
            self.count(format!("{name}.{figure}"), count, of);
        }
    }

    fn cloud_apps(&mut self, summary: &Summary) {
        let Some(found) = &summary.cloud_apps else { return };
        let of = found.freshness;
        self.count("cloudApps.apps", found.apps, of);
        self.push("cloudApps.uploadBytes", found.upload_bytes as f64, "bytes", of);
        self.push("cloudApps.downloadBytes", found.download_bytes as f64, "bytes", of);
        let risks = found.by_risk;
        for (risk, count) in [
            ("high", risks.high),
            ("medium", risks.medium),
            ("low", risks.low),
            ("unknown", risks.unknown),
        ] {
            self.count(format!("cloudApps.byRisk.{risk}"), count, of);
        }
    }
}
