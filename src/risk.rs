//! The risk order of vulnerabilities: five factors, each a documented weight above 0 and shown with its
//! value; what is unknown is neutral and shown as unknown. Pure; `docs/risk.md` has the formula.

use schemars::JsonSchema;
use serde::Serialize;

/// The formula's name, which changes whenever a weight does.
pub const FORMULA: &str = "posture-risk-1";

/// What is known of a vulnerability and of who is exposed; `None` is unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Whether CISA lists it as exploited, and whether ransomware is known to use it.
    pub listed: Option<Listed>,
    /// What Defender knows of exploits: 0 none, 1 public, 2 verified, 3 in a kit.
    pub exploit: Option<u8>,
    /// Probability that it is exploited within 30 days, 0 to 1.
    pub probability: Option<f64>,
    /// CVSS base score, 0 to 10.
    pub cvss: Option<f64>,
    /// Defender's word of severity, where there is no score.
    pub severity: Option<String>,
    /// Who is exposed.
    pub exposure: Option<Exposure>,
    /// Criticality of the device, 0 very high to 3 low, as Microsoft counts it.
    pub criticality: Option<u8>,
    /// The days of the catalogue, of the probability and of the exposure.
    pub as_of: [Option<String>; 3],
}

/// Who is exposed to a vulnerability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Exposure {
    /// That part of the tenant's devices, 0 to 1.
    Part(f64),
    /// One device, which can be reached from the internet: it weighs as all devices do.
    FacesInternet,
    /// One device, which can't: it weighs as no device does, which isn't 0.
    Inside,
}

impl Exposure {
    fn part(self) -> f64 {
        match self {
            Exposure::Part(part) => part.clamp(0.0, 1.0),
            Exposure::FacesInternet => 1.0,
            Exposure::Inside => 0.0,
        }
    }

    fn text(self) -> String {
        match self {
            Exposure::Part(part) => format!("{} %", (part * 1000.0).round() / 10.0),
            Exposure::FacesInternet => "internet-facing".to_owned(),
            Exposure::Inside => "not internet-facing".to_owned(),
        }
    }
}

/// What CISA's catalogue says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// It isn't in the catalogue.
    No,
    /// It is known to be exploited.
    Exploited,
    /// And by ransomware.
    ByRansomware,
}

/// A vulnerability's risk.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Risk {
    /// 0 to 100, the product of all weights; for ordering, not a probability.
    pub score: f64,
    /// The formula.
    pub formula: &'static str,
    /// What it is made of.
    pub factors: Vec<Factor>,
}

/// One factor of a risk.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Factor {
    /// `exploitation`, `probability`, `severity`, `exposure` or `criticality`.
    pub name: &'static str,
    /// What is known; null where nothing is.
    pub value: Option<String>,
    /// Its weight, above 0 and at most 1.
    pub weight: f64,
    /// As of when it is known, where its source says so.
    pub as_of: Option<String>,
}

/// The weight of an unknown exploitation.
const UNKNOWN_EXPLOITATION: f64 = 0.5;

fn exploitation(facts: &Facts) -> (Option<String>, f64) {
    let told = match facts.exploit {
        Some(3..) => Some(("exploit in a kit", 0.65_f64)),
        Some(2) => Some(("exploit verified", 0.55)),
        Some(1) => Some(("exploit public", 0.45)),
        Some(0) => Some(("no exploit known", 0.3)),
        None => None,
    };
    let (what, weight) = match (facts.listed, told) {
        (Some(Listed::ByRansomware), _) => ("known exploited, by ransomware too", 1.0),
        (Some(Listed::Exploited), _) => ("known exploited", 0.9),
        (Some(Listed::No), Some(told)) => told,
        (Some(Listed::No), None) => ("not known exploited", 0.3),
        // Not knowing the catalogue is no reason to think better of it.
        (None, Some((what, weight))) => (what, weight.max(UNKNOWN_EXPLOITATION)),
        (None, None) => return (None, UNKNOWN_EXPLOITATION),
    };
    (Some(what.to_owned()), weight)
}

/// CVSS's own middle of each word.
fn of_word(word: &str) -> Option<f64> {
    let words = [("critical", 9.5), ("high", 8.0), ("medium", 5.5), ("low", 2.0)];
    words.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, score)| *score)
}

/// The risk of these facts.
pub fn risk(facts: &Facts) -> Risk {
    let unit = |value: f64| value.clamp(0.0, 1.0);
    let [listed_on, scored_on, exposed_on] = &facts.as_of;
    let scored = facts.cvss.or_else(|| of_word(facts.severity.as_deref()?));
    let severity = match (facts.cvss, &facts.severity) {
        (Some(cvss), _) => Some(format!("CVSS {cvss}")),
        (None, word) => word.clone().filter(|_| scored.is_some()),
    };
    let critical = facts.criticality.map(|level| match level {
        0 => ("very high", 1.0),
        1 => ("high", 0.9),
        2 => ("medium", 0.75),
        _ => ("low", 0.6),
    });
    let (exploited, by_exploitation) = exploitation(facts);
    let factor = |name, value, weight, as_of: Option<&String>| Factor {
        name,
        value,
        weight,
        as_of: as_of.cloned(),
    };
    let factors = vec![
        factor("exploitation", exploited, by_exploitation, listed_on.as_ref()),
        factor(
            "probability",
            facts.probability.map(|probability| probability.to_string()),
            facts.probability.map_or(0.4, |probability| 0.2 + 0.8 * unit(probability)),
            scored_on.as_ref(),
        ),
        factor(
            "severity",
            severity,
            scored.map_or(0.76, |cvss| 0.4 + 0.6 * unit(cvss / 10.0)),
            None,
        ),
        factor(
            "exposure",
            facts.exposure.map(Exposure::text),
            facts.exposure.map_or(0.7, |exposure| 0.4 + 0.6 * exposure.part().sqrt()),
            exposed_on.as_ref(),
        ),
        factor(
            "criticality",
            critical.map(|(word, _)| word.to_owned()),
            critical.map_or(0.75, |(_, weight)| weight),
            None,
        ),
    ];
    let product: f64 = factors.iter().map(|factor| factor.weight).product();
    Risk { score: (product * 10_000.0).round() / 100.0, formula: FORMULA, factors }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Exposure::{FacesInternet, Inside, Part};
    use Listed::{ByRansomware, Exploited, No};

    /// A real vulnerability with the facts of August 2026, on assets that are alike.
    fn real(listed: Listed, probability: f64, cvss: f64) -> f64 {
        let (listed, probability, cvss) = (Some(listed), Some(probability), Some(cvss));
        risk(&Facts { listed, probability, cvss, ..Facts::default() }).score
    }

    #[test]
    fn real_vulnerabilities_come_in_a_sensible_order() {
        let log4shell = real(ByRansomware, 0.99999, 10.0);
        let moveit = real(ByRansomware, 0.99934, 9.8);
        let zerologon = real(ByRansomware, 0.99512, 10.0);
        let eternal_blue = real(ByRansomware, 0.9923, 8.8);
        let heartbleed = real(Exploited, 0.99999, 7.5);
        let hive_nightmare = real(Exploited, 0.67252, 7.8);
        let queuing = real(No, 0.02465, 9.8);
        let controller = real(No, 0.01081, 9.8);

        assert!(log4shell >= moveit && moveit >= eternal_blue && zerologon >= eternal_blue);
        assert!(eternal_blue > heartbleed && heartbleed >= hive_nightmare);
        assert!(
            hive_nightmare > queuing,
            "the score alone would put an unexploited critical first"
        );
        assert!(queuing > controller);
    }

    #[test]
    fn known_exploitation_lifts_alone_and_so_does_probability() {
        let hyper_v = real(Exploited, 0.0139, 7.8);
        let queuing = real(No, 0.02465, 9.8);
        assert!(real(ByRansomware, 0.9923, 8.8) > hyper_v && hyper_v > queuing);

        let regresshion = real(No, 0.99506, 8.1);
        let ipv6 = real(No, 0.70564, 9.8);
        assert!(regresshion > ipv6 && ipv6 > real(No, 0.09765, 8.8));
    }

    /// Every combination of a coarse grid, unknown among them.
    fn grid() -> Vec<Facts> {
        let mut all = Vec::new();
        for listed in [None, Some(No), Some(Exploited), Some(ByRansomware)] {
            for exploit in [None, Some(0), Some(2)] {
                for probability in [None, Some(0.0), Some(0.5)] {
                    for cvss in [None, Some(0.0), Some(7.0)] {
                        for (exposure, criticality) in
                            [(None, None), (Some(Part(0.0)), Some(3)), (Some(Inside), Some(2))]
                        {
                            let as_of = [None, None, None];
                            all.push(Facts {
                                listed,
                                exploit,
                                probability,
                                cvss,
                                severity: None,
                                exposure,
                                criticality,
                                as_of,
                            });
                        }
                    }
                }
            }
        }
        all
    }

    #[test]
    fn each_factor_alone_raises_and_nothing_is_ever_zero() {
        for facts in grid() {
            let score = |change: &dyn Fn(&mut Facts)| {
                let mut facts = facts.clone();
                change(&mut facts);
                risk(&facts).score
            };
            let now = score(&|_| ());
            assert!(now > 0.0, "{facts:?}");
            assert!(risk(&facts).factors.iter().all(|one| one.weight > 0.0 && one.weight <= 1.0));
            if facts.listed != Some(ByRansomware) {
                assert!(score(&|facts| facts.listed = Some(ByRansomware)) > now, "{facts:?}");
            }
            if !matches!(facts.listed, Some(Exploited | ByRansomware)) {
                assert!(score(&|facts| facts.listed = Some(Exploited)) > now, "{facts:?}");
                assert!(score(&|facts| facts.exploit = Some(3)) > now, "{facts:?}");
            }
            assert!(score(&|facts| facts.probability = Some(0.9)) > now, "{facts:?}");
            assert!(score(&|facts| facts.cvss = Some(10.0)) > now, "{facts:?}");
            assert!(score(&|facts| facts.exposure = Some(Part(0.9))) > now, "{facts:?}");
            assert!(score(&|facts| facts.exposure = Some(FacesInternet)) > now, "{facts:?}");
            assert!(score(&|facts| facts.criticality = Some(0)) > now, "{facts:?}");
        }
    }

    #[test]
    fn of_one_device_the_exposure_is_whether_it_faces_the_internet() {
        let of = |exposure| risk(&Facts { exposure, ..Facts::default() });
        let shown = |exposure| of(exposure).factors.remove(3).value;

        assert!(of(Some(FacesInternet)).score > of(None).score);
        assert!(of(None).score > of(Some(Inside)).score && of(Some(Inside)).score > 0.0);
        assert_eq!(of(Some(FacesInternet)).score, of(Some(Part(1.0))).score);
        assert_eq!(shown(Some(FacesInternet)).as_deref(), Some("internet-facing"));
        assert_eq!(shown(Some(Inside)).as_deref(), Some("not internet-facing"));
        assert_eq!((shown(Some(Part(0.125))).as_deref(), shown(None)), (Some("12.5 %"), None));
    }

    #[test]
    fn what_is_unknown_is_shown_as_unknown_between_the_least_and_the_most() {
        let unknown = risk(&Facts::default());
        let least = risk(&Facts {
            listed: Some(No),
            exploit: Some(0),
            probability: Some(0.0),
            cvss: Some(0.0),
            exposure: Some(Inside),
            criticality: Some(3),
            ..Facts::default()
        });

        assert!(unknown.factors.iter().all(|factor| factor.value.is_none()));
        for (one, other) in unknown.factors.iter().zip(&least.factors) {
            assert!(one.weight > other.weight && one.weight < 1.0, "{}", one.name);
        }
    }
}
