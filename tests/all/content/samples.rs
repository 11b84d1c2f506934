//! Samples of rows as a workspace gets them: `tests/fixtures/content/`, and what is made of them.

use crate::kql::Rows;
use jiff::{SignedDuration, Timestamp};
use posture::source::{ALL, RUNS};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// The instant that samples are told from.
pub const NOW: &str = "2026-11-26T10:00:00Z";

/// One job that ended, with its rows; without a source rows that no job brings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    pub source: Option<String>,
    /// The stream of its rows, where it isn't that of the source's table.
    pub stream: Option<String>,
    /// Before now, such as `-25h30m`.
    pub ended: String,
    /// The run that it shares with others; else one of its own.
    pub run: Option<String>,
    #[serde(default = "complete")]
    pub status: String,
    /// Further fields of its report.
    #[serde(default)]
    pub report: Map<String, Value>,
    #[serde(default)]
    pub rows: Vec<Map<String, Value>>,
}

fn complete() -> String {
    "complete".to_owned()
}

/// The samples of a file.
pub fn read<T: DeserializeOwned>(name: &str) -> T {
    let path = format!("tests/fixtures/content/{name}.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A time of the samples, such as `-1d2h30m`.
fn duration(text: &str) -> Option<SignedDuration> {
    let (digits, is_before) = match text.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    let mut minutes = 0;
    for part in digits.split_inclusive(['d', 'h', 'm']) {
        let (number, unit) = part.split_at_checked(part.len().checked_sub(1)?)?;
        minutes += number.parse::<i64>().ok()? * [1, 60, 24 * 60]["mhd".find(unit)?];
    }
    let minutes = if is_before { -minutes } else { minutes };
    (!digits.is_empty()).then(|| SignedDuration::from_mins(minutes))
}

/// A value with the instant behind an `@` put in its place, and number and tenant in theirs.
fn value(value: &Value, number: u64, tenant: &str) -> Value {
    let Some(text) = value.as_str() else { return value.clone() };
    let text = text.replace("{n}", &number.to_string()).replace("{tenant}", tenant);
    let midnight = text.strip_prefix("@day-").and_then(|days| days.parse::<i64>().ok());
    if let Some(days) = midnight {
        let day = now() - SignedDuration::from_hours(24 * days);
        return day.strftime("%Y-%m-%dT00:00:00Z").to_string().into();
    }
    match text.strip_prefix('@').and_then(duration) {
        Some(duration) => (now() + duration).to_string().into(),
        None => text.into(),
    }
}

impl Run {
    pub fn ended(&self) -> Timestamp {
        now() + duration(&self.ended).unwrap_or_else(|| panic!("{} is no time", self.ended))
    }

    fn began(&self) -> Timestamp {
        self.ended() - SignedDuration::from_mins(1)
    }

    fn envelope(&self, tenant: &str, record: &str) -> Map<String, Value> {
        let began = self.began();
        let run = self.run.clone();
        let run = run.unwrap_or_else(|| began.strftime("%Y%m%dT%H%M%SZ").to_string());
        let envelope = json!({
            "TimeGenerated": began, "CollectedTime": began, "AadTenantId": tenant, "TenantName": tenant,
            "Source": self.source.as_deref().unwrap_or("audit"), "RunId": run, "RecordId": record,
        });
        envelope.as_object().unwrap().clone()
    }

    fn stream(&self) -> String {
        self.stream.clone().unwrap_or_else(|| {
            let name = self.source.as_deref().unwrap();
            let source = ALL.iter().find(|source| source.name == name);
            source.unwrap_or_else(|| panic!("{name} is no source")).table.name.to_owned()
        })
    }

    /// Its rows; one that says `times` as often.
    fn sent(&self, tenant: &str) -> Vec<Value> {
        let rows = self.rows.iter().flat_map(|row| {
            let times = row.get("times").and_then(Value::as_u64).unwrap_or(1);
            (1..=times).map(move |number| {
                let fields = row.iter().filter(|(name, _)| *name != "times");
                let mut fields: Map<_, _> = fields
                    .map(|(name, field)| (name.clone(), value(field, number, tenant)))
                    .collect();
                let record = fields.remove("RecordId");
                let id = record.or_else(|| fields.get("id").or(fields.get("NodeId")).cloned());
                let mut sent = self.envelope(tenant, id.unwrap().as_str().unwrap());
                sent.extend(fields);
                Value::Object(sent)
            })
        });
        rows.collect()
    }

    /// The row of its report.
    fn told(&self, tenant: &str) -> Value {
        let count = self.sent(tenant).len();
        let mut row = self.envelope(tenant, "report");
        let report = json!({
            "Status": self.status, "Message": "", "Advice": "", "Began": self.began(), "Ended": self.ended(),
            "Pages": 1, "Read": count, "Kept": count, "Sent": count, "Withheld": 0, "Rejected": 0,
        });
        row.extend(report.as_object().unwrap().clone());
        row.extend(self.report.iter().map(|(name, field)| (name.clone(), value(field, 0, tenant))));
        Value::Object(row)
    }
}

/// Puts what a tenant's jobs sent into a workspace, each batch so many times; of an abandoned job no report.
pub fn put(
    rows: &mut Rows,
    tenant: &str,
    runs: &[Run],
    times: usize,
    is_abandoned: impl Fn(&Run) -> bool,
) {
    for run in runs {
        for _ in 0..times {
            rows.entry(run.stream()).or_default().extend(run.sent(tenant));
            if run.source.is_some() && !is_abandoned(run) {
                rows.entry(RUNS.name.to_owned()).or_default().push(run.told(tenant));
            }
        }
    }
}

/// Whether rows are those that are expected, in any order: as many, and each of them with its columns.
pub fn are(rows: &[Value], expected: &[Map<String, Value>]) -> bool {
    let has = |row: &Value, expected: &Map<String, Value>| {
        expected.iter().all(|(column, there)| equal(&row[column], there))
    };
    rows.len() == expected.len()
        && expected.iter().all(|expected| rows.iter().any(|row| has(row, expected)))
}

fn equal(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => (one - other).abs() < 1e-9,
        _ => one == other,
    }
}

#[test]
fn times_are_told_from_now() {
    let minutes = |text| duration(text).map(|duration| duration.as_mins());
    let told = |text: &str| value(&json!(text), 3, "Contoso");

    assert_eq!(minutes("-1d2h30m"), Some(-(26 * 60 + 30)));
    assert_eq!(
        [minutes("20d"), minutes(""), minutes("-"), minutes("x")],
        [Some(28800), None, None, None]
    );
    assert_eq!(told("@-40m"), "2026-11-26T09:20:00Z");
    assert_eq!(told("@day-1"), "2026-11-25T00:00:00Z");
    assert_eq!(told("pc-{n}"), "pc-3");
    assert_eq!(told("ana@contoso.example"), "ana@contoso.example");
}
