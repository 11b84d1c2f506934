use super::*;

/// A score whose controls, all in one category, have these points.
fn scored(controls: &[(&str, f64)]) -> Known {
    let controls: Vec<_> =
        controls.iter().map(|(name, score)| (*name, "Identity", *score)).collect();
    secure_scores(&[day("2026-11-22", 600.0, 1000.0, &controls)])
}

fn ids(summary: &Summary) -> Vec<&str> {
    summary.improvement_actions.iter().map(|action| action.control_id.as_str()).collect()
}

#[test]
fn an_action_tells_what_it_gains_and_costs() {
    let profile = r#"{"id":"mfa","title":"Invented title","maxScore":9.0,"rank":10,"implementationCost":"Low","userImpact":null,"tier":"Core","actionUrl":"https://example.invalid/mfa","remediation":"<p>Do it.</p>"}"#;
    let known =
        [scored(&[("mfa", 7.9)]), aged(profiles(&[profile]), SignedDuration::from_hours(14))];

    let summary = summed_up(&known);

    let action = &summary.improvement_actions[0];
    assert_eq!((action.points, action.maximum, action.current), (1.1, 9.0, 7.9));
    assert_eq!((action.cost.as_deref(), action.user_impact.as_deref()), (Some("Low"), None));
    assert_eq!(action.url.as_deref(), Some("https://example.invalid/mfa"));
    assert_eq!((action.remediation.as_deref(), action.state.as_str()), (Some("Do it."), "Default"));
    assert_eq!(action.category.as_deref(), Some("Identity"));
    assert!(action.freshness.stale && action.freshness.age_seconds == 14 * 3600);
}

#[test]
fn the_ten_with_the_most_points_come_in_order_of_points_and_rank() {
    let names: Vec<String> = (0..14).map(|at| format!("c{at:02}")).collect();
    let controls: Vec<(&str, f64)> = names.iter().map(|name| (name.as_str(), 1.0)).collect();
    let profile = |(at, name): (usize, &String)| {
        format!(r#"{{"id":"{name}","maxScore":{},"rank":{}}}"#, 2 + at / 2, 100 - at)
    };
    let records: Vec<String> = names.iter().enumerate().map(profile).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();

    let summary = summed_up(&[scored(&controls), profiles(&records)]);

    let wanted = ["c13", "c12", "c11", "c10", "c09", "c08", "c07", "c06", "c05", "c04"];
    assert_eq!(ids(&summary), wanted);
}

#[test]
fn what_cannot_gain_points_is_left_out() {
    let known = [
        scored(&[
            ("open", 1.0),
            ("done", 5.0),
            ("deprecated", 0.0),
            ("ignored", 0.0),
            ("covered", 0.0),
            ("reviewed", 0.0),
            ("unprofiled", 0.0),
            ("worthless", 0.0),
        ]),
        profiles(&[
            r#"{"id":"open","maxScore":5}"#,
            r#"{"id":"done","maxScore":5}"#,
            r#"{"id":"deprecated","maxScore":5,"deprecated":true}"#,
            r#"{"id":"ignored","maxScore":5,"controlStateUpdates":[{"state":"ignored"}]}"#,
            r#"{"id":"covered","maxScore":5,"controlStateUpdates":[{"state":"ThirdParty"}]}"#,
            r#"{"id":"reviewed","maxScore":5,"controlStateUpdates":[{"state":"Reviewed"}]}"#,
            r#"{"id":"worthless","maxScore":null}"#,
            r#"{"id":"not applicable","maxScore":5}"#,
        ]),
    ];

    let summary = summed_up(&known);

    assert_eq!(ids(&summary), ["reviewed", "open"]);
}

#[test]
fn there_are_no_actions_without_profiles_or_without_a_score() {
    let halves = [scored(&[("mfa", 1.0)]), profiles(&[r#"{"id":"mfa","maxScore":5}"#])];

    let counts = halves.map(|half| summed_up(&[half]).improvement_actions.len());

    assert_eq!(counts, [0, 0]);
}
