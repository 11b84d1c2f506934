use super::*;

fn date(day: &str) -> jiff::civil::Date {
    day.parse().unwrap()
}

#[test]
fn a_secure_score_is_kept_with_its_controls_and_averages() {
    let records = [
        r#"{"id":"t_2026-11-02","createdDateTime":"2026-11-02T00:00:00Z","currentScore":612.37,"maxScore":"1204","activeUserCount":412,"licensedUserCount":null,
        "averageComparativeScores":[{"basis":"AllTenants","averageScore":47.12},{"basis":"TotalSeats","averageScore":"49.9","SeatSizeRangeLowerValue":"301","SeatSizeRangeUpperValue":"1000"},{"averageScore":1},7],
        "controlScores":[{"controlName":"mfa","controlCategory":"Identity","score":7.5,"scoreInPercentage":83.33,"count":"375","source":"x"},{"controlName":null},{"controlName":"dlp","score":null}]}"#,
    ];

    let scores = folded!(SecureScores, &records);

    let (newest, day) = scores.newest().unwrap();
    assert_eq!(
        (newest, day.current, day.maximum),
        (date("2026-11-02"), Some(612.37), Some(1204.0))
    );
    assert_eq!((scores.active_users, scores.licensed_users), (Some(412), None));
    assert_eq!(scores.controls.keys().collect::<Vec<_>>(), ["dlp", "mfa"]);
    assert_eq!(scores.controls["mfa"].score, Some(7.5));
    assert_eq!(scores.comparisons.len(), 2);
    assert_eq!(
        (scores.comparisons[1].average_percent, scores.comparisons[1].seats_to),
        (49.9, Some(1000))
    );
}

#[test]
fn days_come_in_any_order_and_the_newest_describes_the_score() {
    let records = [
        r#"{"createdDateTime":"2026-11-01T00:00:00Z","currentScore":5,"controlScores":[{"controlName":"old"}]}"#,
        r#"{"createdDateTime":"2026-11-02T00:00:00Z","currentScore":6,"controlScores":[{"controlName":"new"}]}"#,
        r#"{"createdDateTime":null,"id":"t_2026-10-31","currentScore":4,"controlScores":[{"controlName":"older"}]}"#,
    ];

    let scores = folded!(SecureScores, &records);

    let current: Vec<_> = scores.days.values().filter_map(|day| day.current).collect();
    assert_eq!(current, [4.0, 5.0, 6.0]);
    assert_eq!(scores.controls.keys().collect::<Vec<_>>(), ["new"]);
}

#[test]
fn a_day_that_comes_again_counts_once_in_its_newest_form() {
    let records = [
        r#"{"createdDateTime":"2026-11-02T15:00:00Z","currentScore":6}"#,
        r#"{"createdDateTime":"2026-11-02T15:00:00Z","currentScore":7}"#,
        r#"{"createdDateTime":"2026-11-02T00:00:00Z","currentScore":5}"#,
    ];

    let scores = folded!(SecureScores, &records);

    assert_eq!(scores.days.len(), 1);
    assert_eq!(scores.newest().unwrap().1.current, Some(7.0));
}

#[test]
fn a_day_without_a_score_is_no_newest_day() {
    let records = [
        r#"{"createdDateTime":"2026-11-01T00:00:00Z","currentScore":5}"#,
        r#"{"createdDateTime":"2026-11-02T00:00:00Z","currentScore":{"no":"number"}}"#,
    ];

    let scores = folded!(SecureScores, &records);

    assert_eq!(scores.newest().unwrap().0, date("2026-11-01"));
    assert_eq!(scores.unreadable, 0);
}

#[test]
fn four_hundred_days_are_kept_and_the_oldest_give_way() {
    let first = date("2025-01-01");
    let record = |day: i64| {
        let day = first.saturating_add(jiff::Span::new().days(day));
        format!(
            r#"{{"time":"{day} 06:00:00","createdDateTime":"{day}T00:00:00Z","score":{}.5,"currentScore":1}}"#,
            day.day()
        )
    };
    let records: Vec<String> = (0..450).map(record).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();

    let secure = folded!(SecureScores, &records);
    let exposure = folded!(ExposureScore, &records);

    let fifty_later = first.saturating_add(jiff::Span::new().days(50));
    assert_eq!((secure.days.len(), exposure.days.len()), (400, 400));
    assert_eq!(secure.days.keys().next(), Some(&fifty_later));
    assert_eq!(exposure.days.keys().next(), Some(&fifty_later));
}

#[test]
fn controls_of_the_newest_day_replace_those_before() {
    let records = [
        r#"{"controlName":"gone","secureScoreId":"t_2026-11-01","score":1}"#,
        r#"{"controlName":"mfa","createdDateTime":"2026-11-02T00:00:00Z","controlCategory":"Identity","score":9,"scoreInPercentage":"100"}"#,
        r#"{"controlName":"dlp","createdDateTime":"2026-11-02T00:00:00Z","controlCategory":"Data","scoreInPercentage":12.5}"#,
        r#"{"controlName":"dlp","createdDateTime":"2026-11-02T00:00:00Z","controlCategory":"Data","scoreInPercentage":0.0}"#,
        r#"{"controlName":"old","createdDateTime":"2026-10-02T00:00:00Z","score":1}"#,
        r#"{"controlName":"new","createdDateTime":"2026-11-02T00:00:00Z","createdDateTime":"2026-11-02T00:00:00Z"}"#,
    ];

    let controls = folded!(SecureScoreControls, &records);

    assert_eq!(controls.day, Some(date("2026-11-02")));
    assert_eq!(controls.controls.keys().collect::<Vec<_>>(), ["dlp", "mfa", "new"]);
    assert_eq!(controls.by_category().of("Data"), 1);
    let by = controls.by_implementation();
    assert_eq!((by.of("Complete"), by.of("None"), by.of("Unknown")), (1, 1, 1));
}

#[test]
fn a_profile_is_in_the_state_that_was_set_last() {
    let records = [
        r#"{"id":"mfa","title":"Ask for \"two\"","maxScore":9.5,"rank":"10","deprecated":"true","userImpact":null,"remediation":"<p>Do &amp; <b>check</b>.</p>","Source":"own",
        "controlStateUpdates":[{"state":"ignored","assignedTo":"ana@fabrikam.example","updatedDateTime":"2026-03-01T00:00:00Z"},{"state":"Reviewed","assignedTo":"","updatedDateTime":"2026-02-01T00:00:00Z"},{"state":"Default","updatedDateTime":null}]}"#,
        r#"{"id":"dlp","controlStateUpdates":null,"maxScore":true}"#,
    ];

    let profiles = folded!(ControlProfiles, &records).profiles;

    let mfa = &profiles["mfa"];
    assert!(mfa.is("Ignored") && mfa.assigned && mfa.deprecated);
    assert_eq!((mfa.max_score, mfa.rank, mfa.user_impact.as_deref()), (Some(9.5), Some(10), None));
    assert_eq!(mfa.title.as_deref(), Some("Ask for \"two\""));
    assert_eq!(mfa.remediation.as_deref(), Some("Do & check."));
    let dlp = &profiles["dlp"];
    assert_eq!((dlp.state.as_str(), dlp.assigned, dlp.max_score), ("Default", false, None));
}

#[test]
fn profiles_and_their_texts_are_bounded() {
    let long = "né ".repeat(700);
    let records: Vec<String> =
        (0..2_100).map(|at| format!(r#"{{"id":"c{at:04}","remediation":"{long}"}}"#)).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();

    let profiles = folded!(ControlProfiles, &records).profiles;

    assert_eq!(profiles.len(), 2_000);
    let remediation = profiles["c0000"].remediation.as_deref().unwrap();
    assert_eq!(remediation.chars().count(), 1_000);
}

#[test]
fn a_score_without_a_time_is_of_the_time_it_was_collected() {
    let records = [r#"{"score":"33.491554051195706","time":null}"#];

    let score = folded!(ExposureScore, &records);

    let newest = score.newest().unwrap();
    assert_eq!(newest.score, 33.491554051195706);
    assert_eq!(newest.time.to_string(), "2026-11-22T10:15:00Z");
}
