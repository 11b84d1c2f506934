use super::*;
use crate::summary::posture::posture;
use jiff::civil::date;

/// A tenant with that share of its maximum, and that change of it over a week.
fn standing(
    name: &str,
    percent: Option<f64>,
    rise: Option<f64>,
    status: SourceStatus,
) -> TenantStanding {
    let (day, from) = (date(2026, 11, 22), date(2026, 11, 15));
    let score = |percent| ScoreNow { current: 1.0, maximum: Some(2.0), percent, day };
    let change = |percentage_points| Change { points: 1.0, percentage_points, from };
    let changes = Changes { days7: rise.map(|rise| change(Some(rise))), ..Changes::default() };
    let source = SourceHealth {
        source: "graph.alerts".to_owned(),
        status,
        collected: None,
        reason: (status == SourceStatus::Refused).then(|| "grant it".to_owned()),
    };
    TenantStanding {
        health: TenantHealth {
            id: name.to_lowercase(),
            name: name.to_owned(),
            credentials: Vec::new(),
            given_up: Vec::new(),
            sources: vec![source],
        },
        posture: Posture {
            secure_score: percent.map(|percent| score(Some(percent))),
            change: changes,
            ..Posture::default()
        },
    }
}

fn ranked(tenants: &[TenantStanding], order: Order) -> Vec<PortfolioEntry> {
    let tenants: Vec<_> = tenants.iter().map(|tenant| (true, tenant)).collect();
    portfolio(&tenants, 7, order)
}

fn names(entries: &[PortfolioEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.name.as_str()).collect()
}

#[test]
fn broken_and_stale_tenants_come_first_and_the_lowest_score_among_each() {
    use SourceStatus::{Fresh, Missing, Refused, Stale};
    let tenants = [
        standing("High", Some(90.0), Some(-1.0), Fresh),
        standing("Low", Some(20.0), Some(3.0), Fresh),
        standing("Unknown", None, None, Fresh),
        standing("Starting", None, None, Missing),
        standing("Stale", Some(99.0), None, Stale),
        standing("Broken", Some(98.0), None, Refused),
    ];

    let by_score = ranked(&tenants, Order::Score);
    let by_change = ranked(&tenants, Order::Change);

    assert_eq!(names(&by_score), ["Broken", "Stale", "Low", "High", "Starting", "Unknown"]);
    assert_eq!(names(&by_change), ["Broken", "Stale", "High", "Low", "Starting", "Unknown"]);
    assert_eq!(by_score[0].reason.as_deref(), Some("graph.alerts: grant it"));
    assert_eq!((by_score[0].refused, by_score[1].stale, by_score[4].missing), (1, 1, 1));
}

#[test]
fn equals_share_a_rank_and_who_has_no_figure_has_none() {
    let fresh = SourceStatus::Fresh;
    let tenants = [
        standing("A", Some(50.0), Some(2.0), fresh),
        standing("B", Some(50.0), Some(-2.0), fresh),
        standing("C", Some(40.0), None, fresh),
        standing("D", None, Some(9.0), fresh),
    ];

    let entries = ranked(&tenants, Order::Score);

    let rank = |name: &str| {
        let entry = entries.iter().find(|entry| entry.name == name).unwrap();
        (entry.rank_by_score, entry.rank_by_change)
    };
    assert_eq!((rank("A"), rank("B")), ((Some(1), Some(2)), (Some(1), Some(3))));
    assert_eq!((rank("C"), rank("D")), ((Some(3), None), (None, Some(1))));
}

#[test]
fn a_drop_is_made_of_the_controls_that_lost_the_most_points() {
    let controls = |points: [f64; 4]| {
        [("mfa", points[0]), ("dlp", points[1]), ("gone", points[2]), ("same", points[3])]
            .map(|(name, points)| (name, "Identity", points))
    };
    let days = [
        day("2026-11-15", 20.0, 100.0, &controls([9.0, 4.0, 1.5, 5.5])),
        day("2026-11-22", 12.5, 100.0, &controls([3.0, 4.25, 0.0, 5.25])[..2]),
    ];
    let profile = r#"{"id":"mfa","title":"Ask twice","maxScore":9}"#;
    let known = [secure_scores(&days), profiles(&[profile])];

    let posture = posture(&Seen { known: &known, now: now() });

    let drivers = &posture.drivers[&7];
    let lost: Vec<_> = drivers.iter().map(|one| (one.control_id.as_str(), one.lost)).collect();
    assert_eq!(lost, [("mfa", 6.0), ("same", 5.5), ("gone", 1.5)]);
    assert_eq!((drivers[0].before, drivers[0].now), (9.0, Some(3.0)));
    assert_eq!((drivers[0].title.as_deref(), drivers[1].now), (Some("Ask twice"), None));
    assert!(!posture.drivers.contains_key(&1), "nothing is known of one day");
}
