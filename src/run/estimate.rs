//! The estimate of a day of the Secure Score: a row of its own, once a day.

use super::Stop;
use super::attempt::Work;
use crate::digest::{self, Digest, Estimate, Latest, SecureScores};
use crate::ledger::path;
use crate::logs::LogsError;
use crate::record::{Envelope, Facts, instant_text};
use crate::source::{CONTROL_PROFILES, ESTIMATED_SCORES};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde_json::json;
use tracing::warn;

/// What the rows count as, for their `RecordId`.
const IDENTITY: &str = "posture.estimated_scores";

/// The run's digest as it is kept. Of a Secure Score whose newest day has no row yet that row is sent
/// first, so that a run that ends in between sends it again, with the same `RunId` and `RecordId`.
///
/// Without control profiles, or a rule that takes the row, the day stays open for a later run.
pub(super) async fn told(work: &Work<'_>) -> Result<Digest, Stop> {
    let mut digest = work.current.digest.clone();
    let Digest::SecureScores(scores) = &mut digest else { return Ok(digest) };
    let stream = ESTIMATED_SCORES.stream();
    let logs = work.tenant.logs.as_deref().filter(|logs| logs.takes(&stream));
    let (Some(logs), Some(day)) = (logs, open_day(scores)) else { return Ok(digest) };
    let profiles = path::latest(&work.tenant.id, CONTROL_PROFILES.name);
    let Some((bytes, _)) = work.app.ledger.read(&profiles).await? else { return Ok(digest) };
    let latest: Option<Latest> = serde_json::from_slice(&bytes).ok();
    let Some(estimate) = latest.and_then(|latest| estimated(scores, &latest.digest)) else {
        return Ok(digest);
    };
    let maximum = scores.newest().and_then(|(_, day)| day.maximum);
    let row = row(work, &estimate, maximum);
    match logs.send_row(&stream, row, &work.patience, &work.meter).await {
        Ok(()) => scores.estimated = Some(day),
        // Rules that were deployed before this table came must not cost the score itself.
        Err(refused @ LogsError::Refused { .. }) => {
            warn!(tenant = work.tenant.id, "The estimate of {day} isn't sent: {refused}");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(digest)
}

/// The newest day, where it has no row yet.
fn open_day(scores: &SecureScores) -> Option<Date> {
    let (day, _) = scores.newest()?;
    (scores.estimated < Some(day)).then_some(day)
}

fn estimated(scores: &SecureScores, profiles: &Digest) -> Option<Estimate> {
    let Digest::ControlProfiles(profiles) = profiles else { return None };
    let (day, newest) = scores.newest()?;
    digest::estimate(day, newest.current?, &scores.controls, profiles)
}

fn row(work: &Work<'_>, estimate: &Estimate, maximum: Option<f64>) -> Vec<u8> {
    let midnight = TimeZone::UTC.to_timestamp(estimate.day.to_datetime(Time::midnight()));
    let fields = json!({
        "Day": midnight.ok().map(instant_text),
        "CurrentScore": estimate.current,
        "MaxScore": maximum,
        "PlannedScore": estimate.planned,
        "AchievableScore": estimate.achievable,
        "LicenceScore": estimate.licence,
        "ScoredControls": estimate.controls,
        "ControlsWithoutMaximum": estimate.without_maximum,
        "Categories": estimate.categories,
        "Estimated": true,
        "Formula": digest::FORMULA,
    });
    let (tenant, run) = (work.tenant, &work.current.run);
    let names = (work.source.name, IDENTITY);
    let envelope = Envelope::new(&tenant.id, &tenant.name, names, run, work.current.began);
    let mut line = Vec::new();
    let facts = Facts::of_key(estimate.day.to_string());
    envelope.write(&fields.to_string(), &[], &facts, &mut line);
    line
}
