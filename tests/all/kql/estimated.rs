//! The function over the estimated scores: each day once, with the newest figures.

use super::engine::{World, answer};
use crate::support::{job, later};
use posture::run::run;
use posture::source::{CONTROL_PROFILES, ESTIMATED_SCORES, SECURE_SCORES};
use simulator::{Api, Fault, FaultKind};

#[tokio::test]
async fn a_day_is_estimated_once_whatever_was_sent_twice() {
    let mut world = World::new();
    let app = world.has_devices(20).await;
    run(&app, &job(&app, CONTROL_PROFILES)).await;
    let streams =
        world.now().rules().into_iter().map(|rule| {
            format!("/dataCollectionRules/{rule}/streams/{}", ESTIMATED_SCORES.stream())
        });
    for stream in streams {
        world.now().inject(Fault::new(Api::Logs, &stream, FaultKind::CutBody).times(1));
    }

    run(&app, &job(&app, SECURE_SCORES)).await;
    world.now().advance_days(1);
    run(&app, &later(&app, SECURE_SCORES, 24 * 60)).await;

    let received = world.received();
    assert_eq!(received[ESTIMATED_SCORES.name].len(), 3, "one of them is there twice");
    let Some(rows) = answer(&received, "PostureEstimatedScores() | sort by Day asc") else {
        return;
    };
    let days: Vec<_> = rows.iter().map(|row| row["Day"].as_str().unwrap()).collect();
    assert!(days.len() == 2 && days[0] < days[1], "{days:?}");
    for row in rows {
        let points = |name: &str| row[name].as_f64().unwrap();
        assert!(points("CurrentScore") <= points("PlannedScore"), "{row}");
        assert!(points("AchievableScore") <= points("LicenceScore"), "{row}");
        assert_eq!(row["Estimated"], true);
    }
}
