use super::*;
use serde_json::{Value, json};

fn columns(table: &str) -> Option<Columns> {
    let columns = [
        ("Id", Type::String),
        ("Time", Type::DateTime),
        ("On", Type::SByte),
        ("Properties", Type::String),
    ];
    (table == "Things").then(|| columns.map(|(name, kind)| (name.to_owned(), kind)).to_vec())
}

fn rows() -> Vec<Row> {
    let level = |level: Value| json!({"raw": {"level": level, "names": ["x"]}}).to_string();
    let rows = [
        json!({"Id": "b", "Time": "2026-11-02T00:00:00Z", "On": true, "Properties": level(1.into())}),
        json!({"Id": "a", "Time": "2026-11-01T00:00:00Z", "On": false, "Properties": level(4.into())}),
        json!({"Id": "b", "Time": "2026-11-03T00:00:00Z", "On": false, "Properties": "{}"}),
        json!({"Id": "c", "Time": null, "On": null, "Properties": level(0.into())}),
    ];
    rows.into_iter().map(|row| Row::of(row.as_object().unwrap().clone())).collect()
}

fn run(text: &str) -> Vec<Value> {
    let query = Query::read(text, columns).unwrap();
    let rows = query.run(rows().into_iter());
    rows.into_iter().map(|row| Value::Object(row.values)).collect()
}

#[test]
fn operators_are_carried_out_in_their_order() {
    let critical = run("// about\nThings\n| extend P = parse_json(Properties)\n\
         | extend Level = toint(P.raw.level) | where isnotnull(Level) and Level < 4\n\
         | project Id, Level, Names = P.raw.names | sort by Id asc");
    let newest =
        run("Things | summarize arg_max(Time, *) by Id | where On == false | project Id, Time");
    let counted = run("let wanted = 'b'; Things | where Id == wanted or Id =~ \"C\" | count");

    let expected = json!([
        {"Id": "b", "Level": 1, "Names": ["x"]}, {"Id": "c", "Level": 0, "Names": ["x"]},
    ]);
    assert_eq!(json!(critical), expected);
    let times = [("a", "2026-11-01T00:00:00Z"), ("b", "2026-11-03T00:00:00Z")];
    assert_eq!(json!(newest), json!(times.map(|(id, time)| json!({"Id": id, "Time": time}))));
    assert_eq!(json!(counted), json!([{"Count": 3}]));
}

#[test]
fn a_hash_splits_the_rows_and_halves_its_parts() {
    let part = |of: u64, number: u64| {
        run(&format!("Things | where hash(strcat(Id, '|', Time), {of}) == {number}"))
    };

    let all: usize = (0..3).map(|number| part(3, number).len()).sum();
    assert_eq!(all, rows().len());
    for number in 0..3 {
        let halves = part(6, number).len() + part(6, number + 3).len();
        assert_eq!(part(3, number).len(), halves);
    }
}

#[test]
fn recorded_results_are_only_split_sorted_and_counted() {
    let text = "Things | where On == true | project Id | where hash(Id, 1) == 0 | sort by Id desc";
    let recorded = |text: &str| {
        let query = Query::read(text, columns).unwrap();
        query.run_over_results(rows())
    };

    let sorted = recorded(text);
    let counted = recorded(&text.replace("| sort by Id desc", "| count"));

    let ids: Vec<_> = sorted.iter().map(|row| row.values["Id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["c", "b", "b", "a"]);
    assert_eq!(counted[0].values["Count"], 4);
}

#[test]
fn what_is_not_there_or_not_known_is_refused() {
    for text in [
        "",
        "Nothing",
        "Things | where Other == 1",
        "Things | project Id | where On == true",
        "Things | join Things on Id",
        "Things | where Id == \"a",
        "Things | where now() > Time",
        "Things | where hash(Id) == 1",
        "Things | summarize count() by Id",
        "Things | extend P = parse_json(Properties) | sort by P asc",
        "Things;",
    ] {
        assert!(Query::read(text, columns).is_err(), "{text}");
    }
}
