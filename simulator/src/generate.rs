//! Records that follow from a tenant's seed and a number alone, so that no page is kept.

use std::fmt::Write;

use bytes::Bytes;
use jiff::civil::Date;
use jiff::{SignedDuration, Span};

use crate::options::Tenant;

/// A source of even numbers that follow from a seed, a kind of thing and its number.
#[derive(Clone, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64, kind: &str, number: u64) -> Draw {
        let kind = kind.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut draw = Draw(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ kind);
        let mixed = draw.next();
        Draw(mixed ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93))
    }

    /// SplitMix64.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// Whether a chance of `percent` came true.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A number from 0 up to 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    pub(crate) fn guid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            b >> 52,
            b & 0xffff_ffff_ffff
        )
    }
}

/// An instant of a day with seven digits of a second, as Defender writes it.
pub(crate) fn time(day: Date, draw: &mut Draw) -> String {
    let second = draw.below(86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{day}T{hour:02}:{minute:02}:{second:02}.{:07}Z", draw.below(10_000_000))
}

/// The day this many days before another.
pub(crate) fn before(day: Date, days: u64) -> Date {
    day.saturating_sub(Span::new().days(days as i64))
}

/// Days since 1970: the number of a day.
pub(crate) fn number_of(day: Date) -> u64 {
    let since: SignedDuration = day.duration_since(jiff::civil::date(1970, 1, 1));
    u64::try_from(since.as_hours() / 24).unwrap_or(0)
}

/// How high a tenant stands on a day, 0 to 1: slow and quick waves, and a step every ten days.
pub(crate) fn level(tenant: &Tenant, kind: &str, day: Date) -> f64 {
    let number = number_of(day);
    let phase = Draw::new(tenant.seed, kind, 0).unit() * 6.3;
    let wave = |days: f64| (number as f64 / days + phase).sin();
    let step = Draw::new(tenant.seed, kind, number / 10).unit() - 0.5;
    let noise = Draw::new(tenant.seed, kind, 1_000_000 + number).unit() - 0.5;
    (0.5 + 0.15 * wave(17.0) + 0.12 * wave(5.0) + 0.2 * step + 0.04 * noise).clamp(0.02, 0.98)
}

/// The tenant's name as a domain.
pub(crate) fn domain(tenant: &Tenant) -> String {
    let plain = tenant.name.chars().filter(char::is_ascii_alphanumeric);
    match plain.collect::<String>().to_ascii_lowercase().as_str() {
        "" => "tenant.example".to_owned(),
        name => format!("{name}.example"),
    }
}

/// `GET /api/exposureScore`
pub(crate) fn exposure_score(tenant: &Tenant, today: Date) -> Bytes {
    let mut draw = Draw::new(tenant.seed, "exposure time", number_of(today));
    let score = 10.0 + 70.0 * level(tenant, "exposure", today);
    single("ExposureScore", today, draw.below(10_000_000), &format!("{score:.15}"))
}

/// `GET /api/configurationScore`
pub(crate) fn configuration_score(tenant: &Tenant, today: Date) -> Bytes {
    let mut draw = Draw::new(tenant.seed, "configuration time", number_of(today));
    let score = 300.0 + 600.0 * level(tenant, "configuration", today);
    single("ConfigurationScore", today, draw.below(10_000_000), &format!("{score:.2}"))
}

fn single(kind: &str, today: Date, fraction: u64, score: &str) -> Bytes {
    format!(
        r#"{{"@odata.context":"https://api.securitycenter.microsoft.com/api/$metadata#{kind}/$entity","time":"{today}T00:04:53.{fraction:07}Z","score":{score}}}"#
    )
    .into()
}

/// A list of texts as JSON. The texts need no escapes.
pub(crate) fn list(texts: &[&str]) -> String {
    let mut json = String::from("[");
    for (number, text) in texts.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        let _ = write!(json, r#"{comma}"{text}""#);
    }
    json + "]"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{device, recommendation, vulnerability};

    #[test]
    fn the_changes_over_one_week_and_a_month_differ() {
        let tenant = Tenant::new(1, "Fabrikam", 5);
        let today = jiff::civil::date(2026, 11, 20);
        let now = level(&tenant, "exposure", today);

        let changes =
            [1, 7, 30, 90].map(|days| now - level(&tenant, "exposure", before(today, days)));

        for (number, change) in changes.iter().enumerate() {
            assert!(change.abs() > 1e-6 && !changes[..number].contains(change), "{changes:?}");
        }
    }

    #[test]
    fn records_are_json_and_follow_from_their_number() {
        let tenant = Tenant::new(1, "Fabrikam", 50);
        let today = jiff::civil::date(2026, 11, 20);
        for number in 0..50 {
            let record = device(&tenant, number, today);
            let value: serde_json::Value = serde_json::from_slice(&record).unwrap();
            assert_eq!(record, device(&tenant, number, today));
            assert_eq!(value["id"].as_str().unwrap().len(), 40);
            for record in [vulnerability(&tenant, number, today), recommendation(&tenant, number)] {
                serde_json::from_slice::<serde_json::Value>(&record).unwrap();
            }
        }
    }
}
