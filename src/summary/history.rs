//! The days of the scores, as far back as they are known.

use jiff::ToSpan;
use jiff::civil::Date;

use super::{Known, percent, rounded};
use crate::digest::{self, Digest};

/// Scores by day, oldest first; empty where none is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Microsoft Secure Score in percent of its maximum.
    pub secure_score: Vec<(Date, f64)>,
    /// Exposure score.
    pub exposure_score: Vec<(Date, f64)>,
    /// Microsoft Secure Score for Devices, in points.
    pub device_secure_score: Vec<(Date, f64)>,
}

/// The last `days` of each score that is known, counted back from its newest day.
pub fn history(known: &[Known], days: i32) -> History {
    let mut history = History::default();
    for known in known {
        match known.latest.as_deref().map(|latest| &latest.digest) {
            Some(Digest::SecureScores(scores)) => {
                history.secure_score = newest(secure_score(scores), days);
            }
            Some(Digest::ExposureScore(score)) => {
                history.exposure_score = newest(points(score), days);
            }
            Some(Digest::DeviceSecureScore(score)) => {
                history.device_secure_score = newest(points(score), days);
            }
            _ => {}
        }
    }
    history
}

fn secure_score(scores: &digest::SecureScores) -> Vec<(Date, f64)> {
    let share = |day: &digest::Day| percent(day.current?, day.maximum?).map(rounded);
    scores.days.iter().filter_map(|(date, day)| Some((*date, share(day)?))).collect()
}

fn points(score: &digest::Score) -> Vec<(Date, f64)> {
    score.days.iter().map(|(date, point)| (*date, rounded(point.score))).collect()
}

fn newest(mut all: Vec<(Date, f64)>, days: i32) -> Vec<(Date, f64)> {
    let first = all.last().and_then(|(last, _)| last.checked_sub(days.days()).ok());
    all.retain(|(day, _)| first.is_none_or(|first| *day > first));
    all
}
