//! What a simulator is started with: its tenants, its tables and how strict it is.

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

use crate::generate::Draw;

/// App roles that a tenant's application holds unless a test says otherwise.
const ROLES: [&str; 15] = [
    "SecurityEvents.Read.All",
    "SecurityAlert.Read.All",
    "SecurityIncident.Read.All",
    "IdentityRiskyUser.Read.All",
    "IdentityRiskEvent.Read.All",
    "CloudApp-Discovery.Read.All",
    "ThreatHunting.Read.All",
    "Score.Read.All",
    "SecurityRecommendation.Read.All",
    "Vulnerability.Read.All",
    "Machine.Read.All",
    "Software.Read.All",
    "SecurityBaselinesAssessment.Read.All",
    "Alert.Read.All",
    "User.Read.All",
];

/// Everything that differs between two simulators.
#[derive(Clone, Debug)]
pub struct Options {
    /// The tenants; the managed-identity endpoint speaks for the first one.
    pub tenants: Vec<Tenant>,
    /// Content of `infra/generated/tables.json`: rules, streams and columns.
    pub tables: Value,
    /// Folder of recorded pages that take the place of the generated ones.
    pub replay: Option<PathBuf>,
    /// The newest secure-score day.
    pub today: Date,
    /// The clock at the start. Times of events (alerts, risks, machine actions) are counted back
    /// from it, and so are the six-hour snapshots of the exports.
    pub started: Timestamp,
    /// Records on one page, in place of the documented figures; makes many pages of few records.
    /// An explicit `$top` is still held against the documented maximum.
    pub page_size: Option<usize>,
    /// Files of an export, one of them empty where there are several.
    pub export_files: u32,
    /// How many rows exports have for each device.
    pub rows_per_device: RowsPerDevice,
    /// Whether the documented rate limits hold.
    pub limits: bool,
    /// Life of a token in seconds.
    pub token_lifetime_s: u64,
    /// Whether received rows stay in memory (tests) or are only counted (big runs).
    pub keep_rows: bool,
}

impl Options {
    /// Options with the documented behaviour, limits on, rows kept and `today` as of the clock in UTC.
    pub fn new(tenants: Vec<Tenant>, tables: Value) -> Options {
        let now = crate::state::clock();
        Options {
            tenants,
            tables,
            replay: None,
            today: jiff::tz::Offset::UTC.to_datetime(now).date(),
            started: Timestamp::from_second(now.as_second()).unwrap_or(now),
            page_size: None,
            export_files: 4,
            rows_per_device: RowsPerDevice::default(),
            limits: true,
            token_lifetime_s: 3599,
            keep_rows: true,
        }
    }
}

/// One synthetic tenant. Its records follow from its fields alone.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Tenant id, a lower-case GUID.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Application id that may ask for this tenant's tokens.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: String,
    /// Identities that the registration for response actions trusts.
    pub action_federated: Vec<Federated>,
    /// The secret of the registration for response actions.
    pub action_secret: String,
    /// Secrets of the application that are over.
    pub expired_secrets: Vec<String>,
    /// Certificates (DER) that are registered on the application.
    pub certificates: Vec<Vec<u8>>,
    /// Identities that the application trusts.
    pub federated: Vec<Federated>,
    /// Number of devices.
    pub devices: u32,
    /// Number of vulnerabilities known to the product; fewer than half have exposed devices.
    pub vulnerabilities: u32,
    /// Number of recommendations.
    pub recommendations: u32,
    /// Number of alerts of the last 30 days; three of them make an incident.
    pub alerts: u32,
    /// Number of Azure subscriptions; beside them there is one delegated by another tenant.
    pub subscriptions: u32,
    /// Days of secure-score history.
    pub days: u32,
    /// What the records are generated from.
    pub seed: u64,
    /// App roles in its tokens, of all APIs.
    pub roles: Vec<String>,
}

impl Tenant {
    /// A tenant whose ids and records follow from `number`, with every role granted.
    pub fn new(number: u32, name: &str, devices: u32) -> Tenant {
        let mut draw = Draw::new(u64::from(number), "tenant", 0);
        Tenant {
            id: draw.guid(),
            name: name.to_owned(),
            client_id: draw.guid(),
            client_secret: format!("simulated-secret-{number}"),
            action_federated: Vec::new(),
            action_secret: format!("simulated-action-secret-{number}"),
            expired_secrets: Vec::new(),
            certificates: Vec::new(),
            federated: Vec::new(),
            devices,
            vulnerabilities: devices.saturating_mul(2).saturating_add(40),
            recommendations: 60,
            alerts: 40,
            subscriptions: 3,
            days: 90,
            seed: u64::from(number),
            roles: ROLES.map(str::to_owned).to_vec(),
        }
    }
}

/// A federated credential: whose token stands in for an application's secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Federated {
    /// `https://login.microsoftonline.com/<tenant of the identity>/v2.0`.
    pub issuer: String,
    /// Object id of the identity.
    pub subject: String,
    /// What the token must be for.
    pub audience: String,
}

/// How many rows the exports have for one device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowsPerDevice {
    /// Vulnerabilities; one row in six is software without one.
    pub vulnerabilities: u32,
    /// Installed software.
    pub software: u32,
    /// Settings; a third of them fail.
    pub configurations: u32,
    /// Certificates.
    pub certificates: u32,
    /// Browser extensions.
    pub extensions: u32,
    /// Hardware and firmware components.
    pub firmware: u32,
    /// Settings of a baseline.
    pub baselines: u32,
}

impl RowsPerDevice {
    /// As many as a usual device has.
    pub fn full() -> RowsPerDevice {
        RowsPerDevice {
            vulnerabilities: 30,
            software: 100,
            configurations: 150,
            certificates: 40,
            extensions: 10,
            firmware: 5,
            baselines: 20,
        }
    }
}

impl Default for RowsPerDevice {
    /// Few, so that demos stay quick.
    fn default() -> RowsPerDevice {
        RowsPerDevice {
            vulnerabilities: 6,
            software: 10,
            configurations: 15,
            certificates: 4,
            extensions: 2,
            firmware: 2,
            baselines: 5,
        }
    }
}
