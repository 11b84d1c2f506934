use super::*;

#[test]
fn open_alerts_and_incidents_are_told_apart() {
    let record = |id: u128, severity: &str, created: &str| {
        format!(
            r#"{{"RecordId":"{id:032x}","status":"active","severity":"{severity}","createdDateTime":"{created}"}}"#
        )
    };
    let rows = |severity: &str| {
        [
            record(1 << 80, severity, "2026-11-22T09:00:00Z"),
            record(2 << 80, severity, "2026-11-18T09:00:00Z"),
            record(3 << 80, severity, "2026-11-01T09:00:00Z"),
            record(4 << 80, severity, "2026-06-01T09:00:00Z"),
        ]
    };
    let known = [
        known("graph.alerts", Kind::Alerts, &rows("high")),
        known("graph.incidents", Kind::Incidents, &rows("low")),
    ];

    let json = serde_json::to_value(summed_up(&known)).unwrap();

    let (alerts, incidents) = (&json["alerts"], &json["incidents"]);
    assert_eq!((&alerts["open"], &alerts["bySeverity"]["high"]), (&4.into(), &4.into()));
    assert_eq!(
        (&incidents["bySeverity"]["high"], &incidents["bySeverity"]["low"]),
        (&0.into(), &4.into())
    );
    let new = ["newIn1Day", "newIn7Days", "newIn30Days"].map(|name| alerts[name].as_u64().unwrap());
    assert_eq!(new, [1, 2, 3]);
    assert_eq!((&alerts["exact"], &alerts["stale"]), (&true.into(), &false.into()));
}
