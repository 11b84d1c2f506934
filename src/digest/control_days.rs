//! How many points each control had on each day: what a score's rise or fall is made of.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::packed::{self, Bytes, Packed};

/// Days that are kept; the service itself keeps 90. With them and [`MAX_CONTROLS`] all of it stays below
/// 1.3 MB, and with the 230 controls of a usual tenant below 0.2 MB.
const MAX_DAYS: usize = 100;

/// Controls that are told apart over all days.
const MAX_CONTROLS: usize = 2_000;

/// Longest name of a control that is kept, in bytes.
const MAX_NAME_BYTES: usize = 100;

/// Stands for a control that was not scored on a day.
const ABSENT: u32 = u32::MAX;

/// Points of controls by day, to two decimals: at most 2,000 controls and 100 days, of which the oldest
/// give way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ControlDays {
    /// Place of each control in a day's list.
    places: BTreeMap<String, u16>,
    #[serde(serialize_with = "pack", deserialize_with = "unpack")]
    days: BTreeMap<Date, Vec<u32>>,
}

impl ControlDays {
    /// Sets the points of a day.
    pub(super) fn set<'a>(&mut self, day: Date, points: impl Iterator<Item = (&'a str, f64)>) {
        let is_full = self.days.len() >= MAX_DAYS && !self.days.contains_key(&day);
        if is_full && self.days.first_key_value().is_some_and(|(oldest, _)| day < *oldest) {
            return;
        }
        let mut of_day = Vec::new();
        for (name, points) in points {
            let Some(place) = self.place(name) else { continue };
            if of_day.len() <= place {
                of_day.resize(place + 1, ABSENT);
            }
            of_day[place] = hundredths(points);
        }
        // A day without controls says nothing of them.
        if !of_day.is_empty() {
            self.days.insert(day, of_day);
        }
        while self.days.len() > MAX_DAYS {
            self.days.pop_first();
        }
    }

    fn place(&mut self, name: &str) -> Option<usize> {
        if let Some(place) = self.places.get(name) {
            return Some(usize::from(*place));
        }
        let place = self.places.len();
        if place >= MAX_CONTROLS || name.len() > MAX_NAME_BYTES {
            return None;
        }
        self.places.insert(name.to_owned(), u16::try_from(place).ok()?);
        Some(place)
    }

    /// Points of the controls that were scored on a day, by name; nothing where that isn't known.
    pub fn of_day(&self, day: Date) -> Option<BTreeMap<&str, f64>> {
        let of_day = self.days.get(&day)?;
        let scored = self.places.iter().filter_map(|(name, place)| {
            let points = points_at(of_day, *place)?;
            Some((name.as_str(), points))
        });
        Some(scored.collect())
    }

    /// Points of a control on each day on which it was scored, oldest first.
    pub fn of_control(&self, name: &str) -> Vec<(Date, f64)> {
        let Some(place) = self.places.get(name) else { return Vec::new() };
        let of_day = |(day, of_day): (&Date, &Vec<u32>)| Some((*day, points_at(of_day, *place)?));
        self.days.iter().filter_map(of_day).collect()
    }

    /// Begins a new run: lets go of controls that no day has any more.
    pub(super) fn go_on(&mut self) {
        let is_used = |place: u16| self.days.values().any(|of| points_at(of, place).is_some());
        let used: BTreeSet<u16> = self.places.values().copied().filter(|at| is_used(*at)).collect();
        if used.len() == self.places.len() {
            return;
        }
        let days = std::mem::take(&mut self.days);
        let places = std::mem::take(&mut self.places);
        for (day, of_day) in days {
            let named = places
                .iter()
                .filter_map(|(name, place)| Some((name.as_str(), points_at(&of_day, *place)?)));
            self.set(day, named);
        }
    }
}

fn points_at(of_day: &[u32], place: u16) -> Option<f64> {
    let hundredths = of_day.get(usize::from(place)).filter(|points| **points != ABSENT)?;
    Some(f64::from(*hundredths) / 100.0)
}

/// Points as they are kept: not below 0, and far below [`ABSENT`].
fn hundredths(points: f64) -> u32 {
    (points * 100.0).round().clamp(0.0, 1e9) as u32
}

impl Packed for u32 {
    const BYTES: usize = 4;

    fn pack(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn unpack(mut bytes: Bytes<'_>) -> Option<u32> {
        bytes.take().map(u32::from_le_bytes)
    }
}

/// A day's list as it is written.
struct Line<'a>(&'a [u32]);

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        packed::serialize(self.0.iter().copied(), to)
    }
}

/// A day's list as it is read.
struct Read(Vec<u32>);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Read, D::Error> {
        packed::deserialize::<u32, _, _>(from).map(Read)
    }
}

fn pack<S: Serializer>(days: &BTreeMap<Date, Vec<u32>>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(days.iter().map(|(day, of_day)| (day, Line(of_day))))
}

fn unpack<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<Date, Vec<u32>>, D::Error> {
    let days = BTreeMap::<Date, Read>::deserialize(from)?;
    Ok(days.into_iter().map(|(day, read)| (day, read.0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan;
    use jiff::civil::date;

    fn day(number: usize) -> Date {
        date(2026, 1, 1).checked_add((number as i64).days()).unwrap()
    }

    #[test]
    fn a_day_has_the_points_of_the_controls_that_were_scored() {
        let mut days = ControlDays::default();
        days.set(day(1), [("mfa", 7.5), ("dlp", 0.0)].into_iter());
        days.set(day(2), [("mfa", 9.004), ("new", -1.0)].into_iter());
        days.set(day(2), [("mfa", 8.0), ("new", 1.25)].into_iter());
        days.set(day(3), [].into_iter());

        let of_day = |number| days.of_day(day(number));
        assert_eq!(of_day(1), Some(BTreeMap::from([("dlp", 0.0), ("mfa", 7.5)])));
        assert_eq!(of_day(2), Some(BTreeMap::from([("mfa", 8.0), ("new", 1.25)])));
        assert_eq!(of_day(3), None);
        assert_eq!(days.of_control("mfa"), [(day(1), 7.5), (day(2), 8.0)]);
        assert_eq!(days.of_control("unknown"), []);
        let json = serde_json::to_string(&days).unwrap();
        assert_eq!(serde_json::from_str::<ControlDays>(&json).unwrap(), days, "{json}");
    }

    #[test]
    fn the_oldest_days_give_way_and_their_controls_with_them() {
        let mut days = ControlDays::default();
        days.set(day(0), [("old", 1.0), ("mfa", 1.0)].into_iter());
        for number in 1..=MAX_DAYS {
            days.set(day(number), [("mfa", number as f64)].into_iter());
        }
        days.set(day(0), [("old", 1.0)].into_iter());

        days.go_on();

        assert_eq!((days.of_day(day(0)), days.days.len()), (None, MAX_DAYS));
        assert_eq!(days.places.keys().collect::<Vec<_>>(), ["mfa"]);
        assert_eq!(days.of_control("mfa")[0], (day(1), 1.0));
    }

    #[test]
    fn the_most_that_is_kept_stays_small() {
        let names: Vec<_> = (0..MAX_CONTROLS + 5).map(|at| format!("{at:0100}")).collect();
        let mut days = ControlDays::default();
        for number in 0..MAX_DAYS + 5 {
            days.set(day(number), names.iter().map(|name| (name.as_str(), 123.45)));
        }

        let size = serde_json::to_string(&days).unwrap().len();

        assert_eq!(days.of_day(day(50)).unwrap().len(), MAX_CONTROLS);
        assert!(size < 1_300_000, "{size} bytes");
    }
}
