//! Times that a run is asked for.

use super::RunId;
use jiff::civil::{Date, Time};
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// Times that a run is asked for instead of its source's own, both ends included.
///
/// Written like run ids, since the Functions host rewrites ISO dates in queue messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its beginning.
    pub from: RunId,
    /// Its end.
    pub to: RunId,
}

impl Window {
    /// The times between two instants or dates, the first of them earlier.
    ///
    /// A date alone is its first instant, UTC. Fractions of a second are left out.
    ///
    /// # Errors
    ///
    /// What is wrong with them, and an example.
    pub fn read(from: &str, to: &str) -> Result<Window, String> {
        let (from, to) = (instant("--from", from)?, instant("--to", to)?);
        Window::new(RunId::at(from), RunId::at(to))
    }

    /// The times between two instants.
    ///
    /// # Errors
    ///
    /// Where the first isn't earlier.
    pub fn new(from: RunId, to: RunId) -> Result<Window, String> {
        match from < to {
            true => Ok(Window { from, to }),
            false => {
                Err(format!("the times begin at {from} and end at {to}: put the earlier first"))
            }
        }
    }
}

fn instant(name: &str, text: &str) -> Result<Timestamp, String> {
    let date = || {
        Some(TimeZone::UTC.to_timestamp(text.parse::<Date>().ok()?.to_datetime(Time::midnight())))
    };
    let at = text.parse::<Timestamp>().ok().or_else(|| date()?.ok());
    at.ok_or_else(|| {
        format!(
            "{name} is {text:?}, expected a time or date like 2026-11-01T06:00:00Z or 2026-11-01"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_instants_or_dates_the_earlier_first() {
        let window = Window::read("2026-11-01", "2026-11-02T06:30:00.5+02:00").unwrap();

        assert_eq!(window.from.as_str(), "20261101T000000Z");
        assert_eq!(window.to.as_str(), "20261102T043000Z");
        let wrong = Window::read("yesterday", "2026-11-02").unwrap_err();
        assert!(wrong.starts_with("--from is \"yesterday\", expected a time or date"), "{wrong}");
        assert!(
            Window::read("2026-11-02", "2026-11-02").unwrap_err().contains("the earlier first")
        );
    }
}
