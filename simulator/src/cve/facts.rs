//! The vulnerabilities that these services know, and what of each.

use crate::generate::Draw;
use crate::records::cve;
use crate::state::State;

/// Invented vulnerabilities at most, however large the tenants are.
const MOST: u32 = 20_000;

/// A vulnerability as it is known outside.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub id: String,
    pub what: String,
    pub cvss: Option<f64>,
    pub epss: f64,
    pub percentile: f64,
    /// Listed on, due on; whether ransomware uses it.
    pub kev: Option<(String, String, bool)>,
}

/// Listed on, due on; whether ransomware uses it.
type Listing = Option<(&'static str, &'static str, bool)>;
/// Id, name, CVSS, EPSS, percentile, listing.
type Real = (&'static str, &'static str, f64, f64, f64, Listing);

/// Real ones: CVSS 3, EPSS of model v2026.06.15 in August 2026, CISA's catalogue of 7 August 2026.
#[rustfmt::skip]
const REAL: &[Real] = &[
    ("CVE-2021-44228", "Log4Shell", 10.0, 0.99999, 1.0, Some(("2021-12-10", "2021-12-24", true))),
    ("CVE-2017-0144", "EternalBlue", 8.8, 0.9923, 0.99932, Some(("2022-02-10", "2022-08-10", true))),
    ("CVE-2023-23397", "Outlook elevation of privilege", 9.8, 0.97408, 0.99893,
     Some(("2023-03-14", "2023-04-04", false))),
    ("CVE-2025-21335", "Hyper-V elevation of privilege", 7.8, 0.0139, 0.69979,
     Some(("2025-01-14", "2025-02-04", false))),
    ("CVE-2024-38063", "Windows IPv6", 9.8, 0.70564, 0.99335, None),
    ("CVE-2023-35385", "Windows message queuing", 9.8, 0.02465, 0.83087, None),
];

/// All of them: the real ones, then the tenants'.
pub(super) fn all(state: &State) -> impl Iterator<Item = Fact> {
    let most = state.options.tenants.iter().map(|tenant| tenant.vulnerabilities).max();
    let real = REAL.iter().map(|&(id, what, cvss, epss, percentile, kev)| Fact {
        id: id.to_owned(),
        what: what.to_owned(),
        cvss: Some(cvss),
        epss,
        percentile,
        kev: kev.map(|(since, due, used)| (since.to_owned(), due.to_owned(), used)),
    });
    real.chain((0..u64::from(most.unwrap_or(0).min(MOST))).map(invented))
}

fn invented(number: u64) -> Fact {
    let draw = &mut Draw::new(11, "known vulnerability", number);
    let cvss = draw.chance(80).then(|| 3.0 + draw.below(71) as f64 / 10.0);
    // Most scores are small.
    let unit = draw.unit();
    let epss = (unit.powi(6) * 0.98 + 0.0005).min(0.99999);
    let listed = draw.chance(8).then(|| {
        let (year, month, day) = (2022 + draw.below(4), 1 + draw.below(12), 1 + draw.below(25));
        let since = format!("{year}-{month:02}-{day:02}");
        let due = format!("{year}-{month:02}-{:02}", day + 3);
        (since, due, draw.chance(20))
    });
    Fact {
        id: cve(number),
        what: format!("Invented flaw {number}"),
        cvss,
        epss,
        percentile: unit,
        kev: listed,
    }
}
