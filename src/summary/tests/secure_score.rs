use super::*;

fn score(known: &[Known]) -> SecureScore {
    summed_up(known).secure_score.unwrap()
}

#[test]
fn a_score_has_a_percentage_to_two_decimals() {
    let known = [secure_scores(&[day("2026-11-22", 612.37, 1204.0, &[])])];

    let score = score(&known);

    assert_eq!((score.current, score.maximum, score.percent), (612.37, Some(1204.0), Some(50.86)));
    assert_eq!((score.unit, score.direction), ("points", "high is good"));
    assert_eq!(score.day.to_string(), "2026-11-22T00:00:00Z");
}

#[test]
fn a_maximum_of_zero_gives_no_percentage() {
    let days = [day("2026-11-21", 0.0, 0.0, &[]), day("2026-11-22", 1.0, 0.0, &[])];

    let score = score(&[secure_scores(&days)]);

    assert_eq!((score.maximum, score.percent), (Some(0.0), None));
    let change = score.change.days1.unwrap();
    assert_eq!((change.points, change.percentage_points), (1.0, None));
}

#[test]
fn changes_compare_with_the_nearest_day_before() {
    let days = [
        day("2026-08-24", 400.0, 1000.0, &[]),
        day("2026-10-20", 500.0, 1000.0, &[]),
        day("2026-11-15", 600.1, 1000.0, &[]),
        day("2026-11-18", 620.0, 1000.0, &[]),
        day("2026-11-22", 600.4, 1200.0, &[]),
    ];

    let change = score(&[secure_scores(&days)]).change;

    let one = change.days1.unwrap();
    assert_eq!(
        (one.points, one.percentage_points, one.from.to_string()),
        (-19.6, Some(-11.97), "2026-11-18".to_owned())
    );
    let seven = change.days7.unwrap();
    assert_eq!((seven.points, seven.from.to_string()), (0.3, "2026-11-15".to_owned()));
    let thirty = change.days30.unwrap();
    assert_eq!((thirty.points, thirty.from.to_string()), (100.4, "2026-10-20".to_owned()));
    let ninety = change.days90.unwrap();
    assert_eq!((ninety.points, ninety.from.to_string()), (200.4, "2026-08-24".to_owned()));
}

#[test]
fn a_gap_that_is_too_wide_gives_no_change() {
    let days = [
        day("2026-08-16", 1.0, 1000.0, &[]),
        day("2026-10-15", 1.0, 1000.0, &[]),
        day("2026-11-07", 1.0, 1000.0, &[]),
        day("2026-11-22", 600.0, 1000.0, &[]),
    ];

    let change = score(&[secure_scores(&days)]).change;

    assert_eq!(change, Changes::default());
}

#[test]
fn a_single_day_has_no_change() {
    let known = [secure_scores(&[day("2026-11-22", 600.0, 1000.0, &[])])];

    let change = score(&known).change;

    assert_eq!(change, Changes::default());
}

#[test]
fn averages_are_percentages_with_the_size_of_the_others() {
    let known = [secure_scores(&[day("2026-11-22", 600.0, 1000.0, &[])])];

    let comparison = score(&known).comparison;

    let seats = Some(Seats { from: Some(301), to: None });
    assert_eq!((comparison[0].average_percent, comparison[0].seats), (47.12, None));
    assert_eq!((comparison[1].basis.as_str(), comparison[1].seats), ("TotalSeats", seats));
}

#[test]
fn the_five_categories_come_in_order_and_unknown_ones_after() {
    let controls = [
        ("mfa", "identity", 7.5),
        ("pim", "Identity", 0.1),
        ("new", "Quantum", 1.0),
        ("dlp", "Data", 20.0),
        ("unprofiled", "Data", 5.0),
    ];
    let known = [
        secure_scores(&[day("2026-11-22", 600.0, 1000.0, &controls)]),
        profiles(&[
            r#"{"id":"mfa","maxScore":9}"#,
            r#"{"id":"pim","maxScore":"1.1"}"#,
            r#"{"id":"dlp","maxScore":40}"#,
            r#"{"id":"new","maxScore":0}"#,
        ]),
    ];

    let categories = score(&known).categories;

    let names: Vec<_> = categories.iter().map(|of| of.category.as_str()).collect();
    assert_eq!(names, ["Identity", "Device", "Apps", "Data", "Infrastructure", "Quantum"]);
    let figures: Vec<_> =
        categories.iter().map(|of| (of.current, of.maximum, of.percent)).collect();
    assert_eq!(figures[0], (Some(7.6), Some(10.1), Some(75.25)));
    assert_eq!(figures[1], (None, None, None));
    assert_eq!(figures[3], (Some(25.0), Some(40.0), Some(50.0)));
    assert_eq!(figures[5], (Some(1.0), Some(0.0), None));
}

#[test]
fn controls_kept_apart_stand_in_for_those_of_the_score() {
    let control = r#"{"createdDateTime":"2026-11-22T00:00:00Z","controlName":"mfa","controlCategory":"Identity","score":"7.5"}"#;
    let known = [
        secure_scores(&[day("2026-11-22", 600.0, 1000.0, &[])]),
        known("graph.secure_score_controls", Kind::SecureScoreControls, &[control.to_owned()]),
    ];

    let categories = score(&known).categories;

    assert_eq!((categories[0].current, categories[0].maximum), (Some(7.5), None));
}
