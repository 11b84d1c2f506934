//! What of a Secure Score is planned, achievable and within the licences: our own estimate, since
//! Microsoft gives no such figures.

use std::collections::BTreeMap;

use crate::schema;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Control, ControlProfiles, Profile};

/// How the figures are made, for whoever reads them.
pub const FORMULA: &str = "licence: the sum of the maxima of the controls that were scored on the day; \
                           achievable: licence less the points still to gain of ignored controls; \
                           planned: current plus the points still to gain of controls that somebody is \
                           assigned to; maxima are those of the control profiles, a control without one \
                           isn't counted";

/// The documented categories, in the order that answers list them.
pub const CATEGORIES: [&str; 5] = ["Identity", "Device", "Apps", "Data", "Infrastructure"];

/// The category of a control that has none.
const UNKNOWN: &str = "Unknown";

/// Estimated scores of a day, in points to two decimals, high is good.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// The day of the Secure Score.
    #[schemars(with = "schema::Date")]
    pub day: Date,
    /// Points reached, as Microsoft gives them.
    pub current: f64,
    /// Points reached when all that somebody is assigned to is done.
    pub planned: f64,
    /// Points that can be reached with what isn't ignored.
    pub achievable: f64,
    /// Points that can be reached with the current licences.
    pub licence: f64,
    /// Controls that were scored on the day.
    pub controls: u64,
    /// Those of them without a maximum, which aren't counted.
    pub without_maximum: u64,
    /// The same figures over the same controls by category: the five documented ones, then others.
    pub categories: Vec<CategoryEstimate>,
}

/// Estimated scores of the controls of one category.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CategoryEstimate {
    /// `Identity`, `Device`, `Apps`, `Data`, `Infrastructure`, or one not documented.
    pub category: String,
    /// Points reached by the controls with a maximum.
    pub current: f64,
    /// As of the whole score.
    pub planned: f64,
    /// As of the whole score.
    pub achievable: f64,
    /// As of the whole score.
    pub licence: f64,
}

/// The category of a control: its own, or else its profile's.
pub fn category_of<'a>(control: &'a Control, profile: Option<&'a Profile>) -> &'a str {
    let of_profile = || profile.and_then(|profile| profile.category.as_deref());
    control.category.as_deref().or_else(of_profile).unwrap_or(UNKNOWN)
}

/// The estimate of a day with so many points and these controls; nothing where no control has a maximum.
pub fn estimate(
    day: Date,
    current: f64,
    controls: &BTreeMap<String, Control>,
    profiles: &ControlProfiles,
) -> Option<Estimate> {
    let mut sums = Sums::default();
    for (name, control) in controls {
        sums.take(control, profiles.profiles.get(name));
    }
    let Sums { all, mut categories, scored, counted } = sums;
    if counted == 0 {
        return None;
    }
    categories[CATEGORIES.len()..].sort_by(|one, other| one.category.cmp(&other.category));
    Some(Estimate {
        day,
        current: rounded(current),
        // The day's points may hold controls that aren't counted here: what is planned comes on top.
        planned: rounded(current + all.planned - all.current),
        achievable: rounded(all.achievable),
        licence: rounded(all.licence),
        controls: scored,
        without_maximum: scored - counted,
        categories: categories.into_iter().map(CategoryEstimate::rounded).collect(),
    })
}

/// Sums over the controls of a day.
struct Sums {
    all: CategoryEstimate,
    /// The documented ones first.
    categories: Vec<CategoryEstimate>,
    scored: u64,
    /// Those with a maximum.
    counted: u64,
}

impl Default for Sums {
    fn default() -> Sums {
        let categories = CATEGORIES.into_iter().map(CategoryEstimate::named).collect();
        Sums { all: CategoryEstimate::default(), categories, scored: 0, counted: 0 }
    }
}

impl Sums {
    fn take(&mut self, control: &Control, profile: Option<&Profile>) {
        let Some(score) = control.score else { return };
        self.scored += 1;
        let Some((profile, maximum)) = profile.and_then(|own| Some((own, own.max_score?))) else {
            return;
        };
        self.counted += 1;
        let category = category_of(control, Some(profile));
        let same = |of: &CategoryEstimate| of.category.eq_ignore_ascii_case(category);
        let at = self.categories.iter().position(same).unwrap_or_else(|| {
            self.categories.push(CategoryEstimate::named(category));
            self.categories.len() - 1
        });
        for of in [&mut self.all, &mut self.categories[at]] {
            of.add(score, maximum, profile);
        }
    }
}

impl CategoryEstimate {
    fn named(name: &str) -> CategoryEstimate {
        CategoryEstimate { category: name.to_owned(), ..CategoryEstimate::default() }
    }

    fn add(&mut self, score: f64, maximum: f64, profile: &Profile) {
        let remaining = (maximum - score).max(0.0);
        self.current += score;
        self.planned += score + if profile.assigned { remaining } else { 0.0 };
        self.achievable += maximum - if profile.is("Ignored") { remaining } else { 0.0 };
        self.licence += maximum;
    }

    fn rounded(self) -> CategoryEstimate {
        CategoryEstimate {
            current: rounded(self.current),
            planned: rounded(self.planned),
            achievable: rounded(self.achievable),
            licence: rounded(self.licence),
            ..self
        }
    }
}

fn rounded(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn control(category: &str, score: Option<f64>) -> Control {
        Control { category: Some(category.to_owned()), score, percent: None }
    }

    fn profile(maximum: Option<f64>, state: &str, assigned: bool) -> Profile {
        Profile { max_score: maximum, state: state.to_owned(), assigned, ..Profile::default() }
    }

    fn made() -> Estimate {
        let controls = BTreeMap::from([
            ("done".to_owned(), control("Identity", Some(5.0))),
            ("open".to_owned(), control("Identity", Some(1.0))),
            ("ignored".to_owned(), control("Data", Some(2.0))),
            ("assigned".to_owned(), control("data", Some(3.0))),
            ("unscored".to_owned(), control("Apps", None)),
            ("unprofiled".to_owned(), control("Apps", Some(4.0))),
            ("over".to_owned(), control("Quantum", Some(2.5))),
        ]);
        let profiles = BTreeMap::from([
            ("done".to_owned(), profile(Some(5.0), "Default", true)),
            ("open".to_owned(), profile(Some(10.0), "Default", false)),
            ("ignored".to_owned(), profile(Some(8.0), "ignored", false)),
            ("assigned".to_owned(), profile(Some(4.1), "Reviewed", true)),
            ("unscored".to_owned(), profile(Some(9.0), "Ignored", true)),
            ("over".to_owned(), profile(Some(2.0), "Ignored", true)),
            ("not of the day".to_owned(), profile(Some(100.0), "Ignored", true)),
        ]);
        let profiles = ControlProfiles { profiles, unreadable: 0 };
        estimate(date(2026, 11, 22), 17.5, &controls, &profiles).unwrap()
    }

    #[test]
    fn each_score_follows_its_formula() {
        let made = made();

        // 5 + 10 + 8 + 4.1 + 2, of which 6 are ignored.
        assert_eq!((made.licence, made.achievable), (29.1, 23.1));
        // 17.5 and the 1.1 that somebody is assigned to.
        assert_eq!((made.current, made.planned), (17.5, 18.6));
        assert_eq!((made.controls, made.without_maximum), (6, 1));
    }

    #[test]
    fn categories_count_the_same_controls() {
        let made = made();

        let names: Vec<_> = made.categories.iter().map(|of| of.category.as_str()).collect();
        assert_eq!(names, ["Identity", "Device", "Apps", "Data", "Infrastructure", "Quantum"]);
        let data = &made.categories[3];
        assert_eq!((data.current, data.planned), (5.0, 6.1));
        assert_eq!((data.achievable, data.licence), (6.1, 12.1));
        assert_eq!(made.categories[2].licence, 0.0, "a control without a maximum counts nowhere");
        let sum: f64 = made.categories.iter().map(|of| of.licence).sum();
        assert!((sum - made.licence).abs() < 1e-9);
    }

    #[test]
    fn without_a_maximum_there_is_no_estimate() {
        let controls = BTreeMap::from([("a".to_owned(), control("Data", Some(1.0)))]);

        let made = estimate(date(2026, 11, 22), 1.0, &controls, &ControlProfiles::default());

        assert_eq!(made, None);
    }
}
